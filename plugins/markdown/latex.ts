/** `text/latex` as kernels send it: formulas with their marks, or text with formulas in it. */
import "./markdown.css";
import type { Drawing } from "#kit/renderers.ts";
import { mathAt } from "./math-syntax.ts";
import { mathElement, setMath } from "./math.ts";

/** Draws LaTeX mathematics; what it can't set is shown as source. */
export const drawing: Drawing = {
  async render(element, context) {
    const source = typeof context.data === "string" ? context.data.trim() : "";
    const root = document.createElement("div");
    root.className = "kroma-latex";
    for (const part of splitLatex(source))
      root.append(typeof part === "string" ? part : mathElement(part.tex, part.display));
    element.append(root);
    await setMath(root);
  },
};

type Part = string | { readonly tex: string; readonly display: boolean };

/** Text and formulas in turn. A source without any mark is one formula, and so is one that is nothing else. */
export function splitLatex(source: string): readonly Part[] {
  const parts: Part[] = [];
  let text = "";
  for (let at = 0; at < source.length;) {
    const found = mathAt(source, at, true);
    if (!found) {
      text += source[at];
      at += 1;
      continue;
    }
    if (text !== "") parts.push(text);
    text = "";
    parts.push({ tex: found.tex, display: found.display });
    at = found.end;
  }
  if (text !== "") parts.push(text);
  const [first] = parts;
  if (parts.length !== 1 || first === undefined) return parts;
  return [{ tex: typeof first === "string" ? first : first.tex, display: true }];
}
