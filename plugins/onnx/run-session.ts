/** One run of a loaded model: tensors as they travel in, through onnxruntime, and out. */
import type { InferenceSession } from "onnxruntime-web";
import { elementsOf, type Runtime } from "./runtime.ts";
import { ELEMENT_BYTES, elementCount, type WireTensor } from "./tensors.ts";

/** Tensors, with the elements of each in the buffer of the same place. */
export interface Tensors {
  readonly tensors: readonly WireTensor[];
  readonly buffers: readonly ArrayBuffer[];
}

/** Runs a session of `runtime` on feeds that have been checked; `shapes` are theirs, in the same order. */
export async function runSession(
  runtime: Pick<Runtime, "tensor">,
  session: InferenceSession,
  feeds: Tensors,
  shapes: readonly (readonly number[])[],
): Promise<Tensors> {
  const inputs: Record<string, InferenceSession.FeedsType[string]> = {};
  for (const [index, { name: input, type, strings }] of feeds.tensors.entries()) {
    const data = strings ?? elementsOf(type, feeds.buffers[index] ?? new ArrayBuffer());
    inputs[input] = runtime.tensor(type, data, shapes[index] ?? []);
  }
  return outputsOf(await session.run(inputs));
}

function outputsOf(results: InferenceSession.ReturnType): Tensors {
  const tensors: WireTensor[] = [];
  const buffers: ArrayBuffer[] = [];
  for (const [name, value] of Object.entries(results)) {
    if (!("dims" in value)) throw new Error(`the output ${name} is no tensor`);
    const { type, dims, data } = value;
    const strings = type === "string" ? (data as string[]) : undefined;
    tensors.push({ name, type, dims: [...dims], strings });
    buffers.push(strings ? new ArrayBuffer() : bufferOf(data as ArrayBufferView, type, dims));
  }
  return { tensors, buffers };
}

/** The elements in a buffer of their own; copied only where they are a part of a larger one, or of shared memory. */
function bufferOf(data: ArrayBufferView, type: string, dims: readonly number[]): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = data;
  const length = elementCount(dims) * (ELEMENT_BYTES[type] ?? 1);
  if (buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength && byteLength === length)
    return buffer;
  return new Uint8Array(buffer, byteOffset, byteLength).slice().buffer as ArrayBuffer;
}
