/**
 * A document up to some heads as the same bytes on every machine. Automerge writes changes down in the order in which
 * they came, so they are put into one order that depends on nothing else and taken in at once: the block that keeps a
 * history has one CID, whoever makes it.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../../base/errors.ts";
import type { NotebookDocument } from "../document.ts";

/** All changes up to `heads`, in one canonical order, as one compressed document. `missing` when not all are here. */
export function canonicalSave(document: NotebookDocument, heads: readonly string[]): Uint8Array {
  if (heads.length === 0 || !Automerge.hasHeads(document, [...heads])) {
    throw new KromaError("missing", "This version is made of changes that are not here.");
  }
  const ordered = Automerge.init<unknown>();
  const backend = Automerge.getBackend(ordered);
  backend.applyChanges(inOrder(Automerge.getBackend(document), heads));
  const bytes = backend.save();
  Automerge.free(ordered);
  return bytes;
}

/** The changes up to these heads by how many generations are before them, and in each of them by hash. */
function inOrder(backend: ReturnType<typeof Automerge.getBackend>, heads: readonly string[]): Uint8Array[] {
  const after = new Set(backend.getChangesMeta([...heads]).map(({ hash }) => hash));
  // Both come in the same order. To ask for each change by its hash takes ten times as long as all the rest.
  const bytes = backend.getChanges([]);
  const changes = new Map<string, Uint8Array>();
  const following = new Map<string, string[]>();
  const lacking = new Map<string, number>();
  let generation: string[] = [];
  for (const [index, { hash, deps }] of backend.getChangesMeta([]).entries()) {
    if (after.has(hash)) continue;
    changes.set(hash, bytes[index] as Uint8Array);
    if (deps.length === 0) generation.push(hash);
    lacking.set(hash, deps.length);
    for (const dep of deps) {
      const known = following.get(dep);
      if (known) known.push(hash);
      else following.set(dep, [hash]);
    }
  }
  const order: Uint8Array[] = [];
  while (generation.length > 0) {
    const next: string[] = [];
    for (const hash of generation.sort()) {
      order.push(changes.get(hash) as Uint8Array);
      for (const child of following.get(hash) ?? []) {
        const left = (lacking.get(child) as number) - 1;
        lacking.set(child, left);
        if (left === 0) next.push(child);
      }
    }
    generation = next;
  }
  return order;
}
