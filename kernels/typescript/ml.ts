/** `kroma.ml` for cells: models are loaded and run by the service "ml", outside of this worker. */
import { KromaError } from "#core/base/errors.ts";
import type { ServiceAnswer } from "#core/kernel/services.ts";
import { exportDense } from "#core/kernel/onnx-export.ts";
import { makePipelines } from "./pipelines.ts";
import type { AskOptions, ServiceClient } from "./services.ts";
import { ARRAYS, copied, isView, Tensor, typeOf } from "./tensor.ts";

/** What a model says of an input or output; dimensions that are not fixed have a name. */
export interface ValueInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** What may be fed: a tensor, a typed array (which takes the wanted shape), nested lists of numbers, one number or string. */
export type Feed =
  | Tensor
  | ArrayBufferView
  | {
      readonly data: ArrayBufferView | readonly unknown[];
      readonly type?: string;
      readonly dims?: readonly number[];
      readonly shape?: readonly number[];
    }
  | readonly unknown[]
  | number
  | bigint
  | boolean
  | string;

/** Where a model runs, and why there. It may change with a run: see `LoadOptions.device`. */
interface DeviceFacts {
  readonly device: "wasm" | "cpu" | "webgpu";
  readonly deviceReason: string;
  readonly runtime: string;
}

interface Loaded extends DeviceFacts {
  readonly session: string;
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly bytes: number;
  readonly sha256: string;
  readonly producer: string;
  readonly opsets: Readonly<Record<string, number>>;
}

/** A tensor as it is sent; its elements go beside it. */
export interface WireTensor {
  readonly name: string;
  readonly type: string;
  readonly dims?: readonly number[] | undefined;
  readonly strings?: readonly string[] | undefined;
}

/** A model that is loaded. Let go of it with `dispose`; the collector does it otherwise, in its time. */
export class Model {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly #client: ServiceClient;
  readonly #session: string;
  readonly #forget: () => void;
  #info: Readonly<Omit<Loaded, "session" | "name" | "inputs" | "outputs">>;
  #disposed = false;

  constructor(client: ServiceClient, loaded: Loaded, forget: (model: Model) => void) {
    const { session, name, inputs, outputs, ...info } = loaded;
    this.#client = client;
    this.#session = session;
    this.name = name;
    this.inputs = inputs;
    this.outputs = outputs;
    this.#info = info;
    this.#forget = () => forget(this);
  }

  /** Size, hash, producer, operator sets, what runs it and why: as of the last run. */
  get info(): Readonly<Omit<Loaded, "session" | "name" | "inputs" | "outputs">> {
    return this.#info;
  }

  /** Runs the model; the outputs by name. Rejects with the input that does not fit, what was given and what is wanted. */
  async run(
    feeds: Readonly<Record<string, Feed>>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Record<string, Tensor>> {
    if (this.#disposed) throw new KromaError("missing", `${this.name} was disposed of. Load it again.`);
    const tensors: WireTensor[] = [];
    const buffers: ArrayBuffer[] = [];
    for (const [name, feed] of Object.entries(feeds)) {
      const { tensor, buffer } = toWire(name, feed, this.inputs.find((input) => input.name === name)?.type);
      tensors.push(tensor);
      buffers.push(buffer);
    }
    const answer = await this.#client.ask(
      "ml",
      "run",
      { session: this.#session, tensors },
      { buffers, signal: options.signal },
    );
    const told = answer.value as { readonly tensors: readonly WireTensor[]; readonly device?: DeviceFacts };
    this.#info = { ...this.#info, ...told.device };
    return fromWire(told, answer.buffers ?? []);
  }

  /** Lets go of the model; its memory is free when nobody else holds it and it is wanted. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#forget();
    await this.#client.ask("ml", "release", { session: this.#session });
  }
}

/** How a model is loaded. */
export interface LoadOptions {
  readonly signal?: AbortSignal;
  /** Told how far a download is; `total` is unknown when the server does not tell. */
  readonly onProgress?: (progress: { readonly url: string; readonly bytes: number; readonly total?: number }) => void;
  /** What sentences call bytes that were given. */
  readonly name?: string;
  /** A file of the repository of a model hub, or of the folder with a CID, that the source names. */
  readonly file?: string;
  /** Of a hub's repository: a branch, a tag or a commit; "main" without it. */
  readonly revision?: string;
  /**
   * "auto" (as without it): a large model runs by WebGPU once it gave the same answer there as on the processor, no slower. "wasm": on
   * the processor. "webgpu": any model that gives the same answer; an error where there is no WebGPU. `info.device` tells which it is.
   */
  readonly device?: "auto" | "wasm" | "webgpu";
}

/** A path of the workspace, or the bytes of a file. */
type GivenFile = string | ArrayBuffer | Uint8Array;

/** A sound's samples, its channels mixed into one. */
export interface Sound {
  readonly samples: Float32Array;
  /** Samples a second. */
  readonly sampleRate: number;
  /** Channels that the file has. */
  readonly channels: number;
}

/** Where there is speech in a sound; times are seconds. */
export interface Speech {
  readonly duration: number;
  /** What each of `probabilities` stands for. */
  readonly frame: number;
  readonly probabilities: Float32Array;
  readonly stretches: readonly { readonly start: number; readonly end: number; readonly score: number }[];
}

/** How speech is told from silence. */
export interface SpeechOptions {
  readonly signal?: AbortSignal;
  /** How likely speech has to be where it begins; 0.5 unless it is said. */
  readonly threshold?: number;
  /** Seconds of silence that end a stretch; 0.3 unless it is said. */
  readonly pause?: number;
  readonly onProgress?: (progress: { readonly done: number }) => void;
}

/** `kroma.ml`. */
export function makeMl(client: ServiceClient): Readonly<Record<string, unknown>> {
  const collected = new FinalizationRegistry((session: string) => {
    void client.ask("ml", "release", { session }).catch(() => undefined);
  });
  /**
   * A path of the workspace, an address, "hub:owner/name/file", "ipfs://CID/path", the name of a model that ships; or the bytes
   * themselves.
   */
  const load = async (source: string | ArrayBuffer | Uint8Array, options: LoadOptions = {}): Promise<Model> => {
    const given = typeof source === "string" ? undefined : copied(source);
    const { file, revision, device, name = "the model" } = options;
    const value = typeof source === "string" ? { source, file, revision, device } : { source: name, device };
    const answer = await client.ask("ml", "load", value, {
      buffers: given ? [given] : [],
      signal: options.signal,
      onProgress: options.onProgress as AskOptions["onProgress"],
    });
    const loaded = answer.value as Loaded;
    const model = new Model(client, loaded, (gone) => collected.unregister(gone));
    collected.register(model, loaded.session, model);
    return model;
  };
  const askOfFile = (
    method: string,
    file: GivenFile,
    { signal, onProgress }: AskOptions,
    rule: object = {},
  ): Promise<ServiceAnswer> => {
    const value = typeof file === "string" ? { ...rule, source: file } : rule;
    const buffers = typeof file === "string" ? [] : [copied(file)];
    return client.ask("ml", method, value, { buffers, signal, onProgress });
  };
  return Object.freeze({
    load,
    pipeline: makePipelines(client),
    /** The lines of text in a picture: a path of the workspace, or the bytes of its file. */
    readText: async (picture: GivenFile, options: AskOptions = {}): Promise<unknown> =>
      (await askOfFile("readText", picture, options)).value,
    /** A picture's pixels, uint8 of shape [height, width, 4]: red, green, blue, opacity. */
    readPicture: async (picture: GivenFile, options: AskOptions = {}): Promise<Tensor | undefined> => {
      const { value, buffers } = await askOfFile("readPicture", picture, options);
      return fromWire(value as { readonly tensors: readonly WireTensor[] }, buffers ?? [])["picture"];
    },
    /** The samples of a WAV sound. */
    readSound: async (sound: GivenFile, options: AskOptions = {}): Promise<Sound> => {
      const { value, buffers } = await askOfFile("readSound", sound, options);
      const { sampleRate, channels } = value as Sound;
      return { samples: new Float32Array(buffers?.[0] ?? new ArrayBuffer()), sampleRate, channels };
    },
    /** The stretches of speech in a WAV sound, and how likely it is from moment to moment. */
    findSpeech: async (
      sound: GivenFile,
      { threshold, pause, signal, onProgress }: SpeechOptions = {},
    ): Promise<Speech> => {
      const options = { signal, onProgress: onProgress as AskOptions["onProgress"] };
      const { value, buffers } = await askOfFile("findSpeech", sound, options, { threshold, pause });
      const { duration, frame, stretches } = value as Speech;
      return { duration, frame, probabilities: new Float32Array(buffers?.[0] ?? new ArrayBuffer()), stretches };
    },
    /** The arrays of an .npz or .npy file, by name ("array" in the latter): a path of the workspace, or what ships. */
    readArrays: async (source: string): Promise<Record<string, Tensor>> => {
      const { value, buffers } = await client.ask("ml", "readArrays", { source });
      return fromWire(value as { readonly tensors: readonly WireTensor[] }, buffers ?? []);
    },
    /** Writes arrays by name as an .npz file of the workspace, which `readArrays` and NumPy read; whole or not at all. */
    writeArrays: async (path: string, arrays: Readonly<Record<string, Feed>>): Promise<void> => {
      const given = Object.entries(arrays).map(([name, feed]) => toWire(name, feed, undefined));
      const value = { source: path, tensors: given.map(({ tensor }) => tensor) };
      await client.ask("ml", "writeArrays", value, { buffers: given.map(({ buffer }) => buffer) });
    },
    exportDense,
    Tensor,
    /** What was fetched from the web and is kept, the last used first. */
    stored: async () => (await client.ask("ml", "stored", undefined)).value,
    /** Forgets what is kept of an address. */
    forget: async (source: string) => void (await client.ask("ml", "forget", { source })),
    /** What is loaded at present, and the memory it takes. */
    status: async () => (await client.ask("ml", "status", undefined)).value,
  });
}

/** A feed as it is sent. Throws `invalid` for what is no array. */
export function toWire(
  name: string,
  feed: Feed,
  wanted: string | undefined,
): { tensor: WireTensor; buffer: ArrayBuffer } {
  if (isView(feed)) return { tensor: { name, type: typeOf(feed, wanted) }, buffer: copied(feed) };
  if (typeof feed === "object" && feed !== null && "data" in feed) {
    const dims = "dims" in feed && feed.dims ? feed.dims : feed.shape;
    const { data } = feed;
    const type = feed.type ?? (isView(data) ? typeOf(data, wanted) : wanted);
    if (isView(data)) return { tensor: { name, type: type ?? "", dims }, buffer: copied(data) };
    const listed = fromLists(name, data, type);
    return { ...listed, tensor: { ...listed.tensor, dims: dims ?? listed.tensor.dims } };
  }
  return fromLists(name, feed, wanted);
}

/** Nested lists as a tensor of the wanted type. */
function fromLists(
  name: string,
  lists: unknown,
  wanted: string | undefined,
): { tensor: WireTensor; buffer: ArrayBuffer } {
  const dims: number[] = [];
  for (let level: unknown = lists; Array.isArray(level); level = level[0]) dims.push(level.length);
  const flat = (Array.isArray(lists) ? lists.flat(Infinity) : [lists]) as unknown[];
  const count = dims.reduce((product, size) => product * size, 1);
  if (flat.length !== count) {
    throw new KromaError(
      "invalid",
      `Input "${name}" was given lists of different lengths: ${flat.length} elements are no [${dims.join(", ")}].`,
    );
  }
  const type = wanted ?? "float32";
  if (type === "string") return { tensor: { name, type, dims, strings: flat.map(String) }, buffer: new ArrayBuffer(0) };
  const array = ARRAYS[type];
  if (!array) throw new KromaError("invalid", `Input "${name}" can't be made of lists: the model wants ${type}.`);
  const data = new array(new ArrayBuffer(count * array.BYTES_PER_ELEMENT)) as unknown as (number | bigint)[];
  const isBig = type === "int64" || type === "uint64";
  for (const [index, value] of flat.entries()) {
    if (typeof value !== "number" && typeof value !== "bigint" && typeof value !== "boolean") {
      throw new KromaError(
        "invalid",
        `Input "${name}" was given a ${typeof value} in its lists, but the model wants ${type}.`,
      );
    }
    data[index] = isBig ? BigInt(value) : Number(value);
  }
  return { tensor: { name, type, dims }, buffer: (data as unknown as ArrayBufferView).buffer as ArrayBuffer };
}

function fromWire(
  { tensors }: { readonly tensors: readonly WireTensor[] },
  buffers: readonly ArrayBuffer[],
): Record<string, Tensor> {
  const outputs = tensors.map(({ name, type, dims = [], strings }, index) => {
    const array = ARRAYS[type] ?? Uint8Array;
    return [name, new Tensor(type, strings ?? new array(buffers[index] ?? new ArrayBuffer(0)), dims)] as const;
  });
  return Object.fromEntries(outputs);
}
