/** What this browser keeps of its own part in a notebook: the state it last showed, as whom it writes, and what. */
import * as v from "valibot";
import type { DocumentId } from "../base/ids.ts";
import type { DocStore, StoreKey } from "../store/stores.ts";
import { visitKey } from "./document-log.ts";
import { ownChangesSchema, type OwnChange } from "./own-changes.ts";

const StoredVisit = v.object({
  heads: v.optional(v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)))),
  author: v.optional(v.pipe(v.string(), v.maxLength(100))),
  own: v.optional(ownChangesSchema),
});

/** The heads when a page last had it open, the member that oneself is, and what of their changes is not signed yet. */
export interface Visit {
  readonly heads?: readonly string[];
  readonly author?: string;
  readonly own?: readonly OwnChange[];
}

/** What a page has to know of the visit before its own. */
export interface LastVisit {
  readonly heads: readonly string[];
  /** When its own began, Unix time in milliseconds. */
  readonly opened: number;
}

/**
 * The state of a visit, once the notebook has gone on in another document: a change that was translated is named as it is
 * there, together with what it builds on here. So what others made meanwhile is still seen as new.
 */
export function movedHeads(
  heads: readonly string[],
  translated: (hash: string) => string | undefined,
  depsOf: (hash: string) => readonly string[],
): readonly string[] {
  const moved = new Set<string>();
  const seen = new Set<string>();
  const left = [...heads];
  for (let hash = left.pop(); hash !== undefined; hash = left.pop()) {
    if (seen.has(hash)) continue;
    seen.add(hash);
    const now = translated(hash);
    moved.add(now ?? hash);
    if (now !== undefined) left.push(...depsOf(hash));
  }
  return [...moved].sort();
}

/** What is kept; nothing where no page ever had it open, or it can't be read. */
export async function readVisit(store: DocStore, document: DocumentId): Promise<Visit> {
  const [entry] = await store.loadRange(visitKey(document));
  if (entry === undefined) return {};
  try {
    const { heads, author, own } = v.parse(StoredVisit, JSON.parse(new TextDecoder().decode(entry[1])));
    return { ...(heads ? { heads } : {}), ...(author === undefined ? {} : { author }), ...(own ? { own } : {}) };
  } catch {
    // Then it is as if it were opened for the first time.
    return {};
  }
}

/** What is to be written for it. */
export function writeVisit(document: DocumentId, visit: Visit): [StoreKey, Uint8Array] {
  return [visitKey(document), new TextEncoder().encode(JSON.stringify(visit))];
}
