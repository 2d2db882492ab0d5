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
import { type Copy, GraphicsModel } from "./graphics-model.ts";
import { type GraphicsParts, GraphicsPlace } from "./graphics-place.ts";
import { type ModelFile, readModelFile } from "./model-file.ts";
import { runSession, type Tensors } from "./run-session.ts";
import type { ExternalData, Runtime, RunsOn } from "./runtime.ts";
import { megabytes, type ModelSources, type OpenedModel, sha256 } from "./sources.ts";
import { checkFeeds, type ValueInfo } from "./tensors.ts";

export interface EngineParts {
  /** Loads onnxruntime when the first model is. */
  readonly runtime: () => Promise<Runtime>;
  readonly sources: ModelSources;
  /** Bytes that all models together may take. */
  readonly budget: number;
  /** Lets messages in. */
  readonly breathe: () => Promise<void>;
  /** The graphics processor; undefined where models never run on one. */
  readonly graphics?: GraphicsParts | undefined;
}

/**
 * Where a model is to run: "wasm" is the processor, whatever its onnxruntime; "auto" is the graphics processor for large models that
 * give the same answer there, no slower; "webgpu" is that for every model that gives the same answer.
 */
export const DEVICES = ["auto", "wasm", "webgpu"] as const;

/** One of them. */
export type Device = (typeof DEVICES)[number];

/** What runs a model at present, and why that. */
export interface DeviceFacts {
  readonly device: RunsOn;
  readonly deviceReason: string;
  readonly runtime: string;
}

/** What is told of a model that was loaded. */
export interface LoadedModel extends DeviceFacts {
  /** Names it for `run` and `release`. */
  readonly session: string;
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly bytes: number;
  readonly sha256: string;
  readonly producer: string;
  readonly opsets: Readonly<Record<string, number>>;
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
    readonly device: RunsOn;
    readonly deviceReason: string;
  }[];
}

interface Resident {
  readonly session: InferenceSession;
  readonly model: Omit<LoadedModel, "session" | "name" | keyof DeviceFacts>;
  /** What runs its session. */
  readonly runtime: Runtime;
  /** An estimate: onnxruntime keeps weights and, where it rearranges them, a second copy of some. */
  readonly cost: number;
  holders: number;
  /** Undefined while nobody who holds it would have it on the graphics processor. */
  graphics?: GraphicsModel;
}

/** What a model is called, and where it came from. */
interface Known {
  readonly key: string;
  readonly name: string;
  readonly address: string | undefined;
}

interface Hold extends Known {
  readonly client: string;
  readonly device: Device;
}

const COPIES = 1.5;
/** Smaller models take no time on the processor, and the program for the graphics processor alone is larger. */
const WORTH_GRAPHICS = 16e6;

export class Engine {
  readonly #parts: EngineParts;
  readonly #queue: FairQueue;
  readonly #graphics: GraphicsPlace | undefined;
  /** By hash, the one that was not used for longest first. */
  readonly #residents = new Map<string, Resident>();
  readonly #holds = new Map<string, Hold>();
  /** Sources that need not be read again as long as they are what they were. */
  readonly #known = new Map<string, Known>();
  #count = 0;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#queue = new FairQueue(parts.breathe);
    this.#graphics = parts.graphics && new GraphicsPlace(parts.graphics, parts.breathe);
  }

  /**
   * Loads a model from its source, or from bytes that were given with a name. Rejects with `unavailable` when it is to run by WebGPU
   * and there is none.
   */
  async load(
    client: string,
    source: string,
    given: ArrayBuffer | undefined,
    signal: AbortSignal,
    onProgress?: (progress: FetchProgress) => void,
    device: Device = "wasm",
  ): Promise<LoadedModel> {
    if (device === "webgpu") await this.#needGraphics();
    const fingerprint = given ? undefined : await this.#parts.sources.fingerprint(source);
    const known = fingerprint === undefined ? undefined : this.#known.get(fingerprint);
    const there = known && this.#touch(known.key);
    if (there && !this.#wantsFile(there, device)) return this.#ready(client, known, there, device);
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
    return this.#ready(client, loaded, resident, device, async () => {
      const makeRoom = (): Promise<void> => this.#makeRoom(opened.name, resident.model.bytes);
      if (device === "webgpu") await this.#queue.run(client, signal, makeRoom);
      await this.#addGraphics(resident, { key, bytes: opened.bytes, external }, device);
    });
  }

  /** Holds a model that is here, and has it where it is asked for; `add` gives the graphics processor its file. */
  async #ready(
    client: string,
    known: Known,
    resident: Resident,
    device: Device,
    add?: () => Promise<void>,
  ): Promise<LoadedModel> {
    // Held from here on, so that it isn't dropped while this waits.
    const held = this.#hold(client, known, resident, device);
    try {
      if (this.#wantsFile(resident, device)) await add?.();
      if (device === "webgpu") await resident.graphics?.prepare();
    } catch (error) {
      this.release(client, held);
      throw error;
    }
    return { session: held, name: known.name, ...resident.model, ...this.#facts(resident, device) };
  }

  #hold(client: string, known: Known, resident: Resident, device: Device): string {
    resident.holders += 1;
    const session = `model-${++this.#count}`;
    this.#holds.set(session, { client, ...known, device });
    return session;
  }

  #facts({ graphics, runtime }: Resident, device: Device): DeviceFacts {
    const there = device === "wasm" ? undefined : graphics?.runtime;
    const { runsOn, description } = there ?? runtime;
    const why = device === "wasm" ? "it was asked for" : graphics?.reason;
    return { device: runsOn, deviceReason: why ?? "there is nothing else to run models here", runtime: description };
  }

  async #needGraphics(): Promise<void> {
    if (this.#graphics) await this.#graphics.find();
    else {
      const sentence =
        'Models run by WebGPU in a browser only; here onnxruntime-node runs them on the processor. Leave device "webgpu" out.';
      throw new KromaError("unavailable", sentence);
    }
  }

  #wantsFile({ graphics }: Resident, device: Device): boolean {
    if (!this.#graphics || device === "wasm") return false;
    return !graphics || (device === "webgpu" && !graphics.isSettled);
  }

  async #addGraphics(resident: Resident, copy: Copy, device: Device): Promise<void> {
    const place = this.#graphics;
    if (!place) return;
    const size = resident.model.bytes;
    const reason = device === "webgpu" ? undefined : await this.#whyNot(place, size);
    // Somebody else may have asked for the same meanwhile.
    if (!this.#wantsFile(resident, device)) return;
    resident.graphics =
      reason === undefined ? GraphicsModel.waiting(place, copy, size) : GraphicsModel.refused(place, copy.key, reason);
  }

  /** Why a model that may run anywhere does not run by WebGPU. */
  async #whyNot(place: GraphicsPlace, size: number): Promise<string | undefined> {
    if (size < WORTH_GRAPHICS)
      return `WebGPU is for models from ${megabytes(WORTH_GRAPHICS)} on, unless it is asked for`;
    if (this.#used() + size > this.#parts.budget) return "WebGPU needs a copy of it, for which there is no room";
    try {
      const { isSoftware, name } = await place.find();
      return isSoftware ? `WebGPU (${name}) is a program of the processor here, and slower` : undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** Runs a model once. `device` tells what runs it now, where that may change. */
  async run(
    client: string,
    session: string,
    feeds: Tensors,
    signal: AbortSignal,
  ): Promise<Tensors & { readonly device?: DeviceFacts }> {
    const { hold, resident } = this.#held(client, session);
    const shapes = checkFeeds(resident.model.inputs, feeds.tensors, feeds.buffers);
    const outputs = await this.#queue.run(client, signal, () => this.#perform(hold, resident, feeds, shapes));
    return resident.graphics ? { ...outputs, device: this.#facts(resident, hold.device) } : outputs;
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
    const { hold, resident } = this.#held(client, session);
    return this.#queue.run(client, signal, async () => {
      let outputs: Tensors | undefined;
      for (let feeds = next(outputs); feeds; feeds = next(outputs)) {
        const shapes = checkFeeds(resident.model.inputs, feeds.tensors, feeds.buffers);
        outputs = await this.#perform(hold, resident, feeds, shapes);
      }
    });
  }

  async #perform(
    { name, device }: Hold,
    { session, runtime, graphics }: Resident,
    feeds: Tensors,
    shapes: readonly (readonly number[])[],
  ): Promise<Tensors> {
    const onProcessor = async (): Promise<Tensors> => {
      try {
        return await runSession(runtime, session, feeds, shapes);
      } catch (error) {
        throw runFailure(name, error);
      }
    };
    return graphics && device !== "wasm" ? graphics.run(feeds, shapes, onProcessor) : onProcessor();
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
    const models = [...this.#residents].map(([sha, resident]) => {
      const { model, holders } = resident;
      const holds = [...this.#holds.values()].filter(({ key }) => key === sha);
      const names = [...new Set(holds.map(({ name }) => name))];
      const addresses = [...new Set(holds.flatMap(({ address }) => address ?? []))];
      const { device, deviceReason } = this.#facts(resident, deviceOf(holds));
      return {
        sha256: sha,
        bytes: model.bytes,
        memory: costOf(resident),
        holders,
        names,
        addresses,
        device,
        deviceReason,
      };
    });
    return { budget: this.#parts.budget, used: this.#used(), models };
  }

  #held(client: string, session: string): { readonly hold: Hold; readonly resident: Resident } {
    const hold = this.#holds.get(session);
    const resident = hold?.client === client ? this.#touch(hold.key) : undefined;
    if (!hold || !resident)
      throw new KromaError("missing", "This model was disposed of, or the engine was started again. Load it again.");
    return { hold, resident };
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
    };
    const resident: Resident = { session, model, runtime, cost, holders: 0 };
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
      resident.graphics?.release();
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
    return [...this.#residents.values()].reduce((sum, resident) => sum + costOf(resident), 0);
  }
}

const costOf = ({ cost, graphics }: Resident): number => cost + (graphics?.cost ?? 0);

/** The one device that all who hold it asked for, or that where it depends. */
const deviceOf = (holds: readonly Hold[]): Device =>
  holds.length > 0 && holds.every(({ device }) => device === "wasm") ? "wasm" : "auto";

function infoOf(value: InferenceSession.ValueMetadata): ValueInfo {
  return value.isTensor
    ? { name: value.name, type: value.type, shape: value.shape.map(dimensionOf) }
    : { name: value.name, type: "a value that is no tensor", shape: [] };
}

/** An open dimension without a name is "" in onnxruntime-node, and -1 taken for a whole number of 32 bits in onnxruntime-web. */
const dimensionOf = (size: number | string): number | string =>
  typeof size === "number" && (size < 0 || size >= 2 ** 31) ? "" : size;
