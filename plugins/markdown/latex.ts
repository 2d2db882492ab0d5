/** `text/latex` as kernels send it: formulas with their marks, or text with formulas in it. */
import "./markdown.css";
import type { Drawing } from "#kit/renderers.ts";
import { splitLatex } from "./latex-parts.ts";
import { mathElement, setMath } from "./math.ts";
import { keepReachable } from "./reach.ts";

/** Draws LaTeX mathematics; what it can't set is shown as source. */
export const drawing: Drawing = {
  async render(element, context) {
    const source = typeof context.data === "string" ? context.data.trim() : "";
    const root = document.createElement("div");
    root.className = "kroma-latex";
    for (const part of splitLatex(source))
      root.append(typeof part === "string" ? part : mathElement(part.tex, part.display));
    element.append(root);
    const stop = keepReachable(root);
    await setMath(root);
    return stop;
  },
};
