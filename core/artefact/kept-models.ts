/**
 * Models that came by their CID: which are here, how large, whose terms, when they were wanted last. Their bytes are blocks
 * beside those of artefacts, so peers get them from here, a fetch that was broken off goes on where it was, and a damaged block
 * is fetched anew. When there is no room, those that were not wanted for longest go, unless they are pinned.
 */
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import { KeptSource } from "../store/fetch-blocks.ts";
import type { BlockSource, BlockStore, DocStore, StoreKey } from "../store/stores.ts";
import { isWhole } from "../store/whole.ts";
import { findFile, type FoundFile } from "./find-file.ts";
import { readFile } from "./unixfs.ts";

/** Names a model: a CID, and the path of a file below it ("" for what the CID stands for itself). */
export interface ModelName {
  readonly cid: string;
  readonly path: string;
}

/** What is remembered of a model. */
export interface ModelRecord extends ModelName {
  /** CID of the file. */
  readonly file: string;
  /** The file's name; the CID where it has none. */
  readonly name: string;
  readonly size: number;
  /** What the artefact says that it is in. */
  readonly title?: string;
  readonly licence?: string;
  /** When it was last wanted, in milliseconds since 1970. */
  readonly used: number;
  readonly isPinned: boolean;
  /** True when the people of a shared notebook gave it, or some of it. */
  readonly isFromPeople?: boolean;
}

/** A model that is kept, whole or in part. */
export interface KeptModel extends ModelRecord {
  readonly isWhole: boolean;
}

export interface KeptModelsParts {
  readonly blocks: BlockStore;
  readonly documents: DocStore;
  readonly now: () => number;
  /** Bytes that still fit; undefined where nobody can tell. */
  readonly room: () => Promise<number | undefined>;
  /** No model is larger. */
  readonly largest: number;
}

export interface GetModelOptions {
  readonly signal: AbortSignal;
  /** True once people of a shared notebook have given something of it. */
  readonly isFromPeople?: () => boolean;
  /** Told how many of its bytes are here. */
  readonly progress?: (bytes: number, total: number) => void;
  /** Gives back the room of blocks that no record names any more. */
  readonly collect: () => Promise<unknown>;
  /** Does the work while nobody collects. */
  readonly together?: <T>(work: () => Promise<T>) => Promise<T>;
}

const KEY = "models";
/** The rest of what this place stores needs some room too. */
const SPARE_ROOM = 32 * 1024 * 1024;

const text = v.pipe(v.string(), v.maxLength(5000));
const schema = v.object({
  cid: text,
  path: text,
  file: text,
  name: text,
  size: v.pipe(v.number(), v.minValue(0)),
  title: v.exactOptional(text),
  licence: v.exactOptional(text),
  used: v.number(),
  isPinned: v.boolean(),
  isFromPeople: v.exactOptional(v.boolean()),
});

export class KeptModels {
  readonly #parts: KeptModelsParts;

  constructor(parts: KeptModelsParts) {
    this.#parts = parts;
  }

  /** The bytes of a model: from the blocks that are here, and from `source`, whose blocks are kept. Rejects as `findFile` does. */
  async get(asked: ModelName, source: BlockSource, options: GetModelOptions): Promise<Uint8Array<ArrayBuffer>> {
    const { blocks, now } = this.#parts;
    const { signal, together = (work) => work() } = options;
    const known = await this.#load(asked);
    const kept = new KeptSource(blocks, source);
    const find = () => together(() => findFile(asked.cid, asked.path, kept, signal));
    let found = await find();
    if (!known && (await this.#makeRoom(found.size, asked, options))) found = await find();
    return together(async () => {
      const record = { ...recordOf(asked, found), used: now(), isPinned: known?.isPinned ?? false };
      const wasFromPeople = known?.isFromPeople === true;
      await this.#write({ ...record, ...(wasFromPeople ? { isFromPeople: true } : {}) });
      try {
        return await bytesOf(found, kept, options);
      } finally {
        // Also when it stopped in the middle: what goes on may come from elsewhere. It may have been pinned meanwhile.
        const present = !wasFromPeople && options.isFromPeople?.() === true ? await this.#load(asked) : undefined;
        if (present) await this.#write({ ...present, isFromPeople: true });
      }
    });
  }

  /** Remembers a model whose blocks are here. */
  async add(asked: ModelName): Promise<void> {
    const known = await this.#load(asked);
    const found = await findFile(asked.cid, asked.path, this.#parts.blocks);
    await this.#write({ ...recordOf(asked, found), used: this.#parts.now(), isPinned: known?.isPinned ?? false });
  }

  /** True when something is remembered under this name. */
  async has(name: ModelName): Promise<boolean> {
    return (await this.#load(name)) !== undefined;
  }

  /** Those that are kept, the last used first. */
  async list(signal?: AbortSignal): Promise<readonly KeptModel[]> {
    const kept: KeptModel[] = [];
    for (const record of await this.#records())
      kept.push({ ...record, isWhole: await isWhole([record.file], this.#parts.blocks, signal) });
    return kept;
  }

  /** What garbage collection leaves alone. */
  async roots(): Promise<readonly string[]> {
    return (await this.#records()).flatMap(({ cid, file }) => [cid, file]);
  }

  /** Forgets it; its blocks go when they are collected, unless something else has them. */
  async remove(name: ModelName): Promise<void> {
    await this.#parts.documents.write({ remove: [keyOf(name)] });
  }

  /** What is pinned is not given up when room is wanted. `missing` when it is not kept. */
  async setPinned(name: ModelName, isPinned: boolean): Promise<void> {
    const record = await this.#load(name);
    if (!record) throw new KromaError("missing", "This model is not kept here any more.");
    await this.#write({ ...record, isPinned });
  }

  /** True when blocks were collected, maybe some that had just come. */
  async #makeRoom(size: number, asked: ModelName, { collect }: GetModelOptions): Promise<boolean> {
    const { largest, room } = this.#parts;
    if (size > largest)
      throw new KromaError("exhausted", `The model has ${megabytes(size)}; at most ${megabytes(largest)} are taken.`);
    const free = await room();
    if (free === undefined || size + SPARE_ROOM <= free) return false;
    const others = (await this.#records()).filter((one) => !one.isPinned && keyOf(one).join() !== keyOf(asked).join());
    const all = others.reduce((sum, other) => sum + other.size, free);
    if (all < size + SPARE_ROOM)
      throw new KromaError(
        "exhausted",
        `The model has ${megabytes(size)}, and there is room for ${megabytes(Math.max(0, free))}. Remove something first.`,
      );
    let gained = free;
    for (const other of [...others].reverse()) {
      if (gained >= size + SPARE_ROOM) break;
      await this.remove(other);
      gained += other.size;
    }
    await collect();
    return true;
  }

  /** The last used first. One that can't be read is as if it were not there. */
  async #records(): Promise<readonly ModelRecord[]> {
    const stored = await this.#parts.documents.loadRange([KEY]);
    return stored.flatMap(([, bytes]) => read(bytes) ?? []).sort((left, right) => right.used - left.used);
  }

  async #load(name: ModelName): Promise<ModelRecord | undefined> {
    const bytes = await this.#parts.documents.load(keyOf(name));
    return bytes && read(bytes);
  }

  async #write(record: ModelRecord): Promise<void> {
    await this.#parts.documents.write({ put: [[keyOf(record), new TextEncoder().encode(JSON.stringify(record))]] });
  }
}

async function bytesOf(
  { file, size }: FoundFile,
  source: BlockSource,
  { signal, progress }: GetModelOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(size);
  } catch (error) {
    throw new KromaError("exhausted", `There is not enough memory for ${megabytes(size)}.`, { cause: error });
  }
  let at = 0;
  for await (const piece of readFile(file, source, { signal })) {
    bytes.set(piece, at);
    at += piece.length;
    progress?.(at, size);
  }
  return bytes;
}

const keyOf = ({ cid, path }: ModelName): StoreKey => [KEY, cid, path];

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6).toLocaleString("en")} MB`;

const recordOf = ({ cid, path }: ModelName, { file, name, size, artefact }: FoundFile) => ({
  cid,
  path,
  file,
  name: name ?? cid,
  size,
  ...(artefact ? { title: artefact.title, licence: artefact.licence } : {}),
});

function read(bytes: Uint8Array): ModelRecord | undefined {
  try {
    const parsed = v.safeParse(schema, JSON.parse(new TextDecoder().decode(bytes)));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}
