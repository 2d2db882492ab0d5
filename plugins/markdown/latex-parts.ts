/** Tells the formulas in a kernel's LaTeX from the text around them. No DOM here. */
import { mathAt } from "./math-syntax.ts";

/** Text, or a formula without its marks. */
export type Part = string | { readonly tex: string; readonly display: boolean };

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
