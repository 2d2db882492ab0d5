/** Sets columns of numbers flush right, as their digits want it; columns of words stay at the start. */

const NUMBER = /^\s*[-+−]?[\d.,\s]*\d[\d.,]*(?:e[-+]?\d+)?\s?%?\s*$/i;
const MOST_CELLS = 5000;

/** Marks the cells of number columns with the class `number`. Tables with merged or many cells are left alone. */
export function alignColumns(table: HTMLTableElement): void {
  const rows = [...table.rows];
  const body = rows.filter((row) => row.parentElement?.localName !== "thead" && row.querySelector("td"));
  const width = rows[0]?.cells.length ?? 0;
  if (body.length === 0 || width * rows.length > MOST_CELLS) return;
  if (table.querySelector("[rowspan], [colspan], table")) return;
  for (let column = 0; column < width; column += 1) {
    const words = body.map((row) => row.cells[column]?.textContent.trim() ?? "");
    if (!areNumbers(words)) continue;
    for (const row of rows) row.cells[column]?.classList.add("number");
  }
}

/** True when all words of a column are numbers or nothing, and one is a number. */
export function areNumbers(words: readonly string[]): boolean {
  return words.some((word) => word !== "") && words.every((word) => word === "" || NUMBER.test(word));
}
