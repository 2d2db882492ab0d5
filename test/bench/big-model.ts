/**
 * A model of 144 MB from the web: stopped in the middle, taken up again after a reload, and opened from storage, beside the hash of
 * its bytes alone.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline, Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import type { Page } from "playwright";
import { exportDense } from "#core/kernel/onnx-export.ts";
import { newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";
import { notebookOf, startServer } from "./server.ts";

const MB = 1e6;
const SIDE = 6000;
const PIECE = 65_536;
const STOP_AFTER = 42 * MB;

interface ModelServer {
  readonly url: string;
  /** Of each answer: where it began, and the bytes that went out. */
  readonly answers: { readonly from: number; sent(): number }[];
  close(): Promise<void>;
}

/** Serves the bytes, also from one of them on (RFC 9110, section 14). */
async function serveModel(bytes: Uint8Array): Promise<ModelServer> {
  const answers: ModelServer["answers"] = [];
  const server = createServer((request, response) => {
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Allow-Headers", "range, if-range");
    response.setHeader("Access-Control-Expose-Headers", "etag, content-range");
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const { socket } = request;
    const before = socket.bytesWritten;
    answers.push({ from, sent: () => socket.bytesWritten - before });
    const facts = { "content-length": bytes.length - from, etag: '"one"', connection: "close" };
    response.writeHead(
      from > 0 ? 206 : 200,
      from > 0 ? { ...facts, "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : facts,
    );
    // In pieces, so that what is counted has gone out.
    function* pieces(): Generator<Uint8Array> {
      for (let at = from; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
    }
    pipeline(Readable.from(pieces()), response, () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/big.onnx`,
    answers,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

const stopping = (url: string): string => `%%typescript
const controller = new AbortController();
const onProgress = ({ bytes }) => { if (bytes > ${STOP_AFTER}) controller.abort(); };
await kroma.ml.load("${url}", { signal: controller.signal, onProgress }).then(() => "whole", () => "stopped")`;
const loading = (url: string): string => `%%typescript
const started = performance.now();
const model = await kroma.ml.load("${url}");
console.log("took", performance.now() - started);`;

/** Milliseconds of a digest of so many bytes in a worker-free page, the least of three. */
const digest = (page: Page, length: number): Promise<number> =>
  page.evaluate(async (size) => {
    const bytes = new Uint8Array(size);
    let least = Infinity;
    for (let run = 0; run < 3; run++) {
      const started = performance.now();
      await crypto.subtle.digest("SHA-256", bytes);
      least = Math.min(least, performance.now() - started);
    }
    return least;
  }, length);

/** A big model of the web. */
export async function benchBigModel(): Promise<readonly Figure[]> {
  const bytes = exportDense([
    {
      weights: { data: new Float32Array(SIDE * SIDE).map((_, at) => Math.sin(at)), shape: [SIDE, SIDE] },
      bias: new Float32Array(SIDE),
    },
  ]);
  const model = await serveModel(bytes);
  const server = await startServer();
  const profile = newProfile();
  const browser = await openBrowser(profile);
  try {
    server.pages.set("/notebooks/big.ipynb", notebookOf([stopping(model.url), loading(model.url)]));
    const run = async (page: Page, index: number): Promise<string> => {
      const cell = page.locator(`[data-cell="cell-${index}"]`);
      const read = async (): Promise<string> => (await cell.locator("[data-output]").allInnerTexts()).join("\n");
      await cell.getByRole("textbox").click();
      // What an earlier visit wrote is still there.
      const before = await read();
      await page.keyboard.press("Control+Enter");
      for (;;) {
        const after = await read();
        if (after !== before && /stopped|whole|took/.test(after)) return after;
        await setTimeout(50);
      }
    };
    const page = await browser.context.newPage();
    await page.goto(`${server.url}/?path=notebooks/big.ipynb`);
    const word = await run(page, 0);
    if (!word.includes("stopped")) throw new Error(`The download was not stopped: ${word}`);
    const took: number[] = [];
    for (let visit = 0; visit < 4; visit++) {
      await page.goto("about:blank");
      await page.goto(`${server.url}/?path=notebooks/big.ipynb`);
      took.push(Number(/took ([\d.]+)/.exec(await run(page, 1))?.[1]));
    }
    const hashing = await digest(page, bytes.length);
    const [first, second] = model.answers;
    if (!first || !second) throw new Error("The model was not fetched in two parts");
    const [resumed = 0, ...kept] = took;
    const again = Math.min(...kept);
    return [
      {
        name: "bytes of a stopped download that go over the wire twice",
        value: (first.sent() - second.from) / MB,
        unit: "MB",
        goal: 4,
        detail: `of ${(bytes.length / MB).toFixed(0)} MB; ${(second.from / MB).toFixed(1)} MB were kept and not asked for again, the rest was under way; ${model.answers.length} answers in five visits, the second whole after ${resumed.toFixed(0)} ms`,
      },
      {
        name: "a model of 144 MB from storage",
        value: again,
        unit: "ms",
        goal: 1500,
        detail: `the least of ${kept.length} visits, kernel and engine started anew in each (${kept.map((ms) => ms.toFixed(0)).join(", ")}); its SHA-256 alone takes ${hashing.toFixed(0)} ms (${(bytes.length / hashing / 1000).toFixed(0)} MB/s)`,
      },
    ];
  } finally {
    await browser.close();
    removeProfile(profile);
    await server.close();
    await model.close();
  }
}
