/** The engine in a page: onnxruntime-web in a worker, its files from Kroma, and text read from pictures drawn here. */
import "ipfs-unixfs-importer";
import "onnxruntime-web/wasm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ServiceHost } from "#core/kernel/service-host.ts";
import { services } from "#core/kernel/services.ts";
import { PluginHost } from "#core/plugin/facet.ts";
import { onnx } from "#plugins/onnx/index.ts";
import { shareRight } from "../../unit/onnx/edit-distance.ts";

let workers: Worker[] = [];
let host: ServiceHost;
beforeAll(() => {
  host = new ServiceHost(new PluginHost([onnx]).get(services), {
    spawn() {
      const worker = new Worker(new URL("../../../app/browser/models.worker.ts", import.meta.url), { type: "module" });
      workers.push(worker);
      return {
        port: worker,
        terminate: () => worker.terminate(),
        onError: (listener) => {
          const heard = (event: ErrorEvent): void => listener(event.message);
          worker.addEventListener("error", heard);
          return () => worker.removeEventListener("error", heard);
        },
      };
    },
    asset: (path) => new URL(path, new URL("/assets/", location.href)).href,
    workspace: undefined,
    foreign: false,
  });
});
afterAll(() => host.close());

const ask = (
  method: string,
  value: unknown,
  buffers: readonly ArrayBuffer[] = [],
  more: { readonly signal?: AbortSignal; readonly onProgress?: (value: unknown) => void } = {},
) => host.call("ml", { client: "test", method, value, buffers, signal: new AbortController().signal, ...more });

interface Line {
  readonly text: string;
}
async function read(canvas: OffscreenCanvas, type = "image/png"): Promise<readonly string[]> {
  const bytes = await (await canvas.convertToBlob({ type, quality: 0.9 })).arrayBuffer();
  const { value } = await ask("readText", {}, [bytes]);
  return (value as { readonly lines: readonly Line[] }).lines.map(({ text }) => text);
}

const LINES = [
  "The harbour opens at 6:45",
  "Platform 9, change here",
  "Two coffees and a bun 7.60",
  "Invoice no. 2024-11873",
  "Please keep the door shut",
  "Flour, salt, yeast, water",
  "Meet me by the old mill",
  "Serial 4F7A-92CE-118B",
  "Rain is expected tonight",
  "Total due: 1,482.90 EUR",
  "Chapter seven: the lighthouse",
  "Do not feed the swans",
  "Gate closes in 15 minutes",
  "Best before 03 MAY 2027",
  "Quiet please, exam in progress",
  "North wind, force 4 to 5",
  "Library returns downstairs",
  "Mix well and bake for an hour",
  "Tickets are valid all day",
  "Signed, the committee",
];
const FONTS = ["DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "bold DejaVu Sans", "italic DejaVu Serif"];
const SIZES = [18, 24, 32, 42];

test("20 lines in five typefaces and four sizes: at least 95 % of the characters are right", async () => {
  const read20: string[] = [];
  // Five lines on each of four pictures, dark on light and light on dark.
  for (let page = 0; page < 4; page++) {
    const canvas = new OffscreenCanvas(900, 420);
    const context = canvas.getContext("2d")!;
    context.fillStyle = page % 2 === 0 ? "#f7f4ea" : "#23303a";
    context.fillRect(0, 0, 900, 420);
    context.fillStyle = page % 2 === 0 ? "#26221c" : "#f3efe2";
    for (let row = 0; row < 5; row++) {
      const [style, family] = /^(bold |italic )?(.*)$/.exec(FONTS[row]!)!.slice(1);
      context.font = `${style ?? ""}${SIZES[page]}px "${family}"`;
      context.fillText(LINES[page * 5 + row]!, 40, 70 + row * 74);
    }
    read20.push(...(await read(canvas, page === 1 ? "image/jpeg" : "image/png")));
  }
  const share = shareRight(LINES, read20);
  console.info(`characters right: ${(share * 100).toFixed(2)} %`);
  expect(read20).toHaveLength(20);
  expect(share).toBeGreaterThanOrEqual(0.95);
});

test("a model is loaded by the name it ships under, and tells what runs it", async () => {
  const { value } = await ask("load", { source: "pp-ocr-v4-det" });
  expect(value).toMatchObject({ name: "pp-ocr-v4-det", inputs: [{ name: "x", type: "float32" }] });
  expect((value as { runtime: string }).runtime).toMatch(/^onnxruntime-web 1\.30\.\d+ \(WebAssembly, \d+ threads?\)$/);
});

test("where the browser finds no graphics processor, WebGPU is refused in words, and models run without", async () => {
  await expect(ask("load", { source: "silero-vad", device: "webgpu" })).rejects.toThrow(
    "WebGPU finds no graphics processor on this device.",
  );
  const { value } = await ask("load", { source: "silero-vad" });
  expect(value).toMatchObject({ device: "wasm", deviceReason: expect.stringContaining("WebGPU is for models from") });
});

test("a model from the web is kept in the browser's own storage, checked, and forgotten when it is told to", async () => {
  const source = new URL("/halting/pp-ocr-v4-rec.onnx", location.href).href;
  const list = async () =>
    (await ask("stored", undefined)).value as readonly { url: string; bytes: number; total?: number; cid?: string }[];
  await ask("forget", { source });
  const abort = new AbortController();
  const onProgress = (progress: unknown): void => {
    if ((progress as { bytes: number }).bytes > 4e6) abort.abort(new Error("enough"));
  };
  await expect(ask("load", { source }, [], { signal: abort.signal, onProgress })).rejects.toThrow("enough");
  await expect.poll(async () => (await list()).find(({ url }) => url === source)?.bytes).toBeGreaterThan(4e6);
  expect((await list())[0]!.cid).toBeUndefined();
  const { value } = await ask("load", { source });
  const { bytes } = value as { readonly bytes: number };
  expect((await list())[0]).toMatchObject({ url: source, bytes, total: bytes, cid: expect.stringMatching(/^bafybei/) });
  const seen: unknown[] = [];
  await ask("load", { source }, [], { onProgress: (progress) => seen.push(progress) });
  expect(seen).toEqual([]);
  await ask("forget", { source });
  expect((await list()).filter(({ url }) => url === source)).toEqual([]);
});

test("the speech in the recording that ships is found where it is in Node", async () => {
  const recording = await (await fetch("/notebooks/data/sense-and-sensibility.wav")).arrayBuffer();
  const { value } = await ask("findSpeech", {}, [recording]);
  const { stretches } = value as { readonly stretches: readonly { readonly start: number; readonly end: number }[] };
  const wanted = [
    [0.322, 6.91],
    [7.33, 9.982],
    [10.338, 15.262],
  ];
  expect(stretches).toHaveLength(wanted.length);
  for (const [index, [start = 0, end = 0]] of wanted.entries()) {
    expect(Math.abs(stretches[index]!.start - start)).toBeLessThan(0.1);
    expect(Math.abs(stretches[index]!.end - end)).toBeLessThan(0.1);
  }
});

test("what is no picture is refused in words", async () => {
  await expect(ask("readText", {}, [new TextEncoder().encode("no picture").buffer])).rejects.toThrow(
    "This is no picture that the browser can show.",
  );
});

test("an engine that dies tells who waits, and the next call has another", async () => {
  const { value } = await ask("load", { source: "pp-ocr-v4-det" });
  const { session } = value as { readonly session: string };
  workers.at(-1)!.dispatchEvent(new ErrorEvent("error", { message: "it was killed" }));
  await expect(ask("run", { session, tensors: [] })).rejects.toThrow("Load it again.");
  expect((await ask("status", undefined)).value).toMatchObject({ used: 0 });
  expect(workers).toHaveLength(2);
});
