/** What an editor's updates mean for Automerge's text, which counts the same but has no half characters. */
import { normaliseText } from "./cell-text.ts";
import type { TextUpdate } from "./messages.ts";
import { applyTextChanges, diffText, hasLoneSurrogate, splicesOf, splitsPair, type Splice } from "./text-changes.ts";

/** The splices of an editor's updates, the text they should give, and whether Automerge may see it otherwise. */
export function planEdit(
  text: string,
  updates: readonly TextUpdate[],
): { readonly splices: readonly Splice[]; readonly expected: string; readonly risky: boolean } {
  const splices: Splice[] = [];
  let expected = text;
  let risky = false;
  for (const { changes } of updates) {
    let present = expected;
    for (const splice of splicesOf(changes, expected.length)) {
      const insert = normaliseText(splice.insert);
      // Automerge has no place inside a surrogate pair and no half of one; the editor is then told what became of it.
      risky ||=
        splitsPair(present, splice.at) ||
        splitsPair(present, splice.at + splice.remove) ||
        hasLoneSurrogate(splice.insert) ||
        splice.insert.includes("\r");
      present = present.slice(0, splice.at) + splice.insert + present.slice(splice.at + splice.remove);
      splices.push(risky ? splice : { ...splice, insert });
    }
    expected = applyTextChanges(expected, changes);
  }
  // With risky text the several splices could each miss by one: then one replacement of the whole difference is sure.
  if (!risky) return { splices, expected, risky };
  const whole = diffText(text, normaliseText(expected));
  return { splices: whole ? splicesOf(whole, text.length) : [], expected, risky };
}
