/**
 * One download into a file that is open: from its beginning, or on from where it stopped if the file at its server is still the one it
 * began with (RFC 9110, If-Range). It says in words what a server answers instead, and gives up one that has gone silent.
 */
import { KromaError } from "#core/base/errors.ts";
import { type FetchOptions, fetchRefusal } from "#core/store/fetched.ts";
import { digestIn, type FetchFile, type FileResponse } from "./hub.ts";
import type { KeptFile } from "./kept-files.ts";
import { LEAF } from "./unixfs.ts";

/** Written through to the disk after so many bytes. */
const FLUSH_AFTER = 16 * LEAF;

/** Where a download begins, and which version of the file it is on. */
export interface Begun {
  readonly from: number;
  readonly validator?: string;
  /** Bytes of the whole file, when the server tells. */
  readonly total?: number;
  /** Its SHA-256, when the server tells. */
  readonly digest?: string;
}

export interface DownloadParts {
  readonly url: string;
  readonly fetch: FetchFile;
  readonly options: FetchOptions;
  /** No file is larger. */
  readonly largest: number;
  /** Silence of so long is the end, in milliseconds. */
  readonly stall: number;
  /** A token is sent along. */
  readonly hasToken: boolean;
}

export class Download {
  readonly #parts: DownloadParts;
  readonly #silence = new AbortController();
  readonly #signal: AbortSignal;
  #clock: ReturnType<typeof setTimeout> | undefined;
  #response: FileResponse | undefined;

  constructor(parts: DownloadParts) {
    this.#parts = parts;
    this.#signal = AbortSignal.any([parts.options.signal, this.#silence.signal]);
  }

  /** Asks for the file, on from `start` if that version is still there. Throws a KromaError for what comes instead. */
  async begin(start: number, validator: string | undefined): Promise<Begun> {
    const response = start > 0 && validator !== undefined ? await this.#askOn(start, validator) : await this.#ask({});
    this.#response = response;
    const { headers, status } = response;
    const from = status === 206 ? rangeStart(response, start) : 0;
    const isPacked = headers.has("content-encoding");
    const length = Number(headers.get("content-length") ?? NaN);
    const digest = digestIn(response);
    const version = validatorOf(response);
    return {
      from,
      ...(Number.isFinite(length) && !isPacked ? { total: from + length } : {}),
      ...(version === undefined ? {} : { validator: version }),
      ...(digest === undefined ? {} : { digest }),
    };
  }

  /** Writes what comes into the file, from where it begins. What came is on the disk also when this throws. */
  async receive(file: KeptFile, { from, total }: Begun): Promise<void> {
    const { url, largest, options } = this.#parts;
    let at = from;
    let flushed = from;
    let told = from;
    const reader = this.#response?.body?.getReader();
    try {
      for (;;) {
        this.#listen();
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done || !value) break;
        options.signal.throwIfAborted();
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
          options.onProgress?.({ url, bytes: at, total });
        }
      }
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof KromaError) throw error;
      throw stopped(url, error);
    } finally {
      clearTimeout(this.#clock);
      file.flush();
      await reader?.cancel().catch(() => undefined);
    }
    if (total !== undefined && at < total) throw stopped(url);
  }

  /** Lets go of an answer that is not wanted. */
  async cancel(): Promise<void> {
    clearTimeout(this.#clock);
    await this.#response?.body?.cancel().catch(() => undefined);
  }

  /**
   * With If-Range, and where that can't be sent without: a server of another origin has to permit the header, and few do. Then the
   * answer's own version decides.
   */
  async #askOn(start: number, validator: string): Promise<FileResponse> {
    const range = { Range: `bytes=${start}-` };
    const response = await this.#send({ ...range, "If-Range": validator }).catch(() => undefined);
    if (response) return this.#accepted(response);
    this.#parts.options.signal.throwIfAborted();
    const other = await this.#ask(range);
    if (other.status !== 206 || validatorOf(other) === validator) return other;
    await other.body?.cancel();
    return this.#ask({});
  }

  async #ask(headers: Record<string, string>): Promise<FileResponse> {
    let response: FileResponse;
    try {
      response = await this.#send(headers);
    } catch (error) {
      this.#parts.options.signal.throwIfAborted();
      const why = "could not be fetched: the network or its server does not answer.";
      throw new KromaError("unavailable", `${lastPart(this.#parts.url)} ${why}`, { cause: error });
    }
    return this.#accepted(response);
  }

  #send(headers: Record<string, string>): Promise<FileResponse> {
    const { fetch, url } = this.#parts;
    this.#listen();
    return fetch(url, { headers, signal: this.#signal }).finally(() => clearTimeout(this.#clock));
  }

  async #accepted(response: FileResponse): Promise<FileResponse> {
    const { status, statusText, headers } = response;
    // The server has less of it than is kept: it is another file now.
    if (status === 416) {
      await response.body?.cancel();
      return this.#ask({});
    }
    const name = lastPart(this.#parts.url);
    if (!response.ok) {
      await response.body?.cancel();
      const { url, hasToken } = this.#parts;
      throw fetchRefusal(name, status, statusText, headers.get("retry-after"), {
        origin: new URL(url).origin,
        hasToken,
      });
    }
    if (headers.get("content-type")?.startsWith("text/html") === true && !/\.html?$/i.test(name)) {
      await response.body?.cancel();
      const why = "its server answered with a web page instead, as one does that wants you to sign in";
      throw new KromaError(
        "unavailable",
        `${name} did not come: ${why}, or a network that does. Nothing was kept of it.`,
      );
    }
    return response;
  }

  #listen(): void {
    clearTimeout(this.#clock);
    this.#clock = setTimeout(() => this.#silence.abort(new Error("silence")), this.#parts.stall);
  }
}

/** The last part of an address, as sentences call the file. */
export function lastPart(url: string): string {
  const part = new URL(url).pathname.split("/").pop() ?? "";
  try {
    return decodeURIComponent(part) || url;
  } catch {
    return part;
  }
}

const stopped = (url: string, cause?: unknown): KromaError =>
  new KromaError(
    "unavailable",
    `${lastPart(url)} stopped coming in the middle. Try again: it goes on from there.`,
    cause === undefined ? {} : { cause },
  );

/** A strong validator: a weak one does not say that the bytes are the same. Ranges of packed bytes are no ranges of these. */
function validatorOf({ headers }: FileResponse): string | undefined {
  if (headers.has("content-encoding")) return undefined;
  const etag = headers.get("etag");
  return (etag !== null && !etag.startsWith("W/") ? etag : headers.get("last-modified")) ?? undefined;
}

/** Where a partial answer begins. Throws `corrupt` unless that is where it was asked to. */
function rangeStart(response: FileResponse, start: number): number {
  const range = response.headers.get("content-range");
  // A server of another origin may not show the header; it was asked for one range and gave one.
  if (range === null || Number(/^bytes (\d+)-/.exec(range)?.[1]) === start) return start;
  throw new KromaError("corrupt", "The server answered with another part of the file than it was asked for.");
}
