/** Branded ids and how they are made. nbformat 4.5 allows 1 to 64 of [A-Za-z0-9-_] for a cell's id. */

/** Names a cell for ever; it is also the cell's id in an .ipynb file. */
export type CellId = string & { readonly __cellId: true };
/** Names a notebook document in the library. */
export type DocumentId = string & { readonly __documentId: true };
/** Names one run of one cell. */
export type RunId = string & { readonly __runId: true };
/** Names the kernel's language, in lower case: "python", "typescript", "shell", or one we have no kernel for. */
export type Language = string;

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";

/** A random id of `length` characters from [0-9a-z]; 12 give 62 bits. */
export function randomId(length = 12): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  let id = "";
  for (const byte of bytes) id += ALPHABET[byte % ALPHABET.length];
  return id;
}

export const newCellId = (): CellId => randomId() as CellId;
export const newDocumentId = (): DocumentId => randomId(16) as DocumentId;
