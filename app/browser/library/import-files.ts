/** Notebooks from files of this computer: by picker, or dropped on the page. */
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { LibraryClient } from "#core/notebook/client.ts";
import type { PageActions } from "#kit/commands.ts";

/** Larger files are refused before they are read into memory. */
const LIMIT = 512 * 1024 * 1024;

/** True for a file that a notebook can be made of. */
function isNotebookFile(file: { readonly name: string }): boolean {
  return /\.(ipynb|py)$/i.test(file.name);
}

/** Imports files one by one, says what went wrong with which, and gives the documents that were made. */
export async function importFiles(
  files: readonly File[],
  library: LibraryClient,
  page: PageActions,
): Promise<readonly DocumentId[]> {
  const made: DocumentId[] = [];
  for (const file of files) {
    try {
      if (!isNotebookFile(file))
        throw new KromaError("invalid", "only .ipynb files and percent scripts (.py) can be imported");
      if (file.size > LIMIT)
        throw new KromaError(
          "exhausted",
          `it has ${Math.round(file.size / 1e6)} MB; the most is ${LIMIT / 1024 / 1024} MB`,
        );
      const { document, warnings } = await library.import(file.name, new Uint8Array(await file.arrayBuffer()));
      made.push(document);
      const [first, ...rest] = warnings;
      if (first) page.toast(`${file.name}: ${first}${rest.length > 0 ? ` (and ${rest.length} more)` : ""}`);
    } catch (error) {
      const text = `${file.name} was not imported: ${error instanceof Error ? error.message : String(error)}`;
      page.toast(text);
      page.announce(text);
    }
  }
  return made;
}

/** Asks for files with the browser's own picker; empty when it is cancelled. */
export function pickFiles(accept: string): Promise<readonly File[]> {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.accept = accept;
    input.addEventListener("change", () => resolve([...(input.files ?? [])]));
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}
