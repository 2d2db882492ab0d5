/** A plugin of the test server: a model whose download halts half-way, and goes on for who asks for the rest (RFC 9110, 14). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Where it is on the server. */
const HALTING_MODEL = "/halting/pp-ocr-v4-rec.onnx";
const FILE = join(import.meta.dirname, "../../../dist/site/assets/models/pp-ocr-v4-rec.onnx");

/** Serves the shipped model that reads text, of which the first answer has one half and then nothing more. */
export function haltingModel(): Plugin {
  return {
    name: "halting-model",
    configureServer(server) {
      server.middlewares.use(HALTING_MODEL, (request, response) => {
        void readFile(FILE).then((bytes) => {
          const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
          response.writeHead(from > 0 ? 206 : 200, {
            "Content-Type": "application/octet-stream",
            "Content-Length": bytes.length - from,
            "Accept-Ranges": "bytes",
            ETag: '"1"',
            ...(from > 0 ? { "Content-Range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
          });
          if (from > 0) response.end(bytes.subarray(from));
          else response.write(bytes.subarray(0, bytes.length / 2));
        });
      });
    },
  };
}
