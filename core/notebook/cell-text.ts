/** What ids and texts of cells may be, wherever they come from. */
import type { CellId } from "../base/ids.ts";

/** May `id` name a cell? nbformat's rule, without the one name that JavaScript gives a meaning. */
export function isCellId(id: unknown): id is CellId {
  return typeof id === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(id) && id !== "__proto__";
}

/** LF line ends, and no half of a surrogate pair (UTF-8 has none). */
export function normaliseText(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n").toWellFormed();
}
