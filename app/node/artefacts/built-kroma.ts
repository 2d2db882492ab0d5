/** The built Kroma of this checkout, as it goes into artefacts: as a copy beside a notebook, or as an artefact of its own. */
import { readFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { KromaError } from "#core/base/errors.ts";
import type { ArtefactParts } from "#core/artefact/publish.ts";
import type { MountedFolder } from "#core/artefact/directory.ts";
import { type LinuxNote, linuxNoteFile } from "#core/artefact/linux-note.ts";
import { findBuild, runtimeFolder, type ReadRuntimeFile } from "#core/artefact/runtime-folder.ts";
import { PAGE_PATH, type Author } from "#core/artefact/manifest.ts";
import { runtimeFiles } from "#core/artefact/runtime.ts";
import type { Notebook } from "#core/notebook/model.ts";
import { PYODIDE_VERSION } from "#kernels/python/pyodide-version.ts";
import type { BlockStore } from "#core/store/stores.ts";

const ROOT = join(import.meta.dirname, "../../..");
const SITE = join(ROOT, "dist/site");

const read: ReadRuntimeFile = async (path) => {
  try {
    return await readFile(join(SITE, path));
  } catch (error) {
    throw new KromaError("unavailable", "The page of Kroma is not built (npm run build makes it).", { cause: error });
  }
};

/** The copy that this notebook needs, as blocks in the store. `unavailable` when the page is not built. */
export async function copyOfKroma(notebook: Notebook, store: BlockStore, signal?: AbortSignal): Promise<MountedFolder> {
  const files = runtimeFiles(await findBuild(read), notebook);
  return runtimeFolder(files, read, store, signal ? { signal } : {});
}

/** Kroma itself, to be published: all of the build, and a note of the Linux image where there is one. */
export async function partsOfKroma(said: {
  readonly authors: readonly Author[];
  readonly licence?: string | undefined;
  readonly title?: string | undefined;
  readonly version?: string | undefined;
  readonly linux?: LinuxNote | undefined;
}): Promise<ArtefactParts> {
  const { version, license } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<string, string>;
  const build = await findBuild(read);
  return {
    kind: "app",
    name: "kroma",
    version: said.version ?? `${version}+${build.id}`,
    title: said.title ?? "Kroma",
    authors: said.authors,
    licence: said.licence ?? license ?? "",
    entry: PAGE_PATH,
    environment: {
      pyodide: PYODIDE_VERSION,
      packages: [],
      npm: [],
      ...(said.linux ? { image: said.linux.image } : {}),
    },
    models: [],
    prompts: [],
    capabilities: [],
    parents: [],
    content: [
      ...build.files.map(({ path }) => ({ path, content: lazily(path) })),
      ...(said.linux ? [linuxNoteFile(said.linux)] : []),
    ],
  };
}

async function* lazily(path: string): AsyncGenerator<Uint8Array> {
  yield await read(path);
}
