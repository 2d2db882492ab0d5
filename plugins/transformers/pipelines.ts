/**
 * Pipelines that are loaded, and their runs, one at a time. Those who ask for the same get the same; a few that nobody holds stay, so
 * that a cell that is run again, or a command in a loop, finds its pipeline there.
 */
import { KromaError } from "#core/base/errors.ts";
import { FairQueue } from "#core/base/fair-queue.ts";
import type { FetchProgress } from "#core/store/fetched.ts";
import { argumentsOf } from "./inputs.ts";
import { gone, loadFailure, memoryFailure, missingFile, refusal, runFailure } from "./failures.ts";
import { confine, type Library, type LibraryPipeline } from "./library.ts";
import type { Repository } from "./repository.ts";
import { type Task, taskOf } from "./tasks.ts";
import { written } from "./writing.ts";

export interface PipelinesParts {
  /** Loads the library when the first pipeline is. */
  readonly library: () => Promise<Library>;
  readonly repository: (source: string, revision: string | undefined) => Repository;
  readonly readFile: (path: string) => Uint8Array<ArrayBuffer> | undefined;
  /** Bytes that all pipelines together may take. */
  readonly budget: number;
  /** Lets messages in. */
  readonly breathe: () => Promise<void>;
}

/** Which pipeline. */
export interface AskedPipeline {
  readonly task: string;
  /** A model's source. */
  readonly model: string;
  readonly revision?: string | undefined;
  /** How its weights are stored, "fp32" or "q8": which of its files is taken. */
  readonly dtype?: string | undefined;
  /** The name of the model's file without its ending, and the folder it is in. */
  readonly file?: string | undefined;
  readonly subfolder?: string | undefined;
}

/** What is told of a pipeline that was loaded. */
export interface LoadedPipeline {
  /** Names it for `run` and `release`. */
  readonly pipeline: string;
  readonly task: string;
  readonly model: string;
  readonly dtype: string | undefined;
}

/** A run: what was given, and how it is told of. */
export interface Run {
  readonly given: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** A piece of text that was written. */
  readonly onText: (text: string) => void;
}

interface Resident {
  readonly key: string;
  readonly task: Task;
  readonly dtype: string | undefined;
  readonly run: LibraryPipeline;
  readonly repository: Repository;
  readonly model: string;
  /** An estimate of its memory. */
  readonly cost: number;
  holders: number;
}

/** What pipelines take in memory, for people. */
export interface PipelinesStatus {
  readonly budget: number;
  readonly used: number;
  readonly models: readonly {
    readonly names: readonly string[];
    /** Where their networks came from; none for the workspace's. */
    readonly addresses: readonly string[];
    readonly memory: number;
    /** How many hold it. */
    readonly holders: number;
  }[];
}

/** A model that is being loaded. */
interface Loading {
  readonly repository: Repository;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: FetchProgress) => void;
  /** Each file is asked for once. */
  readonly files: Map<string, Promise<Uint8Array<ArrayBuffer> | undefined>>;
  /** An estimate of the memory that it will take. */
  cost: number;
}

/** The runtime keeps weights and, where it rearranges them, a second copy of some. */
const COPIES = 1.5;
/** That many stay though nobody holds them. */
const MOST_IDLE = 2;
/** What is looked for unless it is said, in a page and in Node alike: the smaller file first. */
const USUAL_TYPES: readonly string[] = ["q8", "fp32"];

export class Pipelines {
  readonly #parts: PipelinesParts;
  readonly #queue: FairQueue;
  /** The one that was not used for longest first. */
  readonly #residents = new Map<string, Resident>();
  readonly #holds = new Map<string, { readonly client: string; readonly resident: Resident }>();
  /** By what the library calls their models. */
  readonly #loading = new Map<string, Loading>();
  /** Those on their way: who asks for the same waits for it. */
  readonly #opening = new Map<string, Promise<Resident>>();
  #library: Promise<Library> | undefined;
  #count = 0;

  constructor(parts: PipelinesParts) {
    this.#parts = parts;
    this.#queue = new FairQueue(parts.breathe);
  }

  /** Loads a pipeline for a client. */
  async open(
    client: string,
    asked: AskedPipeline,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void,
  ): Promise<LoadedPipeline> {
    const task = taskOf(asked.task);
    const key = JSON.stringify([task.name, asked.model, asked.revision, asked.dtype, asked.file, asked.subfolder]);
    // Beside the queue: a download that takes its time shall not hold up what is here.
    const before = this.#opening.get(key)?.catch(() => undefined);
    const opening = (before ?? Promise.resolve()).then(() => this.#resident(key, task, asked, signal, onProgress));
    this.#opening.set(key, opening);
    let resident: Resident;
    try {
      resident = await opening;
    } finally {
      if (this.#opening.get(key) === opening) this.#opening.delete(key);
    }
    // Nobody would ever let go of what nobody waits for.
    signal.throwIfAborted();
    resident.holders += 1;
    this.#touch(resident);
    const pipeline = `pipeline-${++this.#count}`;
    this.#holds.set(pipeline, { client, resident });
    await this.#dropIdle();
    return { pipeline, task: task.name, model: asked.model, dtype: resident.dtype };
  }

  /** Runs a pipeline; gives what the library gave. */
  async run(client: string, pipeline: string, { given, options, signal, onText }: Run): Promise<unknown> {
    const hold = this.#holds.get(pipeline);
    if (!hold || hold.client !== client) throw gone();
    const { resident } = hold;
    const { task, run } = resident;
    this.#touch(resident);
    return this.#queue.run(client, signal, async () => {
      if (!this.#holds.has(pipeline)) throw gone();
      const library = await this.#loaded();
      const parts = { library, readFile: this.#parts.readFile };
      const values = await argumentsOf(parts, task, run, given, options);
      try {
        return await (task.writes ? written(library, task, run, values, signal, onText) : run(...values));
      } catch (error) {
        signal.throwIfAborted();
        throw runFailure(task, error);
      }
    });
  }

  /** Lets go of a pipeline. */
  async release(client: string, pipeline: string): Promise<void> {
    const hold = this.#holds.get(pipeline);
    if (hold?.client !== client) return;
    this.#holds.delete(pipeline);
    const { resident } = hold;
    resident.holders -= 1;
    const isFound = this.#residents.get(resident.key) === resident;
    if (!isFound && resident.holders === 0) await this.#dispose(resident);
    await this.#dropIdle();
  }

  /** Lets go of all that a client held. */
  async leave(client: string): Promise<void> {
    for (const [pipeline, hold] of this.#holds) if (hold.client === client) await this.release(client, pipeline);
  }

  /** What is loaded. */
  status(): PipelinesStatus {
    const models = [...this.#alive()].map(({ model, repository: { address }, cost, holders }) => ({
      names: [model],
      addresses: address === undefined ? [] : [address],
      memory: cost,
      holders,
    }));
    return { budget: this.#parts.budget, used: models.reduce((sum, { memory }) => sum + memory, 0), models };
  }

  #touch(resident: Resident): void {
    if (this.#residents.delete(resident.key)) this.#residents.set(resident.key, resident);
  }

  async #dropIdle(): Promise<void> {
    const idle = [...this.#residents.values()].filter(({ holders }) => holders === 0);
    for (const resident of idle.slice(0, Math.max(0, idle.length - MOST_IDLE))) await this.#drop(resident);
  }

  /** It is found no more, and ends when nobody holds it. */
  async #drop(resident: Resident): Promise<void> {
    this.#residents.delete(resident.key);
    if (resident.holders === 0) await this.#dispose(resident);
  }

  /** In its turn: a run that nobody waits for may still go on. */
  #dispose({ run }: Resident): Promise<void> {
    return this.#queue.run("", new AbortController().signal, async () => void (await run.dispose()));
  }

  async #resident(
    key: string,
    task: Task,
    asked: AskedPipeline,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void,
  ): Promise<Resident> {
    signal.throwIfAborted();
    const there = this.#residents.get(key);
    if (there?.repository.isCurrent() === true) return there;
    if (there) await this.#drop(there);
    return this.#load(key, task, asked, signal, onProgress);
  }

  async #load(
    key: string,
    task: Task,
    asked: AskedPipeline,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void,
  ): Promise<Resident> {
    const repository = this.#parts.repository(asked.model, asked.revision);
    const config = await repository.file("config.json", signal, onProgress);
    if (!config)
      throw new KromaError("missing", `${asked.model} has no config.json, so it is no model for a pipeline.`);
    const types = asked.dtype === undefined ? typesOf(asked.model, config) : [asked.dtype];
    const loading: Loading = { repository, signal, onProgress, files: new Map(), cost: 0 };
    for (const [index, dtype] of types.entries()) {
      try {
        const run = await this.#attempt(task, asked, dtype, loading);
        await repository.keepTogether();
        const { model } = asked;
        const resident: Resident = { key, task, dtype, run, repository, model, cost: loading.cost, holders: 0 };
        this.#residents.set(key, resident);
        return resident;
      } catch (error) {
        signal.throwIfAborted();
        const file = error instanceof KromaError && error.code === "missing" ? missingFile(error) : undefined;
        if (file === undefined) throw error;
        if (index === types.length - 1) throw repository.doubt(file) ?? error;
      }
    }
    throw new Error("no way of storing weights was tried");
  }

  async #attempt(
    task: Task,
    asked: AskedPipeline,
    dtype: string | undefined,
    loading: Loading,
  ): Promise<LibraryPipeline> {
    const library = await this.#loaded();
    // The library remembers what it has seen of a name, so each attempt has one of its own.
    const name = `model-${++this.#count}`;
    this.#loading.set(name, loading);
    try {
      return await library.pipeline(task.name, name, {
        ...(dtype === undefined ? {} : { dtype }),
        ...(asked.file === undefined ? {} : { model_file_name: asked.file }),
        ...(asked.subfolder === undefined ? {} : { subfolder: asked.subfolder }),
      });
    } catch (error) {
      loading.signal.throwIfAborted();
      throw loadFailure(asked.model, task, error);
    } finally {
      this.#loading.delete(name);
    }
  }

  #loaded(): Promise<Library> {
    this.#library ??= this.#parts.library().then((library) => {
      confine(library, (model, file) => this.#answer(model, file), refusal);
      return library;
    });
    this.#library.catch(() => (this.#library = undefined));
    return this.#library;
  }

  /** Files of the model that is being loaded; some models name another beside theirs, which is the hub's. */
  #answer(model: string, file: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const loading = this.#loading.get(model);
    if (!loading) {
      const other = this.#parts.repository(`hub:${model}`, undefined);
      return other.file(file, new AbortController().signal, () => undefined);
    }
    const { files, repository, signal, onProgress } = loading;
    const known = files.get(file);
    if (known) return known;
    const asked = repository.file(file, signal, onProgress).then(async (bytes) => {
      if (bytes && /\.onnx(?:_data.*)?$/.test(file)) await this.#makeRoom(loading, file, bytes.length);
      return bytes;
    });
    files.set(file, asked);
    return asked;
  }

  /** Lets go of what nobody holds until a network fits. Throws `exhausted` if it does not. */
  async #makeRoom(loading: Loading, file: string, bytes: number): Promise<void> {
    const { budget } = this.#parts;
    loading.cost += Math.ceil(bytes * COPIES);
    for (const resident of this.#residents.values()) {
      if (this.#used() <= budget) return;
      if (resident.holders === 0) await this.#drop(resident);
    }
    if (this.#used() > budget)
      throw memoryFailure(`${file} would take more memory than pipelines may use here`, undefined);
  }

  #used(): number {
    return [...this.#loading.values(), ...this.#alive()].reduce((sum, { cost }) => sum + cost, 0);
  }

  /** Those that take memory, of which some are not found any more. */
  #alive(): ReadonlySet<Resident> {
    return new Set([...this.#residents.values(), ...[...this.#holds.values()].map(({ resident }) => resident)]);
  }
}

/** A model that says how its weights are stored is believed: the library reads that. */
function typesOf(model: string, config: Uint8Array): readonly (string | undefined)[] {
  let read: unknown;
  try {
    read = JSON.parse(new TextDecoder().decode(config));
  } catch (error) {
    throw new KromaError("invalid", `The config.json of ${model} is no JSON.`, { cause: error });
  }
  const own = (read as { readonly "transformers.js_config"?: { readonly dtype?: unknown } } | null)?.[
    "transformers.js_config"
  ];
  return own?.dtype === undefined ? USUAL_TYPES : [undefined];
}
