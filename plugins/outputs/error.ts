/**
 * An error, shortest first: one sentence, what can be done, and the traceback folded below.
 * Places in it dispatch a bubbling `kroma:goto-line` event with `{ line, name }`: `name` is how the traceback calls
 * the code ("cell 3", a file), undefined for this cell.
 */
import "./lines.css";
import "./error.css";
import type { Drawing } from "#kit/renderers.ts";
import { hintFor, isInterrupt } from "./error-hints.ts";
import { copyText } from "./files.ts";
import { errorWords, readError, stoppedWords, tellsMore, tidyTraceback, type ErrorData } from "./kernel-data.ts";
import { showLines, type LineView, type Spot } from "./line-view.ts";
import { TerminalText } from "./terminal-text.ts";

/** Draws `application/vnd.kroma.error`. */
export const drawing: Drawing = {
  render(element, context) {
    const error = readError(context.data);
    const calm = isInterrupt(error.ename);
    const root = document.createElement("div");
    root.className = "kroma-error";
    if (calm) root.dataset["calm"] = "";
    element.append(root);
    root.append(sentence(error, calm, root));
    const hint = hintFor(error.ename, error.evalue);
    if (hint) {
      const line = document.createElement("p");
      line.className = "kroma-error-hint";
      line.append(hint.text);
      if (hint.code) {
        const code = document.createElement("code");
        code.textContent = hint.code;
        line.append(" ", code, " ", copyButton(hint.code));
      }
      root.append(line);
    }
    let view: LineView | undefined;
    const trace = tidyTraceback(error.traceback);
    if (tellsMore(trace, error)) root.append(folded(trace));
    const stopTheme = context.onTheme(() => view?.update());
    return () => {
      stopTheme();
      view?.close();
    };

    function folded(words: string): HTMLElement {
      const details = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = "Traceback";
      details.append(summary);
      details.addEventListener("toggle", () => {
        if (!details.open || view) return;
        const text = new TerminalText();
        text.push(words);
        view = showLines(details, text, {
          label: "Traceback",
          fileName: "traceback.txt",
          dark: context.dark,
          follow: false,
          spots: (row) => placesIn(row, root),
        });
      });
      return details;
    }
  },
};

function sentence(error: ErrorData, calm: boolean, root: HTMLElement): HTMLElement {
  const line = document.createElement("p");
  line.className = "kroma-error-sentence";
  if (calm) {
    line.append(stoppedWords(error));
    return line;
  }
  const name = document.createElement("strong");
  name.textContent = error.ename;
  const place = error.line;
  line.append(name, errorWords(error));
  if (place !== undefined) line.append(", ", placeButton(`line ${place}`, place, undefined, root));
  return line;
}

function placeButton(label: string, line: number, name: string | undefined, root: HTMLElement): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "kroma-spot";
  button.textContent = label;
  button.title = `Go to line ${line}`;
  button.addEventListener("click", () => goTo(root, line, name));
  return button;
}

function goTo(root: HTMLElement, line: number, name: string | undefined): void {
  root.dispatchEvent(new CustomEvent("kroma:goto-line", { bubbles: true, composed: true, detail: { line, name } }));
}

/** CPython writes `File "cell 3", line 2`, JavaScript `cell 3:2:5`, bash `cell 3: line 2:`. */
const PLACES =
  /File "(?<py>cell \d+|[^"<>]+\.(?:py|ts|tsx|js|sh))", line (?<pyLine>\d+)|\b(?<js>cell \d+):(?<jsLine>\d+)(?::\d+)?|\b(?<sh>cell \d+): line (?<shLine>\d+)/g;

function placesIn(row: string, root: HTMLElement): readonly Spot[] {
  const spots: Spot[] = [];
  for (const match of row.matchAll(PLACES)) {
    const groups = match.groups ?? {};
    const name = groups["py"] ?? groups["js"] ?? groups["sh"];
    const line = Number(groups["pyLine"] ?? groups["jsLine"] ?? groups["shLine"]);
    if (!name || !name.startsWith("cell ")) continue;
    const end = match.index + match[0].length;
    spots.push({
      start: match.index,
      end,
      title: `Go to line ${line} of ${name}`,
      activate: () => goTo(root, line, name),
    });
  }
  return spots;
}

function copyButton(code: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "kroma-quiet-button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${code}`);
  button.addEventListener("click", async () => {
    button.textContent = (await copyText(code)) ? "Copied" : "Not copied";
  });
  return button;
}
