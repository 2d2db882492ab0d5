/**
 * The files that are made of a notebook when it is published: itself, the page that shows it, and the page's pictures. Made from
 * the .ipynb file and nothing else, so that whoever publishes the same file the same way publishes the same bytes.
 */
import { buildFiles } from "#core/artefact/files.ts";
import { NOTEBOOK_PATH } from "#core/artefact/manifest.ts";
import { readFile } from "#core/notebook/formats.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { type PageFile, type PageOptions, renderPage } from "./render.ts";

/** Where, in an artefact, its page is. */
const PAGE_PATH = "index.html";

/** What is said of the notebook on its page. */
export type SaidOfNotebook = Pick<PageOptions, "renderers" | "title" | "authors" | "licence" | "version" | "files">;

/** The files, of the bytes of an .ipynb file. `invalid` when it is none. */
export async function publishedFiles(notebook: Uint8Array, said: SaidOfNotebook): Promise<readonly PageFile[]> {
  const { entries } = await buildFiles([{ path: NOTEBOOK_PATH, content: notebook }], new MemoryBlockStore());
  const page = await renderPage(readFile(NOTEBOOK_PATH, notebook).notebook, {
    ...said,
    canonical: `ipfs://${entries.get(NOTEBOOK_PATH)}`,
    notebook: NOTEBOOK_PATH,
  });
  return [
    { path: NOTEBOOK_PATH, bytes: notebook },
    { path: PAGE_PATH, bytes: new TextEncoder().encode(page.html) },
    ...page.files,
  ];
}
