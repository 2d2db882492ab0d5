/** Our reading of CodeMirror's change sets against CodeMirror's own. */
import { ChangeSet, Text } from "@codemirror/state";
import {
  applyTextChanges,
  composeSplices,
  diffText,
  mapPosition,
  mapRanges,
  splicesOf,
  type TextChanges,
} from "#core/notebook/text-changes.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "é", "😀"), maxLength: 12 });
const splice = fc.record({ at: fc.nat(20), remove: fc.nat(5), insert: text });
const textOf = (content: string): Text => Text.of(content.split("\n"));
const asJson = (changes: ChangeSet): TextChanges => changes.toJSON() as TextChanges;

/** Random splices, cut to fit the text as it is when each is done, and the change set that CodeMirror makes of them. */
function fit(before: string, wanted: readonly { at: number; remove: number; insert: string }[]) {
  let present = before;
  let changes = ChangeSet.empty(before.length);
  const splices = wanted.map(({ at, remove, insert }) => {
    const from = at % (present.length + 1);
    const length = Math.min(remove, present.length - from);
    changes = changes.compose(ChangeSet.of({ from, to: from + length, insert }, present.length, "\n"));
    present = present.slice(0, from) + insert + present.slice(from + length);
    return { at: from, remove: length, insert };
  });
  return { splices, after: present, changes };
}

describe("text changes", () => {
  it("do what CodeMirror's do", () => {
    fc.assert(
      fc.property(text, fc.array(splice, { maxLength: 6 }), (before, wanted) => {
        const { after, changes } = fit(before, wanted);
        expect(changes.apply(textOf(before)).toString()).toBe(after);
        expect(applyTextChanges(before, asJson(changes))).toBe(after);
        expect(splicesOf(asJson(changes), before.length).length).toBeLessThanOrEqual(wanted.length);
      }),
      { numRuns: 500 },
    );
  });

  it("are composed of splices, and differences, that CodeMirror can read", () => {
    fc.assert(
      fc.property(text, fc.array(splice, { maxLength: 6 }), (before, wanted) => {
        const { splices, after } = fit(before, wanted);
        for (const made of [composeSplices(before, splices), diffText(before, after)]) {
          if (made === undefined) continue;
          expect(ChangeSet.fromJSON(made).apply(textOf(before)).toString()).toBe(after);
        }
        if (composeSplices(before, splices) === undefined) expect(after).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  it("map places as CodeMirror does, and leave foreign text out of ranges", () => {
    fc.assert(
      fc.property(text, fc.array(splice, { maxLength: 3 }), fc.nat(20), fc.nat(20), (before, wanted, a, b) => {
        const { changes, after } = fit(before, wanted);
        const [from, to] = [a % (before.length + 1), b % (before.length + 1)].sort((left, right) => left - right) as [
          number,
          number,
        ];
        const position = mapPosition(from, asJson(changes));
        expect(position).toBeGreaterThanOrEqual(changes.mapPos(from, -1));
        expect(position).toBeLessThanOrEqual(changes.mapPos(from, 1));
        const ranges = mapRanges([{ from, to }], asJson(changes));
        let last = 0;
        let length = 0;
        for (const range of ranges) {
          expect(range.from).toBeGreaterThanOrEqual(last);
          expect(range.to).toBeLessThanOrEqual(after.length);
          last = range.to;
          length += range.to - range.from;
        }
        expect(length).toBeLessThanOrEqual(to - from);
      }),
      { numRuns: 500 },
    );
  });

  it("are refused when they are malformed or not for this text", () => {
    for (const bad of [[-1], [1.5], ["x"], [[1, 2]], [[]], [null], [2], [[3, "a"]]]) {
      expect(() => applyTextChanges("a", bad as unknown as TextChanges)).toThrow(
        expect.objectContaining({ code: "invalid" }) as Error,
      );
    }
  });
});
