/**
 * Models that were fetched: kept whole, by address, each with the IPFS name of its content, which is checked whenever it
 * is read. A download that ends in the middle, by whatever cause, goes on where it stopped: its bytes are on storage,
 * and the server is asked for the rest only if the file is still the one it began with (RFC 9110, If-Range).
 */
import { maxLength, number, object, optional, parse, pipe, string } from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { type FetchedFile, type FetchedFiles, type FetchOptions, fetchRefusal } from "#core/store/fetched.ts";
import type { KeptFile, KeptFiles } from "./kept-files.ts";
import { LEAF, unixfsCid } from "./unixfs.ts";

const LONGEST_URL = 8192;
const LARGEST_RECORD = 64 * 1024;
/** Written through to the disk after so many bytes, with the record of them. */
const FLUSH_AFTER = 16 * LEAF;
/** The rest of the origin's storage needs some room too. */
const SPARE_ROOM = 32 * LEAF;

const recordSchema = object({
  url: pipe(string(), maxLength(LONGEST_URL)),
  /** Names this version of the file to its server. */
  validator: optional(string()),
  total: optional(number()),
  cid: optional(string()),
  used: number(),
});
type Entry = ReturnType<typeof readRecord>;

export interface ModelStoreParts {
  readonly files: KeptFiles;
  readonly fetch: (
    url: string,
    init: { readonly headers: Record<string, string>; readonly signal: AbortSignal },
  ) => Promise<Response>;
  readonly now: () => number;
  /** No file is larger. */
  readonly largest: number;
}

export class ModelStore implements FetchedFiles {
  readonly #parts: ModelStoreParts;

  constructor(parts: ModelStoreParts) {
    this.#parts = parts;
  }

  async get(url: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
    const name = await nameOf(url);
    const { files } = this.#parts;
    return files.alone(name, options.signal, async () => {
      const file = await files.open(`${name}.data`);
      try {
        const entry = (await this.#record(name)) ?? { url, used: 0 };
        const whole = entry.cid === undefined ? undefined : await this.#kept(name, entry, file);
        return whole ?? (await this.#fetch(name, entry, file, options));
      } finally {
        file.close();
      }
    });
  }

  async list(): Promise<readonly FetchedFile[]> {
    const names = (await this.#parts.files.names()).filter((name) => name.endsWith(".json"));
    const found: FetchedFile[] = [];
    for (const name of names) {
      const key = name.slice(0, -".json".length);
      const entry = await this.#record(key);
      if (!entry) continue;
      const { url, total, cid, used } = entry;
      found.push({ url, total, cid, used, bytes: await this.#parts.files.size(`${key}.data`) });
    }
    return found.sort((a, b) => b.used - a.used);
  }

  async remove(url: string): Promise<void> {
    const name = await nameOf(url);
    const { files } = this.#parts;
    await files.alone(name, new AbortController().signal, async () => {
      await files.remove(`${name}.json`);
      await files.remove(`${name}.data`);
    });
  }

  /** A file that is whole, if it is still what it was; a damaged one is forgotten. */
  async #kept(name: string, entry: Entry, file: KeptFile): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (file.size === entry.total) {
      const bytes = new Uint8Array(file.size);
      file.read(bytes, 0);
      if ((await unixfsCid(piecesOf(bytes))) === entry.cid) {
        await this.#write(name, { ...entry, used: this.#parts.now() });
        return bytes;
      }
    }
    file.truncate(0);
    return undefined;
  }

  async #fetch(name: string, entry: Entry, file: KeptFile, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
    const { url } = entry;
    const { signal } = options;
    const start = entry.validator === undefined ? 0 : file.size;
    if (start > 0 && start === entry.total) return this.#finish(name, entry, file);
    const headers: Record<string, string> =
      start === 0 ? {} : { Range: `bytes=${start}-`, "If-Range": entry.validator ?? "" };
    const response = await this.#ask(url, headers, signal);
    const from = response.status === 206 ? rangeStart(response, start) : 0;
    const length = Number(response.headers.get("content-length") ?? NaN);
    const total = Number.isFinite(length) && !response.headers.has("content-encoding") ? from + length : undefined;
    await this.#checkRoom(total, from);
    file.truncate(from);
    const next: Entry = {
      url,
      used: this.#parts.now(),
      ...validatorOf(response),
      ...(total === undefined ? {} : { total }),
    };
    await this.#write(name, next);
    await this.#receive(response, file, from, next, options);
    if (total !== undefined && file.size < total)
      throw new KromaError(
        "unavailable",
        `${lastPart(url)} stopped coming in the middle. Try again: it goes on from there.`,
      );
    return this.#finish(name, { ...next, total: file.size }, file);
  }

  async #ask(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    let response: Response;
    try {
      response = await this.#parts.fetch(url, { headers, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw new KromaError(
        "unavailable",
        `${lastPart(url)} could not be fetched: the network or its server does not answer.`,
        {
          cause: error,
        },
      );
    }
    // The server has less of it than is kept: it is another file now.
    if (response.status === 416) return this.#ask(url, {}, signal);
    if (response.ok) return response;
    await response.body?.cancel();
    throw fetchRefusal(lastPart(url), response.status, response.statusText);
  }

  async #receive(
    response: Response,
    file: KeptFile,
    from: number,
    { url, total }: Entry,
    { signal, onProgress }: FetchOptions,
  ): Promise<void> {
    const { largest } = this.#parts;
    let at = from;
    let flushed = from;
    let told = from;
    const reader = response.body?.getReader();
    try {
      for (;;) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done || !value) return;
        signal.throwIfAborted();
        if (at + value.length > largest)
          throw new KromaError("exhausted", `${lastPart(url)} is larger than ${largest} bytes.`);
        file.write(value, at);
        at += value.length;
        if (at - flushed >= FLUSH_AFTER) {
          file.flush();
          flushed = at;
        }
        if (at - told >= LEAF || at === total) {
          told = at;
          onProgress?.({ url, bytes: at, total });
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof KromaError) throw error;
      throw new KromaError(
        "unavailable",
        `${lastPart(url)} stopped coming in the middle. Try again: it goes on from there.`,
        {
          cause: error,
        },
      );
    } finally {
      file.flush();
      await reader?.cancel().catch(() => undefined);
    }
  }

  async #finish(name: string, entry: Entry, file: KeptFile): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(file.size);
    file.read(bytes, 0);
    const cid = await unixfsCid(piecesOf(bytes));
    await this.#write(name, { ...entry, total: bytes.length, cid });
    return bytes;
  }

  async #checkRoom(total: number | undefined, from: number): Promise<void> {
    const { files, largest } = this.#parts;
    if (total === undefined) return;
    if (total > largest) throw new KromaError("exhausted", `The file has ${total} bytes; at most ${largest} are kept.`);
    const room = await files.room();
    if (room === undefined || total - from + SPARE_ROOM <= room) return;
    throw new KromaError(
      "exhausted",
      `The file has ${Math.ceil(total / 1e6)} MB, and there is room for ${Math.max(0, Math.floor(room / 1e6))} MB. Remove something first.`,
    );
  }

  /** The record of a file; undefined when there is none that can be read. */
  #record(name: string): Promise<Entry | undefined> {
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

  #write(name: string, entry: Entry): Promise<void> {
    return this.#withRecord(name, (file) => {
      const bytes = new TextEncoder().encode(JSON.stringify(entry));
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

const readRecord = (bytes: Uint8Array) => parse(recordSchema, JSON.parse(new TextDecoder().decode(bytes)));

async function nameOf(url: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(url)));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += LEAF) yield bytes.subarray(at, at + LEAF);
}

/** A strong validator: a weak one does not say that the bytes are the same. Ranges of packed bytes are no ranges of these. */
function validatorOf({ headers }: Response): { readonly validator?: string } {
  if (headers.has("content-encoding")) return {};
  const etag = headers.get("etag");
  const validator = etag !== null && !etag.startsWith("W/") ? etag : headers.get("last-modified");
  return validator === null ? {} : { validator };
}

/** Where a partial answer begins. Throws `corrupt` unless that is where it was asked to. */
function rangeStart(response: Response, start: number): number {
  const range = response.headers.get("content-range");
  // A server of another origin may not show the header; it was asked for one range and gave one.
  if (range === null || Number(/^bytes (\d+)-/.exec(range)?.[1]) === start) return start;
  throw new KromaError("corrupt", "The server answered with another part of the file than it was asked for.");
}

const lastPart = (url: string): string => decodeURIComponent(new URL(url).pathname.split("/").pop() ?? "") || url;
