/** A cell magic that somebody typed, where Kroma has a kernel for what it names: the cell becomes a cell of that language. */
import { detectLanguage } from "./ipynb-languages.ts";
import type { Cell, NotebookOperation } from "./model.ts";

// IPython runs these itself, each in its own way (a bash of its own, a script in the output): a Python cell keeps them.
const PYTHONS_OWN = /^%%(?:bash|sh|script|javascript|js)\b/;

/**
 * The operations that turn a code cell with a first line like `%%typescript` into one of that language, without the
 * line; none for a cell whose own kernel takes that line, and for one without.
 */
export function turnByMagic(cell: Cell): readonly NotebookOperation[] {
  if (cell.kind !== "code" || !cell.source.startsWith("%%")) return [];
  const { language, source, magic } = detectLanguage(cell.source, {}, cell.language);
  if (magic === undefined || language === cell.language) return [];
  if (cell.language === "python" && PYTHONS_OWN.test(magic)) return [];
  const lineEnd = cell.source.indexOf("\n");
  const body = lineEnd < 0 ? "" : cell.source.slice(lineEnd + 1);
  return [
    {
      type: "splice_text",
      cell: cell.id,
      at: 0,
      remove: cell.source.length - body.length,
      insert: source.slice(0, source.length - body.length),
    },
    { type: "set_language", cell: cell.id, kind: "code", language },
  ];
}
