/**
 * Merging a branch back into the notebook it was taken from. The branch has the very changes of the original up to where
 * it left, so its own are simply applied, and what both did merges like the work of two peers. Only its title stays its
 * own, and the state before gets a name, for that is the way back.
 */
import * as Automerge from "@automerge/automerge/slim";
import { randomId } from "../base/ids.ts";
import { differencesBetween, type CellDifference } from "./differences.ts";
import { scalar, textOf, type NotebookDocument } from "./document.ts";
import { MOST_VERSION_NAME } from "./named-versions.ts";
import type { OpenDocument } from "./open-document.ts";
import { readPast } from "./past.ts";

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

/** Tells what merging would change, and changes nothing. `left` are the heads at which the branch was taken. */
export async function previewMerge(
  branch: OpenDocument,
  original: OpenDocument,
  left: readonly string[],
): Promise<MergePreview> {
  const changes = await branch.changesSince(left);
  return await original.sync((document) => {
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
export async function mergeBack(
  branch: OpenDocument,
  original: OpenDocument,
  left: readonly string[],
  time: number,
): Promise<void> {
  const all = await branch.changesSince(left);
  const changes = await original.sync((document) => all.filter((change) => isNew(document, change)));
  if (changes.length === 0) return;
  const { title } = await original.notebook();
  const from = (await branch.notebook()).title;
  const name = `Before merging ${from}`.slice(0, MOST_VERSION_NAME).trim();
  const heads = await original.heads();
  await original.change([{ type: "set_version", version: randomId(16), to: { name, time, heads } }]);
  for (let at = 0; at < changes.length; at += BATCH) await original.applyChanges(changes.slice(at, at + BATCH));
  if ((await original.notebook()).title !== title) await original.change([{ type: "set_title", title }]);
}

const isNew = (document: Automerge.Doc<unknown>, change: Uint8Array): boolean =>
  !Automerge.hasHeads(document, [Automerge.decodeChange(change).hash]);
