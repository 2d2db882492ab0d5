/**
 * Merging a branch back into the notebook it was taken from. The branch has the very changes of the original up to where
 * it left, so its own are simply applied, and what both did merges like the work of two peers. Only its title stays its
 * own, and the state before gets a name, for that is the way back. Where the original's history was shortened since, the
 * branch's changes are translated as any change is that comes late.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import { randomId } from "../base/ids.ts";
import { differencesBetween, type CellDifference } from "./differences.ts";
import { scalar, textOf, type NotebookDocument } from "./document.ts";
import type { EarlierDocuments } from "./earlier-documents.ts";
import { MOST_VERSION_NAME } from "./named-versions.ts";
import type { OpenDocument } from "./open-document.ts";
import { readPast } from "./past.ts";
import { carry } from "./reseed/carry.ts";
import { blocksBetween, chainOf, compareChains } from "./reseed/chain.ts";

/** What merging would change. */
export interface MergePreview {
  /** Of the original. */
  readonly title: string;
  readonly differences: readonly CellDifference[];
  /** How many changes the original has not got. */
  readonly changes: number;
}

/** Changes that are taken in at once: each batch is looked at under the limits of chunk-guard.ts. */
const BATCH = 1000;

/** A branch, and the heads at which it was taken. */
export interface Branch {
  readonly document: OpenDocument;
  readonly left: readonly string[];
}

/** What a branch was taken from, and what that was in before its history was shortened. */
export interface Original {
  readonly document: OpenDocument;
  readonly earlier: EarlierDocuments;
}

/** Tells what merging would change, and changes nothing. */
export async function previewMerge(branch: Branch, original: Original): Promise<MergePreview> {
  const changes = await changesOf(branch, original);
  return await original.document.sync((document) => {
    const present = document as NotebookDocument;
    const lacking = changes.filter((change) => isNew(present, change));
    const title = textOf(present.title);
    let merged = Automerge.clone(present);
    [merged] = Automerge.applyChanges(merged, [...lacking]);
    merged = Automerge.change(merged, (draft) => {
      draft.title = scalar(title);
    });
    const now = readPast(present, Automerge.getHeads(present)).notebook;
    const then = readPast(merged, Automerge.getHeads(merged)).notebook;
    Automerge.free(merged);
    return { title, differences: differencesBetween(now, then), changes: lacking.length };
  });
}

/** Merges; the state before has a name from then on. Where the original has everything, nothing is done. */
export async function mergeBack(branch: Branch, original: Original, time: number): Promise<void> {
  const into = original.document;
  const all = await changesOf(branch, original);
  const changes = await into.sync((document) => all.filter((change) => isNew(document, change)));
  if (changes.length === 0) return;
  const { title } = await into.notebook();
  const from = (await branch.document.notebook()).title;
  const name = `Before merging ${from}`.slice(0, MOST_VERSION_NAME).trim();
  const heads = await into.heads();
  await into.change([{ type: "set_version", version: randomId(16), to: { name, time, heads } }]);
  for (let at = 0; at < changes.length; at += BATCH) await into.applyChanges(changes.slice(at, at + BATCH));
  if ((await into.notebook()).title !== title) await into.change([{ type: "set_title", title }]);
}

/** The branch's own changes, as they are in the document that the original is in now. */
async function changesOf({ document, left }: Branch, original: Original): Promise<readonly Uint8Array[]> {
  const from = await document.read(chainOf);
  const to = await original.document.read(chainOf);
  if (from.seed === to.seed) return await document.changesSince(left);
  // What was taken before the history was shortened goes on into the present; never the other way round.
  if (compareChains(from, to).shared <= from.epochs.length) throw new KromaError("invalid", OTHER_HISTORY);
  const blocks = new Map<string, Uint8Array>();
  for (const cid of blocksBetween(from, to)) blocks.set(cid, await original.earlier.bytes(cid));
  return await document.sync(async (present) => {
    const moved = await carry(present as NotebookDocument, from, to, (cid) => Promise.resolve(blocks.get(cid)));
    const changes = Automerge.getBackend(moved.document).getChanges([moved.seed]);
    Automerge.free(moved.document);
    return changes;
  });
}

const OTHER_HISTORY =
  "The history of this branch was shortened since it was taken, so it can't be merged back. Copy the cells that you want to have there.";

const isNew = (document: Automerge.Doc<unknown>, change: Uint8Array): boolean =>
  !Automerge.hasHeads(document, [Automerge.decodeChange(change).hash]);
