/** How KaTeX is asked to set formulas, wherever they are shown. */
import type { KatexOptions } from "katex";

/** Formulas may load nothing, and neither grow nor expand without end. */
export function mathOptions(isDisplay: boolean): KatexOptions {
  return {
    displayMode: isDisplay,
    throwOnError: true,
    trust: false,
    strict: "ignore",
    maxExpand: 1000,
    maxSize: 60,
    macros: { "\\R": "\\mathbb{R}", "\\N": "\\mathbb{N}", "\\Z": "\\mathbb{Z}" },
  };
}

/** The source without the labels that LaTeX would number it by. */
export function withoutLabels(tex: string): string {
  return tex.replace(/\\label\{[^}]*\}/g, "");
}
