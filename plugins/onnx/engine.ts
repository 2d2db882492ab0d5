/**
 * The engine: models that are loaded, and their runs, one at a time. It lives in a worker of its own, so a model outlives
 * the kernel that asked for it: what is loaded is known by the hash of its bytes and shared by all who ask for the same,
 * and one that nobody holds stays until its memory is wanted.
 */
import type { InferenceSession } from "onnxruntime-web";
import { KromaError } from "#core/base/errors.ts";
import type { FetchProgress } from "#core/store/fetched.ts";
import { loadFailure, runFailure } from "./failures.ts";
import { FairQueue } from "#core/base/fair-queue.ts";
import { type ModelFile, readModelFile } from "./model-file.ts";
import { type ExternalData, elementsOf, type Runtime } from "./runtime.ts";
import { megabytes, type ModelSources, type OpenedModel, sha256 } from "./sources.ts";
import { checkFeeds, ELEMENT_BYTES, elementCount, type ValueInfo, type WireTensor } from "./tensors.ts";

export interface EngineParts {
  /** Loads onnxruntime when the first model is. */
  readonly runtime: () => Promise<Runtime>;
  readonly sources: ModelSources;
  /** Bytes that all models together may take. */
  readonly budget: number;
  /** Lets messages in. */
  readonly breathe: () => Promise<void>;
}

/** What is told of a model that was loaded. */
export interface LoadedModel {
  /** Names it for `run` and `release`. */
  readonly session: string;
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly bytes: number;
  readonly sha256: string;
  readonly producer: string;
  readonly opsets: Readonly<Record<string, number>>;
  readonly runtime: string;
}

/** What is loaded, for people. */
export interface EngineStatus {
  /** Bytes that models may take, and take by estimate. */
  readonly budget: number;
  readonly used: number;
  readonly models: readonly {
    readonly sha256: string;
    readonly bytes: number;
    readonly memory: number;
    /** How many hold it. */
    readonly holders: number;
    readonly names: readonly string[];
    /** The addresses that it was fetched from, of those who hold it. */
    readonly addresses: readonly string[];
  }[];
}

/** Tensors, with the elements of each in the buffer of the same place. */
export interface Tensors {
  readonly tensors: readonly WireTensor[];
  readonly buffers: readonly ArrayBuffer[];
}

interface Resident {
  readonly session: InferenceSession;
  readonly model: Omit<LoadedModel, "session" | "name">;
  /** An estimate: onnxruntime keeps weights and, where it rearranges them, a second copy of some. */
  readonly cost: number;
  holders: number;
}

/** What a model is called, and where it came from. */
interface Known {
  readonly key: string;
  readonly name: string;
  readonly address: string | undefined;
}

interface Hold extends Known {
  readonly client: string;
}

const COPIES = 1.5;

export class Engine {
  readonly #parts: EngineParts;
  readonly #queue: FairQueue;
  /** By hash, the one that was not used for longest first. */
  readonly #residents = new Map<string, Resident>();
  readonly #holds = new Map<string, Hold>();
  /** Sources that need not be read again as long as they are what they were. */
  readonly #known = new Map<string, Known>();
  #count = 0;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#queue = new FairQueue(parts.breathe);
  }

  /** Loads a model from its source, or from bytes that were given with a name. */
  async load(
    client: string,
    source: string,
    given: ArrayBuffer | undefined,
    signal: AbortSignal,
    onProgress?: (progress: FetchProgress) => void,
  ): Promise<LoadedModel> {
    const fingerprint = given ? undefined : await this.#parts.sources.fingerprint(source);
    const known = fingerprint === undefined ? undefined : this.#known.get(fingerprint);
    const there = known && this.#touch(known.key);
    if (there) return this.#hold(client, known, there);
    const opened = given ? this.#given(source, given) : await this.#parts.sources.open(source, signal, onProgress);
    signal.throwIfAborted();
    const file = readModelFile(opened.name, opened.bytes);
    const external: ExternalData[] = [];
    for (const path of file.external) external.push({ path, data: await opened.beside(path) });
    const key = await this.#keyOf(opened, external);
    const resident =
      this.#touch(key) ?? (await this.#queue.run(client, signal, () => this.#admit(key, opened, file, external)));
    // Weights in files of their own may change while the model's file stays.
    const loaded: Known = { key, name: opened.name, address: opened.address };
    if (fingerprint !== undefined && external.length === 0) this.#known.set(fingerprint, loaded);
    return this.#hold(client, loaded, resident);
  }

  #hold(client: string, known: Known, resident: Resident): LoadedModel {
    resident.holders += 1;
    const session = `model-${++this.#count}`;
    this.#holds.set(session, { client, ...known });
    return { session, name: known.name, ...resident.model };
  }

  /** Runs a model once. */
  async run(client: string, session: string, feeds: Tensors, signal: AbortSignal): Promise<Tensors> {
    const { name, resident } = this.#held(client, session);
    const shapes = checkFeeds(resident.model.inputs, feeds.tensors, feeds.buffers);
    return this.#queue.run(client, signal, () => this.#perform(name, resident, feeds, shapes));
  }

  /**
   * Runs a model again and again in one turn, for those that remember: `next` makes the feeds of the outputs before, which
   * at first are undefined, and ends it by giving none.
   */
  async runOn(
    client: string,
    session: string,
    signal: AbortSignal,
    next: (before: Tensors | undefined) => Tensors | undefined,
  ): Promise<void> {
    const { name, resident } = this.#held(client, session);
    return this.#queue.run(client, signal, async () => {
      let outputs: Tensors | undefined;
      for (let feeds = next(outputs); feeds; feeds = next(outputs)) {
        const shapes = checkFeeds(resident.model.inputs, feeds.tensors, feeds.buffers);
        outputs = await this.#perform(name, resident, feeds, shapes);
      }
    });
  }

  async #perform(
    name: string,
    resident: Resident,
    feeds: Tensors,
    shapes: readonly (readonly number[])[],
  ): Promise<Tensors> {
    const runtime = await this.#parts.runtime();
    const inputs: Record<string, InferenceSession.FeedsType[string]> = {};
    for (const [index, { name: input, type, strings }] of feeds.tensors.entries()) {
      const data = strings ?? elementsOf(type, feeds.buffers[index] ?? new ArrayBuffer());
      inputs[input] = runtime.tensor(type, data, shapes[index] ?? []);
    }
    try {
      return outputsOf(await resident.session.run(inputs));
    } catch (error) {
      throw runFailure(name, error);
    }
  }

  /** Lets go of a model. What is not held may be dropped when its memory is wanted. */
  release(client: string, session: string): void {
    const hold = this.#holds.get(session);
    if (hold?.client !== client) return;
    this.#holds.delete(session);
    const resident = this.#residents.get(hold.key);
    if (resident) resident.holders -= 1;
  }

  /** Lets go of all that a client held. */
  leave(client: string): void {
    for (const [session, hold] of this.#holds) if (hold.client === client) this.release(client, session);
  }

  /** What is loaded, for people: name, size, holders. */
  status(): EngineStatus {
    const models = [...this.#residents].map(([sha, { model, cost, holders }]) => {
      const holds = [...this.#holds.values()].filter(({ key }) => key === sha);
      const names = [...new Set(holds.map(({ name }) => name))];
      const addresses = [...new Set(holds.flatMap(({ address }) => address ?? []))];
      return { sha256: sha, bytes: model.bytes, memory: cost, holders, names, addresses };
    });
    return { budget: this.#parts.budget, used: this.#used(), models };
  }

  #held(client: string, session: string): { readonly name: string; readonly resident: Resident } {
    const hold = this.#holds.get(session);
    const resident = hold?.client === client ? this.#touch(hold.key) : undefined;
    if (!hold || !resident)
      throw new KromaError("missing", "This model was disposed of, or the engine was started again. Load it again.");
    return { name: hold.name, resident };
  }

  #given(source: string, bytes: ArrayBuffer): OpenedModel {
    const beside = (file: string): Promise<never> =>
      Promise.reject(
        new KromaError(
          "missing",
          `${source} keeps weights in the file ${file}: load it from a path and not from bytes.`,
        ),
      );
    return { name: source, bytes: new Uint8Array(bytes), beside };
  }

  async #keyOf({ bytes }: OpenedModel, external: readonly ExternalData[]): Promise<string> {
    const own = await sha256(bytes);
    if (external.length === 0) return own;
    const all = [own];
    for (const { path, data } of external) all.push(path, await sha256(data as Uint8Array<ArrayBuffer>));
    return sha256(new TextEncoder().encode(all.join("\n")));
  }

  #touch(key: string): Resident | undefined {
    const resident = this.#residents.get(key);
    if (!resident) return undefined;
    this.#residents.delete(key);
    this.#residents.set(key, resident);
    return resident;
  }

  async #admit(
    key: string,
    { name, bytes }: OpenedModel,
    file: ModelFile,
    external: readonly ExternalData[],
  ): Promise<Resident> {
    // Somebody else may have loaded the same while this waited.
    const already = this.#touch(key);
    if (already) return already;
    const size = external.reduce((sum, { data }) => sum + data.length, bytes.length);
    const cost = Math.ceil(size * COPIES);
    await this.#makeRoom(name, cost);
    const runtime = await this.#parts.runtime();
    let session: InferenceSession;
    try {
      session = await runtime.create(bytes, external);
    } catch (error) {
      throw loadFailure(name, file, error);
    }
    const model = {
      inputs: session.inputMetadata.map(infoOf),
      outputs: session.outputMetadata.map(infoOf),
      bytes: size,
      sha256: key,
      producer: file.producer,
      opsets: file.opsets,
      runtime: runtime.description,
    };
    const resident: Resident = { session, model, cost, holders: 0 };
    this.#residents.set(key, resident);
    return resident;
  }

  async #makeRoom(name: string, cost: number): Promise<void> {
    const { budget } = this.#parts;
    for (const [key, resident] of this.#residents) {
      if (this.#used() + cost <= budget) return;
      if (resident.holders > 0) continue;
      this.#residents.delete(key);
      await resident.session.release();
    }
    const used = this.#used();
    if (used + cost <= budget) return;
    const rest = used === 0 ? "" : ` Models that are in use take ${megabytes(used)}: dispose of one.`;
    throw new KromaError(
      "exhausted",
      `${name} needs about ${megabytes(cost)} of memory, and models may use ${megabytes(budget)} here.${rest}`,
    );
  }

  #used(): number {
    return [...this.#residents.values()].reduce((sum, { cost }) => sum + cost, 0);
  }
}

function infoOf(value: InferenceSession.ValueMetadata): ValueInfo {
  return value.isTensor
    ? { name: value.name, type: value.type, shape: value.shape.map(dimensionOf) }
    : { name: value.name, type: "a value that is no tensor", shape: [] };
}

/** An open dimension without a name is "" in onnxruntime-node, and -1 taken for a whole number of 32 bits in onnxruntime-web. */
const dimensionOf = (size: number | string): number | string =>
  typeof size === "number" && (size < 0 || size >= 2 ** 31) ? "" : size;

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
