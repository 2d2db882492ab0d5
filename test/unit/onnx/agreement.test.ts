/** When two answers of a model are the same. */
import { expect, test } from "vitest";
import { compareAnswers } from "#plugins/onnx/agreement.ts";
import type { Tensors } from "#plugins/onnx/run-session.ts";

const answer = (data: ArrayBufferView, type: string, dims: readonly number[], name = "y"): Tensors => ({
  tensors: [{ name, type, dims }],
  buffers: [data.buffer as ArrayBuffer],
});
const floats = (...values: readonly number[]): Tensors => answer(Float32Array.from(values), "float32", [values.length]);

test("floats may differ by the tolerance, which is said with the largest difference", () => {
  expect(compareAnswers(floats(1, -2, 0), floats(1.0005, -2, 0.00009))).toEqual({
    kind: "same",
    words: "floats differ by 0.0005 at most, and may by 0.0001 + 0.1 % of the value",
  });
  expect(compareAnswers(floats(1000, 0), floats(1000.9, 0)).kind).toBe("same");
});

test("a float beyond the tolerance is told with both values: the worst of them", () => {
  expect(compareAnswers(floats(0.0932, 0.5, 5000), floats(0.0242, 0.501, 5000.5))).toEqual({
    kind: "different",
    words: 'its output "y" had 0.0242 instead of 0.0932; floats may differ by 0.0001 + 0.1 % of the value',
  });
  expect(compareAnswers(floats(0), floats(0.00011)).kind).toBe("different");
});

test("NaN agrees with NaN only, and an infinity with itself only", () => {
  expect(compareAnswers(floats(NaN, Infinity, -Infinity), floats(NaN, Infinity, -Infinity)).kind).toBe("same");
  for (const [mine, theirs] of [
    [NaN, 0],
    [0, NaN],
    [Infinity, NaN],
    [Infinity, -Infinity],
    [Infinity, 3e38],
    [3e38, Infinity],
  ] as const) {
    expect(compareAnswers(floats(1, mine), floats(1, theirs)).kind, `${mine} and ${theirs}`).toBe("different");
  }
});

test("16-bit floats have a tolerance of their own", () => {
  const half = (Float16Array: new (values: readonly number[]) => ArrayBufferView, ...values: readonly number[]) =>
    answer(new Float16Array(values), "float16", [values.length]);
  const { Float16Array } = globalThis as unknown as {
    Float16Array: new (values: readonly number[]) => ArrayBufferView;
  };
  expect(compareAnswers(half(Float16Array, 1, 100), half(Float16Array, 1.009, 100.9)).kind).toBe("same");
  expect(compareAnswers(half(Float16Array, 1, 100), half(Float16Array, 1.05, 100)).kind).toBe("different");
});

test("integers, truth values and strings have to be equal", () => {
  const integers = (...values: readonly bigint[]): Tensors =>
    answer(BigInt64Array.from(values), "int64", [values.length]);
  expect(compareAnswers(integers(7n, 2n ** 62n), integers(7n, 2n ** 62n))).toEqual({
    kind: "same",
    words: "all of it is equal",
  });
  expect(compareAnswers(integers(7n), integers(8n)).words).toBe(
    'its output "y" had "8" instead of "7"; these have to be equal',
  );
  const bits = (...values: readonly number[]): Tensors => answer(Uint8Array.from(values), "bool", [values.length]);
  expect(compareAnswers(bits(1, 0), bits(1, 1)).kind).toBe("different");
  const strings = (...values: readonly string[]): Tensors => ({
    tensors: [{ name: "y", type: "string", dims: [values.length], strings: values }],
    buffers: [new ArrayBuffer()],
  });
  expect(compareAnswers(strings("a"), strings("a")).kind).toBe("same");
  expect(compareAnswers(strings("a"), strings("b")).kind).toBe("different");
});

test("another name, type, shape or order of outputs", () => {
  const mine = answer(new Float32Array(6), "float32", [2, 3]);
  expect(compareAnswers(mine, answer(new Float32Array(6), "float32", [3, 2])).words).toBe(
    'its output "y" was float32 [3, 2] instead of float32 [2, 3]',
  );
  expect(compareAnswers(mine, answer(new Int32Array(6), "int32", [2, 3])).kind).toBe("different");
  expect(compareAnswers(mine, answer(new Float32Array(6), "float32", [2, 3], "z")).words).toBe(
    'it did not give the output "y"',
  );
  const both = (first: Tensors, second: Tensors): Tensors => ({
    tensors: [...first.tensors, ...second.tensors],
    buffers: [...first.buffers, ...second.buffers],
  });
  const other = answer(Float32Array.of(1), "float32", [1], "z");
  expect(compareAnswers(both(mine, other), both(other, mine)).kind).toBe("same");
});

test("outputs without elements show nothing", () => {
  const none = answer(new Float32Array(), "float32", [0, 2]);
  expect(compareAnswers(none, none).kind).toBe("nothing");
});
