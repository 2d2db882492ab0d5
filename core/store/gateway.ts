/**
 * Blocks from a trustless HTTP gateway (https://specs.ipfs.tech/http-gateways/trustless-gateway/): anybody's, so it may lie,
 * stall, or send without end. What it sends is cut at the size of a block and checked against the CID.
 */
import * as v from "valibot";
import { concatenate } from "../base/bytes.ts";
import { KromaError } from "../base/errors.ts";
import { checkForeignBlock, inlineBytes, MOST_BLOCK_BYTES, parseCid } from "./cid.ts";
import type { BlockSource } from "./stores.ts";

export interface GatewayOptions {
  /** In place of the platform's. */
  readonly fetch?: typeof fetch;
  /** Silence of so long is the end, in milliseconds. */
  readonly stall?: number;
  /** So is a block that takes longer, however it drips. */
  readonly most?: number;
}

/** Somebody who can be asked for blocks and, if they keep artefacts, for envelopes. */
export interface NamedSource extends BlockSource {
  /** As people know it. */
  readonly name: string;
  /** CIDs of envelopes of that root; none when it knows of none or has no such index. Nothing is checked. */
  envelopes?(root: string, options?: { readonly signal?: AbortSignal }): Promise<readonly string[]>;
}

const STALL = 15_000;
const MOST_TIME = 120_000;
const MOST_ENVELOPES_BYTES = 16 * 1024;

const envelopesSchema = v.pipe(v.array(v.pipe(v.string(), v.maxLength(200))), v.maxLength(100));

/** The gateway at that address. Blocks are asked for below it, at `ipfs/CID?format=raw`. */
export class GatewaySource implements NamedSource {
  readonly name: string;
  readonly #base: URL;
  readonly #fetch: typeof fetch;
  readonly #stall: number;
  readonly #most: number;

  constructor(address: string, options: GatewayOptions = {}) {
    this.#base = gatewayUrl(address);
    this.name = this.#base.host;
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init));
    this.#stall = options.stall ?? STALL;
    this.#most = options.most ?? MOST_TIME;
  }

  /** `unavailable` when it does not answer as it should, `corrupt` when what it sends is something else. */
  async get(cid: string, options: { readonly signal?: AbortSignal } = {}): Promise<Uint8Array | undefined> {
    const inline = inlineBytes(cid);
    if (inline) return inline;
    const name = parseCid(cid).toV1().toString();
    const bytes = await this.#read(
      new URL(`ipfs/${name}?format=raw`, this.#base),
      "application/vnd.ipld.raw",
      MOST_BLOCK_BYTES,
      options.signal,
    );
    return bytes && checkForeignBlock(cid, bytes);
  }

  async envelopes(root: string, options: { readonly signal?: AbortSignal } = {}): Promise<readonly string[]> {
    const name = parseCid(root).toV1().toString();
    const address = new URL(`kroma/envelopes/${name}`, this.#base);
    try {
      const bytes = await this.#read(address, "application/json", MOST_ENVELOPES_BYTES, options.signal);
      return bytes ? v.parse(envelopesSchema, JSON.parse(new TextDecoder().decode(bytes))) : [];
    } catch (error) {
      if (error instanceof KromaError && error.code === "aborted") throw error;
      // A gateway that is no mirror answers this in its own way.
      return [];
    }
  }

  async #read(
    address: URL,
    type: string,
    most: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | undefined> {
    const watch = new Watch(this.#stall, this.#most, signal);
    try {
      const response = await this.#fetch(address, {
        headers: { accept: type },
        signal: watch.signal,
        credentials: "omit",
        referrerPolicy: "no-referrer",
      });
      if (response.status === 404 || response.status === 410) {
        await response.body?.cancel();
        return undefined;
      }
      if (!response.ok || !response.body) {
        await response.body?.cancel();
        throw new KromaError("unavailable", `${this.name} answers ${response.status}.`);
      }
      return await bodyOf(response.body, most, watch, this.name);
    } catch (error) {
      if (error instanceof KromaError) throw error;
      if (signal?.aborted) throw new KromaError("aborted", "This was stopped.", { cause: error });
      const why = watch.isOver ? "is silent" : "can't be reached";
      throw new KromaError("unavailable", `${this.name} ${why}.`, { cause: error });
    } finally {
      watch.close();
    }
  }
}

/** The address of a gateway as a folder; `invalid` when it is no web address. */
export function gatewayUrl(address: string): URL {
  const url = URL.parse(address);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new KromaError("invalid", `A gateway's address starts with https:// or http://, unlike "${address}".`);
  url.search = "";
  url.hash = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

async function bodyOf(body: ReadableStream<Uint8Array>, most: number, watch: Watch, name: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatenate(pieces);
    watch.heard();
    length += value.length;
    if (length > most) {
      await reader.cancel();
      throw new KromaError("corrupt", `${name} sends more than a block may have.`);
    }
    pieces.push(value);
  }
}

/** Stops a request when it is told to, when nothing is heard for too long, and when it takes too long. */
class Watch {
  readonly #controller = new AbortController();
  readonly #stall: number;
  readonly #end: ReturnType<typeof setTimeout>;
  readonly #outer: AbortSignal | undefined;
  readonly #stop = () => this.#controller.abort(this.#outer?.reason);
  #silence: ReturnType<typeof setTimeout>;
  #isOver = false;

  constructor(stall: number, most: number, outer: AbortSignal | undefined) {
    this.#stall = stall;
    this.#outer = outer;
    this.#end = setTimeout(() => this.#giveUp(), most);
    this.#silence = setTimeout(() => this.#giveUp(), stall);
    outer?.addEventListener("abort", this.#stop, { once: true });
    if (outer?.aborted) this.#stop();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True when it took too long. */
  get isOver(): boolean {
    return this.#isOver;
  }

  heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#giveUp(), this.#stall);
  }

  close(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#end);
    this.#outer?.removeEventListener("abort", this.#stop);
  }

  #giveUp(): void {
    this.#isOver = true;
    this.#controller.abort();
  }
}
