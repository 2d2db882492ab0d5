/** What a newer version of a published notebook changes, in words, cell by cell. Pure. */
import { isSameJson } from "#core/base/canonical-json.ts";
import { differencesBetween } from "#core/notebook/differences.ts";
import type { Notebook } from "#core/notebook/model.ts";

/** One cell that differs. */
export interface VersionChange {
  readonly words: string;
  /** The cell's text before and after; both undefined where only something else changed. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const PARTS: Readonly<Record<string, string>> = {
  text: "text",
  place: "place",
  language: "language",
  settings: "settings",
  outputs: "outputs",
};

/** The changes in the order of the newer version. Outputs are compared by what they say, for runs have no names in files. */
export function versionChanges(before: Notebook, after: Notebook): readonly VersionChange[] {
  const differences = differencesBetween(before, after, (left, right) =>
    isSameJson(left?.outputs ?? [], right?.outputs ?? []),
  );
  return differences.map(({ kind, was, is, parts, before: old, after: now }) => {
    if (kind === "added") return { words: `Cell ${is + 1} is new`, before: undefined, after: now?.source };
    if (kind === "deleted")
      return { words: `Cell ${was + 1} of the older version is gone`, before: old?.source, after: undefined };
    const named = parts.map((part) => PARTS[part]).join(", ");
    const hasText = parts.includes("text");
    return {
      words: `Cell ${is + 1}: other ${named}`,
      before: hasText ? old?.source : undefined,
      after: hasText ? now?.source : undefined,
    };
  });
}
