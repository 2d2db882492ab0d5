/** What is seen of a model's file before onnxruntime has it, and what a person is told of one that is none. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import { readModelFile } from "#plugins/onnx/model-file.ts";
import { linear, makeModel } from "./make-model.ts";

const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const sentence = (bytes: Uint8Array): string => {
  try {
    readModelFile("it", bytes);
  } catch (error) {
    if (error instanceof KromaError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "fine";
};

test("a model tells its version, operators and operator sets", () => {
  expect(readModelFile("it", linear())).toEqual({
    irVersion: 8,
    producer: "kroma-test",
    opsets: { "": 17 },
    operators: ["MatMul", "Add"],
    external: [],
  });
});

test("weights in other files are named", () => {
  const bytes = makeModel({
    inputs: { x: ["float32", [1, 3]] },
    outputs: { y: ["float32", [1, 3]] },
    nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    external: { w: { shape: [1, 3], file: "weights/w.bin", length: 12 } },
  });
  expect(readModelFile("it", bytes).external).toEqual(["weights/w.bin"]);
});

test.each([
  ["", "invalid: it is not an ONNX model: it is empty."],
  ["<!DOCTYPE html><p>404", "invalid: it is not an ONNX model: it is a web page; perhaps a server answered with one."],
  [
    "version https://git-lfs.github.com/spec/v1\n",
    "invalid: it is not an ONNX model: it is a Git LFS pointer and not the file that it points to.",
  ],
  ["GGUF\u0003\u0000\u0000\u0000", "invalid: it is not an ONNX model: it is a GGUF file, for llama.cpp."],
  ['{"format":"layers-model"}', "invalid: it is not an ONNX model: it is JSON."],
  ["hello world, this is text", "invalid: it is not an ONNX model."],
])("%j is another kind of file", (content, said) => {
  expect(sentence(text(content))).toBe(said);
});

test("a file that is cut off is told from one that is something else", () => {
  const whole = linear();
  expect(sentence(whole.slice(0, 100))).toMatch(
    /^corrupt: it is cut off: 100 bytes are there, at least \d+ more are missing\. Fetch it again\.$/,
  );
  expect(sentence(whole.slice(0, 14))).toMatch(/^corrupt: it is cut off/);
});

test("whatever the bytes, it is a sentence and never a crash or an endless look", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(300), (noise, at) => {
      const bytes = linear();
      bytes.set(noise.subarray(0, Math.max(0, bytes.length - at)), Math.min(at, bytes.length));
      expect(sentence(bytes)).toMatch(/^(?:fine|invalid: it |corrupt: it )/);
      expect(sentence(noise)).toMatch(/^(?:fine|invalid: it |corrupt: it )/);
    }),
    { numRuns: 500 },
  );
});
