/** Text, streams and errors on a page without scripts: terminal colours for both themes, long text cut. */
import type { Element, ElementContent } from "hast";
import type { PageContext, PageDrawing } from "#kit/page-drawing.ts";
import { paintOf } from "./colours.ts";
import { hintFor, isInterrupt } from "./error-hints.ts";
import { errorWords, readError, readStream, stoppedWords, tellsMore, tidyTraceback } from "./kernel-data.ts";
import { PLAIN, type Style } from "./terminal-style.ts";
import { TerminalText, textOf, type Row } from "./terminal-text.ts";

/** Longer text is cut in the middle: its beginning says what it is, its end how it went out. */
const FIRST_ROWS = 400;
const LAST_ROWS = 100;
/** Text of more rows than these scrolls in a box of its own, as in the app. */
const BOX_ROWS = 24;

/** What a cell printed. */
export const stream: PageDrawing = {
  draw({ data }) {
    const { name, text } = readStream(data);
    if (text === "") return [];
    return [block(text, name === "stderr" ? ["stream", "stderr"] : ["stream"])];
  },
};

/** `text/plain` and other text; values that are no text as JSON. The source of HTML and scripts tells a reader nothing. */
export const plain: PageDrawing = {
  draw({ data, mimeType }: PageContext) {
    if (mimeType === "text/html" || mimeType === "text/javascript") return undefined;
    return [block(typeof data === "string" ? data : (JSON.stringify(data, undefined, 2) ?? ""), ["plain"])];
  },
};

/** An error: the sentence, what can be done, the traceback folded. */
export const error: PageDrawing = {
  draw({ data }) {
    const facts = readError(data);
    const isCalm = isInterrupt(facts.ename);
    const sentence: ElementContent[] = isCalm
      ? [words(stoppedWords(facts))]
      : [element("strong", [], [words(facts.ename)]), words(errorWords(facts))];
    if (!isCalm && facts.line !== undefined) sentence.push(words(`, line ${facts.line}`));
    const parts: ElementContent[] = [element("p", [], sentence)];
    const hint = hintFor(facts.ename, facts.evalue);
    if (hint) {
      const code: ElementContent[] = hint.code ? [words(" "), element("code", [], [words(hint.code)])] : [];
      parts.push(element("p", ["hint"], [words(hint.text), ...code]));
    }
    const trace = tidyTraceback(facts.traceback);
    if (tellsMore(trace, facts)) {
      const summary = element("summary", [], [words("Traceback")]);
      parts.push(element("details", [], [summary, block(trace, ["plain"])]));
    }
    return [element("div", isCalm ? ["error", "calm"] : ["error"], parts)];
  },
};

/** Terminal text as one block. */
function block(source: string, classes: readonly string[]): Element {
  const text = new TerminalText();
  text.push(source);
  const { count } = text;
  const children: ElementContent[] = [];
  const add = (from: number, to: number): void => {
    for (let index = from; index < to; index += 1) {
      if (index > from && !text.isContinued(index)) pushText(children, "\n");
      addRow(children, text.row(index));
    }
  };
  if (count <= FIRST_ROWS + LAST_ROWS) add(0, count);
  else {
    add(0, FIRST_ROWS);
    const left = count - FIRST_ROWS - LAST_ROWS;
    children.push(element("em", ["cut"], [words(`\n… ${left} more lines are in the notebook …\n`)]));
    add(count - LAST_ROWS, count);
  }
  const made = element("pre", count > BOX_ROWS ? [...classes, "long"] : classes, children);
  if (count > BOX_ROWS) Object.assign(made.properties, { tabIndex: 0, role: "group", ariaLabel: "Long output" });
  return made;
}

function addRow(children: ElementContent[], row: Row): void {
  if (typeof row === "string") return pushText(children, row);
  let at = 0;
  for (const { start, end, style } of row.runs) {
    if (start > at) pushText(children, row.text.slice(at, start));
    if (style === PLAIN) pushText(children, row.text.slice(start, end));
    else children.push(styled(row.text.slice(start, end), style));
    at = end;
  }
  if (at < textOf(row).length) pushText(children, row.text.slice(at));
}

function styled(text: string, style: Style): Element {
  const [light, dark] = [paintOf(style, false), paintOf(style, true)];
  const rules: string[] = [];
  const both = (name: string, one: string | undefined, other: string | undefined): void => {
    if (one !== undefined && other !== undefined)
      rules.push(`${name}:${one === other ? one : `light-dark(${one},${other})`}`);
  };
  if (style.hidden) rules.push("color:transparent");
  else both("color", bare(light.color), bare(dark.color));
  both("background", bare(light.background), bare(dark.background));
  if (style.bold) rules.push("font-weight:700");
  if (style.dim && light.color === undefined) rules.push("color:var(--quiet)");
  if (style.italic) rules.push("font-style:italic");
  const lines = [style.underline ? "underline" : "", style.strike ? "line-through" : ""].filter((one) => one !== "");
  if (lines.length > 0) rules.push(`text-decoration:${lines.join(" ")}`);
  const made = element(style.link === undefined ? "span" : "a", [], [words(text)]);
  if (rules.length > 0) made.properties["style"] = rules.join(";");
  if (style.link !== undefined) Object.assign(made.properties, { href: style.link, rel: ["noopener", "noreferrer"] });
  return made;
}

/** A colour without the theme's name for it, of which this page knows none. */
function bare(colour: string | undefined): string | undefined {
  return colour?.replace(/^var\(--(?:ansi-\w+|ground|text), (.+)\)$/, "$1");
}

function pushText(children: ElementContent[], value: string): void {
  const last = children.at(-1);
  if (last?.type === "text") last.value += value;
  else if (value !== "") children.push(words(value));
}

function words(value: string): { type: "text"; value: string } {
  return { type: "text", value };
}

function element(tagName: string, className: readonly string[], children: ElementContent[]): Element {
  return { type: "element", tagName, properties: className.length > 0 ? { className: [...className] } : {}, children };
}
