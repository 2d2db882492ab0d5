/** `text/csv` and tab-separated text as a table, as much of it as one can read. */
import type { Drawing } from "#kit/renderers.ts";
import { alignColumns } from "./columns.ts";
import { parseSeparated } from "./separated.ts";
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
    alignColumns(table);
    if (isCut || head.length > COLUMNS) {
      const caption = table.createCaption();
      caption.textContent = `The first ${body.length} rows${head.length > COLUMNS ? ` and ${COLUMNS} columns` : ""}`;
    }
    showInShadow(element, table, "kroma-table");
  },
};
