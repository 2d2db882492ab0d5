/** How far what was read is from what is written: Levenshtein's distance, and the share of characters that are right. */

function distance(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  let row = right.map((_, index) => index + 1);
  row.unshift(0);
  for (const [index, character] of left.entries()) {
    const next = [index + 1];
    for (const [at, other] of right.entries()) {
      next.push(Math.min(next[at]! + 1, row[at + 1]! + 1, row[at]! + (character === other ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1)!;
}

/** Characters that are right of all that are written, line by line. Spaces count. */
export function shareRight(written: readonly string[], read: readonly string[]): number {
  const all = written.reduce((sum, line) => sum + Array.from(line).length, 0);
  const wrong = written.reduce((sum, line, index) => sum + distance(line, read[index] ?? ""), 0);
  return 1 - wrong / all;
}
