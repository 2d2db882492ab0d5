/** The blocks of a CAR answer: those that the path leads through, then those that the scope asks for (IPIP-402). */
import { listDirectory, readFile } from "#core/artefact/unixfs.ts";
import { inlineBytes, storedName } from "#core/store/cid.ts";
import type { BlockSource } from "#core/store/stores.ts";
import { walkBlocks, type WalkedBlock } from "#core/store/walk.ts";
import { kindHere } from "./gateway-path.ts";
import { type CarScope, HttpRefusal } from "./gateway-request.ts";

/** A source that remembers what was read from it. */
export class ReadBlocks implements BlockSource {
  readonly #source: BlockSource;
  #read: WalkedBlock[] = [];

  constructor(source: BlockSource) {
    this.#source = source;
  }

  async get(cid: string, options?: { readonly signal?: AbortSignal }): Promise<Uint8Array | undefined> {
    const bytes = await this.#source.get(cid, options);
    // The bytes of an inline CID are in the block above; it is no block of its own.
    if (bytes && !inlineBytes(cid)) this.#read.push({ cid, bytes });
    return bytes;
  }

  /** What was read since this was last asked. */
  take(): readonly WalkedBlock[] {
    const read = this.#read;
    this.#read = [];
    return read;
  }
}

/** The stretch of a file that is meant, cut to the file; undefined when nothing of it is. */
export function stretchOf(size: number, { from = 0, to }: CarScope): { offset: number; length: number } | undefined {
  const start = Math.max(0, from < 0 ? size + from : from);
  const end = Math.min(size - 1, to === undefined ? size - 1 : to < 0 ? size + to - 1 : to);
  return start > end ? undefined : { offset: start, length: end - start + 1 };
}

/** The blocks, each once. `path` are those that were read on the way to `cid`. */
export async function* carBlocks(
  cid: string,
  path: readonly WalkedBlock[],
  source: BlockSource,
  scope: CarScope,
  signal: AbortSignal,
): AsyncGenerator<WalkedBlock> {
  const sent = new Set<string>();
  const isNew = (block: WalkedBlock): boolean => {
    const name = storedName(block.cid);
    if (sent.has(name)) return false;
    sent.add(name);
    return true;
  };
  for (const block of path) if (isNew(block)) yield block;
  if (scope.scope === "all") {
    for await (const block of walkBlocks([cid], source, { signal })) if (isNew(block)) yield block;
    return;
  }
  const reading = new ReadBlocks(source);
  const what = await kindHere(cid, reading, signal);
  for (const block of reading.take()) if (isNew(block)) yield block;
  if (scope.scope === "block") return;
  const steps: AsyncIterable<unknown> | undefined =
    what.kind === "directory"
      ? listDirectory(cid, reading, { signal })
      : what.kind === "file"
        ? fileSteps(cid, what.size, reading, scope, signal)
        : undefined;
  for await (const _step of steps ?? []) {
    for (const block of reading.take()) if (isNew(block)) yield block;
  }
  for (const block of reading.take()) if (isNew(block)) yield block;
}

/** Refuses bytes that lie all behind the end of the file, while that can still be said. */
export async function checkStretch(
  cid: string,
  source: BlockSource,
  scope: CarScope,
  signal: AbortSignal,
): Promise<void> {
  if (scope.from === undefined) return;
  const what = await kindHere(cid, source, signal);
  if (what.kind === "file" && scope.from > 0 && scope.from >= what.size)
    throw new HttpRefusal(400, `The file has ${what.size} bytes.`);
}

function fileSteps(
  cid: string,
  size: number,
  source: BlockSource,
  scope: CarScope,
  signal: AbortSignal,
): AsyncIterable<unknown> | undefined {
  const stretch = stretchOf(size, scope);
  return stretch && readFile(cid, source, { ...stretch, signal });
}
