/** Notebooks from files of this computer: by picker, or dropped on the page. */
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { LibraryClient } from "#core/notebook/client.ts";
import { checkFileSize } from "#core/notebook/file-size.ts";
import type { PageActions } from "#kit/commands.ts";

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
  const refused: string[] = [];
  for (const file of files) {
    try {
      if (!isNotebookFile(file))
        throw new KromaError("invalid", "only .ipynb files, percent scripts (.py) and .car files can be imported");
      // Before it is read into memory.
      checkFileSize(file.size);
      const { document, warnings } = await library.import(file.name, new Uint8Array(await file.arrayBuffer()));
      made.push(document);
      tellWarnings(file.name, warnings, page);
    } catch (error) {
      refused.push(`${file.name} was not imported: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  // In one message, so that none is pushed out by the next.
  if (refused.length > 0) {
    page.toast(refused.join("\n"));
    page.announce(refused.join(" "));
  }
  return made;
}

/** Says what was not as it should be in a notebook that was imported. */
export function tellWarnings(name: string, warnings: readonly string[], page: Pick<PageActions, "toast">): void {
  const [first, ...rest] = warnings;
  if (first) page.toast(`${name}: ${first}${rest.length > 0 ? ` (and ${rest.length} more)` : ""}`);
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
