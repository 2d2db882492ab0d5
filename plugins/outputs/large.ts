/**
 * Markup too large to be cleaned and laid out in one go: tens of megabytes would stop the page for minutes. The
 * beginning is shown at once, with the ways to all of it.
 */
import "./lines.css";
import "./media.css";
import { saveFile } from "./files.ts";

/** Characters of markup that a page draws without a noticeable stop. */
export const MOST_DRAWN = 1_500_000;
const SHOWN = 200_000;

/** The beginning of the markup, cut between two elements, rows of a table if there are any. */
export function beginningOf(markup: string): string {
  const part = markup.slice(0, SHOWN);
  const row = part.lastIndexOf("</tr>");
  const end = row > SHOWN / 2 ? row + "</tr>".length : part.lastIndexOf("<");
  return end > 0 ? part.slice(0, end) : part;
}

/** A line that says how much is shown, with a button for each way to all of it. */
export function sayCut(
  element: HTMLElement,
  markup: string,
  file: { readonly name: string; readonly type: string },
  showAll?: () => void,
): void {
  const line = document.createElement("p");
  line.className = "kroma-said";
  const size = (markup.length / 1e6).toFixed(1);
  line.append(showAll ? `The beginning of ${size} MB. ` : `${size} MB are too much to be shown here. `);
  const button = (label: string, act: () => void) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "kroma-quiet-button";
    made.textContent = label;
    made.addEventListener("click", act);
    line.append(made, " ");
  };
  if (showAll) button("Show all", showAll);
  button("Save to file", () => saveFile(file.name, new Blob([markup], { type: file.type })));
  element.append(line);
}
