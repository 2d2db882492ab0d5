/** A document beside the notebook's own before anybody wrote into it (core/mesh/SPEC.md, C1 and F1). */
import * as Automerge from "@automerge/automerge/slim";
import type { Part } from "./parts.ts";

/** Another schema has another author of the first change. */
const SCHEMA = 1;

/**
 * The document with its empty map: the same bytes on every machine, so that people who begin without a link can merge.
 * Whoever writes into it loads it anew, under an author of their own.
 */
export function blankPart(part: Exclude<Part, "notebook">, map: string): Uint8Array {
  const name = new TextEncoder().encode(`kroma/${part}/${SCHEMA}`);
  const actor = Array.from(name, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const blank = Automerge.init<Record<string, unknown>>({ actor });
  const document = Automerge.change(blank, { time: 0 }, (draft) => {
    draft["schema"] = SCHEMA;
    draft[map] = {};
  });
  const bytes = Automerge.save(document);
  Automerge.free(document);
  return bytes;
}
