/** The page of a notebook as it goes into the notebook's artefact: `index.html`, and the pictures beside it. */
import { buildFiles, type SourceFile } from "#core/artefact/files.ts";
import { type LinuxNote, linuxNoteFile } from "#core/artefact/linux-note.ts";
import { NOTEBOOK_PATH, PAGE_PATH } from "#core/artefact/manifest.ts";
import type { NotebookSaid } from "#core/artefact/notebook-parts.ts";
import { RUN_LINK } from "#core/artefact/places.ts";
import { copyFactsFile } from "#core/artefact/runtime.ts";
import { withoutVersions } from "#core/artefact/versions.ts";
import { writeIpynb } from "#core/notebook/ipynb.ts";
import type { Notebook } from "#core/notebook/model.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import type { Renderer } from "#kit/renderers.ts";
import { renderPage } from "./render.ts";

/** What a copy of Kroma beside the page has to know. */
export interface CopyBeside {
  /** The image for Linux cells. */
  readonly linux?: LinuxNote | undefined;
}

/**
 * The files of the page. `paths` are those of the workspace that are published, too, relative to it. The page can't hold the
 * artefact's own CID, of which it is a part, so its canonical address is that of the notebook's file, which it shows. With a copy of Kroma beside it, the page leads there, and
 * what the copy opens is said in a file of its own.
 */
export async function artefactPage(
  notebook: Notebook,
  paths: Iterable<string>,
  said: Pick<NotebookSaid, "title" | "version" | "authors" | "licence">,
  renderers: readonly Renderer[],
  copy?: CopyBeside,
): Promise<readonly SourceFile[]> {
  const taken = [...paths];
  const content = new TextEncoder().encode(writeIpynb(withoutVersions(notebook)));
  const { entries } = await buildFiles([{ path: NOTEBOOK_PATH, content }], new MemoryBlockStore());
  const { html, files } = await renderPage(notebook, {
    renderers,
    title: said.title ?? notebook.title,
    authors: said.authors,
    licence: said.licence,
    ...(said.version === undefined ? {} : { version: said.version }),
    canonical: `ipfs://${entries.get(NOTEBOOK_PATH)}`,
    notebook: NOTEBOOK_PATH,
    files: new Set(taken),
    ...(copy ? { run: RUN_LINK } : {}),
  });
  return [
    { path: PAGE_PATH, content: new TextEncoder().encode(html) },
    ...files.map(({ path, bytes }) => ({ path, content: bytes })),
    ...(copy ? [copyFactsFile(said.title ?? notebook.title, taken)] : []),
    ...(copy?.linux ? [linuxNoteFile(copy.linux)] : []),
  ];
}
