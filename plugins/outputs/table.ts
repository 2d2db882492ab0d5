/** `text/csv` and tab-separated text as a table, as much of it as one can read. */
import type { Drawing } from "#kit/renderers.ts";
import { showInShadow } from "./shadow.ts";

const ROWS = 200;
const COLUMNS = 60;

/** Draws the first rows; says when there are more. */
export const drawing: Drawing = {
  render(element, context) {
    const separator = context.mimeType === "text/csv" ? "," : "\t";
    const { rows, isCut } = parseSeparated(typeof context.data === "string" ? context.data : "", separator, ROWS + 1);
    const table = document.createElement("table");
    const [head = [], ...body] = rows;
    const headRow = table.createTHead().insertRow();
    for (const word of head.slice(0, COLUMNS)) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = word;
      headRow.append(cell);
    }
    const section = table.createTBody();
    for (const row of body) {
      const line = section.insertRow();
      for (const word of row.slice(0, COLUMNS)) line.insertCell().textContent = word;
    }
    if (isCut || head.length > COLUMNS) {
      const caption = table.createCaption();
      caption.textContent = `The first ${body.length} rows${head.length > COLUMNS ? ` and ${COLUMNS} columns` : ""}`;
    }
    showInShadow(element, table, "kroma-table");
  },
};

/** Rows of separated values with RFC 4180's quotes, at most `limit`. */
export function parseSeparated(
  text: string,
  separator: string,
  limit: number,
): { rows: readonly (readonly string[])[]; isCut: boolean } {
  const rows: string[][] = [];
  let row: string[] = [];
  let word = "";
  let at = 0;
  while (at < text.length && rows.length < limit) {
    const sign = text[at]!;
    if (sign === '"' && word === "") {
      const [value, next] = readQuoted(text, at + 1);
      word = value;
      at = next;
      continue;
    }
    if (sign === separator) {
      row.push(word);
      word = "";
    } else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && text[at + 1] === "\n") at += 1;
      rows.push([...row, word]);
      row = [];
      word = "";
    } else word += sign;
    at += 1;
  }
  if ((row.length > 0 || word !== "") && rows.length < limit) rows.push([...row, word]);
  return { rows, isCut: at < text.length };
}

function readQuoted(text: string, start: number): [string, number] {
  let value = "";
  let at = start;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return [value + text.slice(at), text.length];
    value += text.slice(at, end);
    if (text[end + 1] !== '"') return [value, end + 1];
    value += '"';
    at = end + 2;
  }
}
