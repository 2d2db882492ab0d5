/**
 * Models that were fetched: kept whole, by address, each with the IPFS name of its content, which is checked whenever it
 * is read. A download that ends in the middle, by whatever cause, goes on where it stopped: its bytes are on storage. When there is no
 * room, those that were not wanted for longest go, unless they are pinned.
 */
import { KromaError } from "#core/base/errors.ts";
import type { FetchedFile, FetchedFiles, FetchOptions } from "#core/store/fetched.ts";
import { kindOf, readFile } from "#core/artefact/unixfs.ts";
import type { BlockSource } from "#core/store/stores.ts";
import { Download, lastPart } from "./download.ts";
import { blocksOf, type FileBlocks, readBlock } from "./file-blocks.ts";
import { type FetchFile, hubFacts } from "./hub.ts";
import type { KeptFile, KeptFiles } from "./kept-files.ts";
import { type FileRecord, MOST_PARTS, readRecord, writeRecord } from "./record.ts";
import { LEAF, unixfsCid } from "./unixfs.ts";

const LARGEST_RECORD = 1024 * 1024;
/** The rest of the origin's storage needs some room too. */
const SPARE_ROOM = 32 * LEAF;
/** So many files that others ask for are remembered with where their blocks are. */
const MOST_INDEXED = 8;
/** A server that sends nothing for so long has gone, in milliseconds. */
const STALL = 60_000;

export interface ModelStoreParts {
  readonly files: KeptFiles;
  readonly fetch: FetchFile;
  readonly now: () => number;
  /** No file is larger. */
  readonly largest: number;
  /** True when a token is sent to this address. */
  readonly hasToken?: (url: string) => boolean;
  /** In place of a minute, in milliseconds. */
  readonly stall?: number;
}

export class ModelStore implements FetchedFiles {
  readonly #parts: ModelStoreParts;
  /** Of files that others have asked for, the one that was not wanted for longest first. */
  readonly #blocks = new Map<string, FileBlocks>();

  constructor(parts: ModelStoreParts) {
    this.#parts = parts;
  }

  async get(url: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
    const name = await nameOf(url);
    const { files } = this.#parts;
    return files.alone(name, options.signal, async () => {
      const file = await files.open(`${name}.data`);
      try {
        const record = (await this.#record(name)) ?? {
          url,
          used: 0,
          isPinned: false,
          parts: [],
          isFromPeople: false,
          isPrivate: false,
        };
        const whole = record.cid === undefined ? undefined : await this.#kept(name, record, file);
        const bytes = whole ?? (await this.#fetch(name, record, file, options));
        const kept = options.peers && (await this.#record(name));
        if (kept?.cid !== undefined && !kept.isPrivate) options.peers?.keeps(url, kept.cid, bytes.length);
        return bytes;
      } finally {
        file.close();
      }
    });
  }

  async list(): Promise<readonly FetchedFile[]> {
    return (await this.#entries()).map(({ record, bytes }) => {
      const { url, total, cid, used, isPinned, licence, parts, isFromPeople } = record;
      return { url, total, cid, used, isPinned, licence, parts, isFromPeople, bytes };
    });
  }

  async block(url: string, cid: string): Promise<Uint8Array | undefined> {
    const name = await nameOf(url);
    const { files } = this.#parts;
    return files.alone(name, new AbortController().signal, async () => {
      const record = await this.#record(name);
      if (record?.cid === undefined || record.isPrivate) return undefined;
      const file = await files.open(`${name}.data`);
      try {
        if (file.size !== record.total) return undefined;
        const known = this.#blocks.get(record.cid) ?? (await blocksOf(file));
        this.#blocks.delete(record.cid);
        this.#blocks.set(record.cid, known);
        for (const other of this.#blocks.keys()) if (this.#blocks.size > MOST_INDEXED) this.#blocks.delete(other);
        return readBlock(known, cid, file);
      } finally {
        file.close();
      }
    });
  }

  async addPart(url: string, part: string): Promise<void> {
    const name = await nameOf(url);
    const record = await this.#record(name);
    if (!record || part === url || record.parts.includes(part)) return;
    if (record.parts.length >= MOST_PARTS)
      throw new KromaError("exhausted", `${lastPart(url)} has more than ${MOST_PARTS} files beside it.`);
    await this.#write(name, { ...record, parts: [...record.parts, part] });
  }

  async remove(url: string): Promise<void> {
    const name = await nameOf(url);
    const parts = (await this.#record(name))?.parts ?? [];
    for (const part of parts) await this.#remove(await nameOf(part));
    await this.#remove(name);
  }

  async #remove(name: string): Promise<void> {
    await this.#parts.files.alone(name, new AbortController().signal, () => this.#forget(name));
  }

  async setPinned(url: string, isPinned: boolean): Promise<void> {
    const name = await nameOf(url);
    const record = await this.#record(name);
    if (!record) throw new KromaError("missing", `${lastPart(url)} is not kept here any more.`);
    await this.#write(name, { ...record, isPinned });
    for (const part of record.parts) {
      const other = await this.#record(await nameOf(part));
      if (other) await this.#write(await nameOf(part), { ...other, isPinned });
    }
  }

  /** A file that is whole, if it is still what it was; a damaged one is forgotten. */
  async #kept(name: string, record: FileRecord, file: KeptFile): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (file.size === record.total) {
      const bytes = new Uint8Array(file.size);
      file.read(bytes, 0);
      if ((await unixfsCid(piecesOf(bytes))) === record.cid) {
        await this.#write(name, { ...record, used: this.#parts.now() });
        return bytes;
      }
    }
    file.truncate(0);
    return undefined;
  }

  async #fetch(
    name: string,
    record: FileRecord,
    file: KeptFile,
    options: FetchOptions,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { url, isPinned, parts } = record;
    const given = await this.#fromPeers(name, record, file, options);
    if (given) return given;
    // What they gave may have changed what is known of it.
    const validator = file.size > 0 ? record.validator : undefined;
    const { fetch, largest, now, stall = STALL, hasToken = () => false } = this.#parts;
    const start = validator === undefined ? 0 : file.size;
    if (start > 0 && start === record.total) return this.#finish(name, record, file);
    const download = new Download({ url, fetch, options, largest, stall, hasToken: hasToken(url) });
    const begun = await download.begin(start, validator);
    try {
      await this.#makeRoom(name, begun.total, begun.from);
      const { digest, licence } = begun.from > 0 ? record : await hubFacts(url, fetch, options.signal);
      file.truncate(begun.from);
      const { total, validator: version } = begun;
      const expected = begun.digest ?? digest;
      const next: FileRecord = {
        url,
        used: now(),
        isPinned,
        parts,
        isFromPeople: record.isFromPeople && begun.from > 0,
        isPrivate: hasToken(url),
        ...(version === undefined ? {} : { validator: version }),
        ...(total === undefined ? {} : { total }),
        ...(expected === undefined ? {} : { digest: expected }),
        ...(licence === undefined ? {} : { licence }),
      };
      await this.#write(name, next);
      await download.receive(file, begun);
      return await this.#finish(name, { ...next, total: file.size }, file);
    } finally {
      await download.cancel();
    }
  }

  /**
   * The file from people who have it, if its own server says which bytes it has: the word of people is not enough. Undefined when it
   * has to come from the server; what came is on storage, and more of it may be had from them another time.
   */
  async #fromPeers(
    name: string,
    record: FileRecord,
    file: KeptFile,
    { signal, peers, onProgress }: FetchOptions,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { url } = record;
    const cids = peers ? await peers.offered(url) : [];
    if (!peers || cids.length === 0) return undefined;
    const { fetch, now, largest } = this.#parts;
    const facts = await hubFacts(url, fetch, signal);
    if (facts.digest === undefined) return undefined;
    const source: BlockSource = { get: (cid, asked) => peers.block(cid, asked) };
    for (const cid of cids) {
      try {
        const what = await kindOf(cid, source, { signal });
        if (what.kind !== "file") continue;
        const total = what.size;
        if (total > largest) continue;
        let at = Math.min(file.size, total);
        await this.#makeRoom(name, total, at);
        file.truncate(at);
        const next = { ...record, ...facts, total, used: now(), isFromPeople: true };
        await this.#write(name, next);
        for await (const piece of readFile(cid, source, { offset: at, signal })) {
          file.write(piece, at);
          at += piece.length;
          onProgress?.({ url, bytes: at, total });
        }
        file.flush();
        return await this.#finish(name, next, file);
      } catch (error) {
        file.flush();
        signal.throwIfAborted();
        // They have gone, or it is something else than they said: the next, and in the end the server.
        if (!(error instanceof KromaError) || error.code === "exhausted") throw error;
      }
    }
    return undefined;
  }

  async #finish(name: string, record: FileRecord, file: KeptFile): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(file.size);
    file.read(bytes, 0);
    if (record.digest !== undefined && (await sha256(bytes)) !== record.digest) {
      // Whatever went wrong, going on from here would not put it right.
      file.truncate(0);
      const { digest: _, validator: __, total: ___, ...rest } = record;
      await this.#write(name, rest);
      throw new KromaError(
        "corrupt",
        `${lastPart(record.url)} is not the file that its server says it is: the hash of what came is another. It was thrown away.`,
      );
    }
    const cid = await unixfsCid(piecesOf(bytes));
    // It may have been pinned meanwhile.
    const isPinned = (await this.#record(name))?.isPinned ?? record.isPinned;
    await this.#write(name, { ...record, isPinned, total: bytes.length, cid });
    return bytes;
  }

  /** Throws `exhausted` when there is no room even without all that may go; nothing is removed then. */
  async #makeRoom(name: string, total: number | undefined, from: number): Promise<void> {
    const { files, largest } = this.#parts;
    if (total === undefined) return;
    if (total > largest) throw new KromaError("exhausted", `The file has ${total} bytes; at most ${largest} are kept.`);
    const wanted = total - from + SPARE_ROOM;
    const room = await files.room();
    if (room === undefined || wanted <= room) return;
    const others = (await this.#entries()).filter((other) => other.name !== name && !other.record.isPinned).reverse();
    let free = room;
    if (others.reduce((sum, { bytes }) => sum + bytes, room) >= wanted) {
      for (const other of others) {
        if (wanted <= free) break;
        // Who reads or fetches it now goes on.
        if (await files.ifIdle(other.name, () => this.#forget(other.name))) free += other.bytes;
      }
    }
    if (wanted <= free) return;
    throw new KromaError(
      "exhausted",
      `The file has ${Math.ceil(total / 1e6)} MB, and there is room for ${Math.max(0, Math.floor(free / 1e6))} MB. Remove something first.`,
    );
  }

  async #forget(name: string): Promise<void> {
    await this.#parts.files.remove(`${name}.json`);
    await this.#parts.files.remove(`${name}.data`);
  }

  /** All that is kept, the last used first. */
  async #entries(): Promise<readonly { readonly name: string; readonly record: FileRecord; readonly bytes: number }[]> {
    const { files } = this.#parts;
    const found = [];
    for (const file of await files.names()) {
      if (!file.endsWith(".json")) continue;
      const name = file.slice(0, -".json".length);
      const record = await this.#record(name);
      if (record) found.push({ name, record, bytes: await files.size(`${name}.data`) });
    }
    return found.sort((a, b) => b.record.used - a.record.used);
  }

  /** The record of a file; undefined when there is none that can be read. */
  #record(name: string): Promise<FileRecord | undefined> {
    return this.#withRecord(name, (file) => {
      if (file.size === 0 || file.size > LARGEST_RECORD) return undefined;
      const bytes = new Uint8Array(file.size);
      file.read(bytes, 0);
      try {
        return readRecord(bytes);
      } catch {
        // A crash in the middle of writing it: the file is fetched again.
        return undefined;
      }
    });
  }

  #write(name: string, record: FileRecord): Promise<void> {
    return this.#withRecord(name, (file) => {
      const bytes = writeRecord(record);
      file.write(bytes, 0);
      file.truncate(bytes.length);
      file.flush();
    });
  }

  /** Whoever lists what is kept reads records while a download in another tab writes them. */
  #withRecord<T>(name: string, work: (file: KeptFile) => T): Promise<T> {
    const { files } = this.#parts;
    return files.alone(`${name}.json`, new AbortController().signal, async () => {
      const file = await files.open(`${name}.json`);
      try {
        return work(file);
      } finally {
        file.close();
      }
    });
  }
}

async function nameOf(url: string): Promise<string> {
  return sha256(new TextEncoder().encode(url));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += LEAF) yield bytes.subarray(at, at + LEAF);
}
