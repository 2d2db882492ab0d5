/**
 * Plugins of the test server: a model whose download halts half-way, and goes on for who asks for the rest (RFC 9110, 14); and one that
 * only who has signed in is led to, at a server of another origin that refuses whoever brings the token along.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Plugin } from "vite";

/** Where it is on the server. */
const HALTING_MODEL = "/halting/pp-ocr-v4-rec.onnx";
const GATED_MODEL = "/gated/model.bin";
const TOKEN = "hf_of_the_tests";
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

/** Serves a file to who has the token, by way of another origin. */
export function gatedModel(): Plugin {
  return {
    name: "gated-model",
    async configureServer(server) {
      const storage = createServer((request, response) => {
        const isClean = request.method === "GET" && request.headers.authorization === undefined;
        response
          .writeHead(isClean ? 200 : 400, { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*" })
          .end(isClean ? new Uint8Array(1000).fill(5) : "");
      });
      await new Promise<void>((resolve) => storage.listen(0, "127.0.0.1", resolve));
      storage.unref();
      const location = `http://127.0.0.1:${(storage.address() as AddressInfo).port}/`;
      server.middlewares.use(GATED_MODEL, (request, response) => {
        if (request.headers.authorization === `Bearer ${TOKEN}`) response.writeHead(302, { location }).end();
        else response.writeHead(401).end();
      });
    },
  };
}
