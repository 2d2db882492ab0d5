/**
 * Changes that had not come yet when their document was closed. The document after it has their translations, and each of
 * these has the original in its message: so it can be told for the closed document too what they were and who made them.
 * Anybody who may write can put anything into a message, so it is looked at before Automerge reads it, and what builds on
 * something that is not there counts for nothing.
 */
import * as Automerge from "@automerge/automerge/slim";
import { inspectChunks, type ChunkLimits } from "./chunk-guard.ts";
import type { NotebookDocument } from "./document.ts";
import type { ChangeFacts } from "./history-people.ts";
import { originalOf } from "./reseed/original.ts";

/** One of them. */
export interface LateChange {
  readonly facts: ChangeFacts;
  readonly bytes: Uint8Array;
  /** The hash of what stands for it in the next document. */
  readonly translation: string;
}

/** What translations in a document say that they were. */
export interface ClaimedOriginal {
  readonly translation: string;
  readonly bytes: Uint8Array;
}

/** All such claims in a document, in an order in which none is before one that it builds on. */
export function claimedOriginals(document: NotebookDocument): readonly ClaimedOriginal[] {
  return Automerge.getBackend(document)
    .getChangesMeta([])
    .flatMap(({ hash, message }): ClaimedOriginal[] => {
      const bytes = originalOf(message);
      return bytes ? [{ translation: hash, bytes }] : [];
    });
}

/** Those of the claims that are changes of the closed document: `isThere` tells which hashes it has. */
export async function lateChanges(
  claims: readonly ClaimedOriginal[],
  limits: ChunkLimits,
  isThere: (hashes: readonly string[]) => Promise<boolean>,
): Promise<readonly LateChange[]> {
  const found = new Map<string, LateChange>();
  let { operations } = limits;
  for (const { translation, bytes } of claims) {
    try {
      const counts = await inspectChunks(bytes, { ...limits, operations, chunks: 1 });
      const facts = Automerge.decodeChange(bytes);
      const others = facts.deps.filter((hash) => !found.has(hash));
      if (found.has(facts.hash) || !(await isThere(others))) continue;
      operations -= counts.operations;
      found.set(facts.hash, { facts, bytes, translation });
    } catch {
      // It is none, or too much: who wrote it is told nothing by it.
    }
  }
  return [...found.values()];
}
