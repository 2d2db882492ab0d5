/** MIME bundles as Jupyter's: one value in several representations, the richest that the reader knows is shown. */

/**
 * MIME type to data. Text types hold a string, JSON types (`application/json`, `…+json`) the value itself,
 * binary types (image/png …) base64 without line breaks, as in nbformat 4.5.
 */
export type MimeBundle = Readonly<Record<string, unknown>>;

/** True for types whose data is a JSON value and not text. */
export function isJsonMime(type: string): boolean {
  return type === "application/json" || type.endsWith("+json");
}
