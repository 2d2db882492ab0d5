/**
 * Mathematics in Markdown: `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and `\begin{…}…\end{…}`, read before emphasis and
 * escapes so that `_` and `*` in formulas stay what they are. A dollar opens before a non-blank and closes after one
 * and not before a digit (Pandoc's rule), so that prices are left alone.
 */
import type { MarkdownIt } from "markdown-it";

/** Class of the elements that hold a formula's source until it is set. */
export const MATH_CLASS = "kroma-math";

/** Teaches the parser mathematics. */
export function mathSyntax(parser: MarkdownIt): void {
  parser.inline.ruler.before("escape", "math", (state, silent) => {
    const found = mathAt(state.src, state.pos);
    if (!found || found.end > state.posMax) return false;
    if (!silent) {
      const token = state.push("math", "span", 0);
      token.content = found.tex;
      token.meta = { display: found.display };
    }
    state.pos = found.end;
    return true;
  });
  parser.block.ruler.before(
    "fence",
    "math",
    (state, startLine, endLine, silent) => {
      const start = state.bMarks[startLine]! + state.tShift[startLine]!;
      if (state.sCount[startLine]! - state.blkIndent >= 4) return false;
      if (!/^(?:\$\$|\\\[|\\begin\{)/.test(state.src.slice(start, start + 8))) return false;
      const end = state.eMarks[endLine - 1]!;
      const source = state.getLines(startLine, endLine, state.blkIndent, false);
      const found = mathAt(source, source.length - source.trimStart().length, true);
      if (!found || !found.display || start > end) return false;
      const after = source.slice(found.end);
      if (!/^[ \t]*(?:\n|$)/.test(after)) return false;
      if (silent) return true;
      const lines = source.slice(0, found.end).split("\n").length;
      const token = state.push("math", "div", 0);
      token.block = true;
      token.content = found.tex;
      token.meta = { display: true };
      token.map = [startLine, startLine + lines];
      state.line = startLine + lines;
      return true;
    },
    { alt: ["paragraph", "reference", "blockquote", "list"] },
  );
  parser.renderer.rules["math"] = (tokens, index) => {
    const token = tokens[index]!;
    const isDisplay = (token.meta as { display: boolean }).display;
    const tag = token.block ? "div" : "span";
    return `<${tag} class="${MATH_CLASS}" data-display="${isDisplay}">${parser.utils.escapeHtml(token.content)}</${tag}>`;
  };
}

export interface Formula {
  readonly tex: string;
  readonly display: boolean;
  /** Offset after the closing mark. */
  readonly end: number;
}

/** The formula that begins at `at`, if one does. A block may hold empty lines, text in a line may not. */
export function mathAt(source: string, at: number, isBlock = false): Formula | undefined {
  const sign = source[at];
  if (sign !== "$" && sign !== "\\") return undefined;
  const from = (open: string, close: string, display: boolean): Formula | undefined => {
    const stop = findClose(source, at + open.length, close);
    if (stop === undefined) return undefined;
    const tex = source.slice(at + open.length, stop);
    if (tex.trim() === "" || (!isBlock && /\n\s*\n/.test(tex))) return undefined;
    return { tex: tex.trim(), display, end: stop + close.length };
  };
  if (source.startsWith("$$", at)) return from("$$", "$$", true);
  if (sign === "$") {
    const next = source[at + 1];
    if (next === undefined || /\s/.test(next)) return undefined;
    const found = from("$", "$", false);
    if (!found || /\s/.test(source[found.end - 2] ?? " ") || /\d/.test(source[found.end] ?? "")) return undefined;
    return found;
  }
  if (source.startsWith("\\(", at)) return from("\\(", "\\)", false);
  if (source.startsWith("\\[", at)) return from("\\[", "\\]", true);
  const environment = /^\\begin\{([A-Za-z]+\*?)\}/.exec(source.slice(at, at + 40))?.[1];
  if (!environment) return undefined;
  const close = `\\end{${environment}}`;
  const stop = source.indexOf(close, at);
  if (stop < 0) return undefined;
  const end = stop + close.length;
  return { tex: source.slice(at, end), display: true, end };
}

function findClose(source: string, start: number, close: string): number | undefined {
  for (let at = source.indexOf(close, start); at >= 0; at = source.indexOf(close, at + 1)) {
    let slashes = 0;
    while (source[at - 1 - slashes] === "\\") slashes += 1;
    if (close.startsWith("\\") || slashes % 2 === 0) return at;
  }
  return undefined;
}
