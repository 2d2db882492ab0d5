/**
 * Blocks from trustless gateways over HTTP (https://specs.ipfs.tech/http-gateways/trustless-gateway/): one request a block, and
 * nothing believed. A gateway may be gone, stall, send for ever, or lie; whoever asks several goes on with the others.
 */
import { concatenate } from "../base/bytes.ts";
import { KromaError } from "../base/errors.ts";
import { checkForeignBlock, MOST_BLOCK_BYTES } from "./cid.ts";
import type { BlockSource } from "./stores.ts";
import { throwIfAborted } from "./walk.ts";

export interface GatewayOptions {
  readonly fetch?: typeof fetch;
  /** How long it may say nothing, in milliseconds. */
  readonly patience?: number;
}

const PATIENCE = 15_000;
/** So many refusals in a row, and it is asked last. */
const MOST_REFUSALS = 3;

/** A gateway's address without what is after its host and folder; undefined when it is no http(s) address. */
export function gatewayAddress(text: string): string | undefined {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") return undefined;
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** The blocks of one gateway, not checked: a checked source or `firstOf` belongs around it. */
export function gatewaySource(address: string, options: GatewayOptions = {}): BlockSource {
  const ask = options.fetch ?? fetch;
  const patience = options.patience ?? PATIENCE;
  return {
    async get(cid, { signal } = {}) {
      const stalled = new AbortController();
      let timer = setTimeout(() => stalled.abort(), patience);
      const restart = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => stalled.abort(), patience);
      };
      try {
        const response = await ask(`${address}/ipfs/${cid}?format=raw`, {
          headers: { accept: "application/vnd.ipld.raw" },
          credentials: "omit",
          referrerPolicy: "no-referrer",
          signal: signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal,
        });
        if (response.status === 404 || response.status === 410) {
          await response.body?.cancel();
          return undefined;
        }
        if (!response.ok || !response.body) {
          await response.body?.cancel();
          throw new KromaError("unavailable", `${address} answers with status ${response.status}.`);
        }
        return await readLimited(response.body, restart);
      } catch (error) {
        throwIfAborted(signal);
        if (error instanceof KromaError) throw error;
        const what = stalled.signal.aborted ? "says nothing any more" : "can't be reached";
        throw new KromaError("unavailable", `${address} ${what}.`, { cause: error });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

async function readLimited(body: ReadableStream<Uint8Array>, came: () => void): Promise<Uint8Array> {
  const reader = body.getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concatenate(pieces);
    came();
    length += value.length;
    if (length > MOST_BLOCK_BYTES) {
      await reader.cancel();
      throw new KromaError("corrupt", "More came than a block may have.");
    }
    pieces.push(value);
  }
}

/** A source with a name, for what is said of it. */
export interface NamedSource {
  readonly name: string;
  readonly source: BlockSource;
}

/**
 * The block from the first of them that has it, checked. One that lies is not asked again; one that can't be reached is asked
 * after the others. `missing` is undefined as ever; `unavailable` when one that could not be reached may have it.
 */
export function firstOf(sources: readonly NamedSource[], onTrouble?: (sentence: string) => void): BlockSource {
  const refusals = new Map<NamedSource, number>();
  const liars = new Set<NamedSource>();
  return {
    async get(cid, options = {}) {
      const tired = (source: NamedSource): number => ((refusals.get(source) ?? 0) >= MOST_REFUSALS ? 1 : 0);
      const order = sources.filter((source) => !liars.has(source)).sort((a, b) => tired(a) - tired(b));
      let unreached: unknown;
      for (const named of order) {
        throwIfAborted(options.signal);
        try {
          const bytes = await named.source.get(cid, options);
          refusals.delete(named);
          if (bytes) return await checkForeignBlock(cid, bytes);
        } catch (error) {
          throwIfAborted(options.signal);
          if (!(error instanceof KromaError)) throw error;
          if (error.code === "corrupt") {
            liars.add(named);
            onTrouble?.(`${named.name} sent something else than it was asked for, and is not asked any more.`);
          } else {
            refusals.set(named, (refusals.get(named) ?? 0) + 1);
            unreached = error;
          }
        }
      }
      if (unreached !== undefined) throw unreached;
      return undefined;
    },
  };
}
