/** `kroma publish`: a notebook, with its outputs and the files that it uses, as a signed artefact in the home folder; or Kroma. */
import { createReadStream } from "node:fs";
import { readFile, readdir, realpath, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { MountedFolder } from "#core/artefact/directory.ts";
import type { ModelName } from "#core/artefact/kept-models.ts";
import type { LinuxNote } from "#core/artefact/linux-note.ts";
import { UNSTATED_LICENCE } from "#core/artefact/licence.ts";
import type { Author, ModelLink } from "#core/artefact/manifest.ts";
import {
  notebookParts,
  secretsInFile,
  secretsInNotebook,
  type PlacedSuspicion,
  type WorkspaceFile,
} from "#core/artefact/notebook-parts.ts";
import { checkPaths } from "#core/artefact/paths.ts";
import { needsLinux } from "#core/artefact/runtime.ts";
import { textOf } from "#core/artefact/secrets.ts";
import { publishedVersions } from "#core/artefact/versions.ts";
import { usedFiles, type FileTree } from "#core/artefact/used-files.ts";
import { linkModels, usedModels } from "#core/artefact/used-models.ts";
import { readFile as readNotebook, titleOf } from "#core/notebook/formats.ts";
import type { Notebook } from "#core/notebook/model.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { PYODIDE_VERSION } from "#kernels/python/pyodide-version.ts";
import { artefactPage } from "#plugins/page/artefact-page.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { checkWritable, formatOf, readInput } from "../files.ts";
import { pageRenderers } from "../page-renderers.ts";
import { findVmImage } from "../vm-image.ts";
import { readArguments, sizeText } from "./arguments.ts";
import { copyOfKroma, partsOfKroma } from "./built-kroma.ts";
import type { Home } from "./home.ts";
import { imageList, takeImage } from "./linux-image.ts";
import { withAdvice } from "./obtain.ts";
import { publishModel } from "./publish-model.ts";
import { authorOf, parentsOf, publishParts, withHome } from "./publish-parts.ts";
import { openSources } from "./sources.ts";

/** A text of more bytes is not looked through for paths. */
const MOST_TEXT = 2 ** 20;
const NAMES_LINUX =
  "names the Linux image; its Linux cells run in the copy of Kroma where a gateway has it (--with-linux takes it along)";
const NO_LINUX = "its Linux cells do not run in the copy of Kroma: there is no Linux image here to be named";
/** Nor is more than this for secrets. */
const MOST_SCANNED = 32 * 2 ** 20;

/** Publishes a notebook; the answer is the exit status. Its root's CID is the last line of standard output, and the only one. */
export async function publish(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("publish", args, {
    car: { type: "string" },
    title: { type: "string" },
    author: { type: "string", multiple: true },
    licence: { type: "string" },
    name: { type: "string" },
    version: { type: "string" },
    parent: { type: "string", multiple: true },
    file: { type: "string", multiple: true },
    "allow-secrets": { type: "boolean" },
    capability: { type: "string", multiple: true },
    "with-runtime": { type: "boolean" },
    "with-linux": { type: "boolean" },
    self: { type: "boolean" },
    quiet: { type: "boolean", short: "q" },
    kind: { type: "string" },
    from: { type: "string", multiple: true },
    "no-models": { type: "boolean" },
  });
  const say = (line: string): void => {
    if (values.quiet !== true) terminal.say(line);
  };
  const withLinux = values["with-linux"] === true;
  if (values.car !== undefined) await checkWritable(values.car);
  const [file, ...rest] = positionals;
  if (values.self === true) {
    const forNotebooks = (["name", "parent", "file", "capability", "allow-secrets", "with-runtime"] as const).filter(
      (name) => values[name] !== undefined,
    );
    if (file !== undefined || forNotebooks.length > 0)
      throw new UsageError("publish: --self publishes Kroma itself: no notebook goes with it, nor what is said of one");
    return withHome(async (home, signal) => {
      const authors = values.author?.map(authorOf) ?? [];
      const { title, licence, version } = values;
      const image = await linuxOf(withLinux);
      const parts = await partsOfKroma({ authors, title, licence, version, linux: image?.note });
      const linux = withLinux ? image?.take : undefined;
      return publishParts(parts, authors[0], { home, signal, car: values.car, say, terminal, linux });
    });
  }
  if (withLinux && values["with-runtime"] !== true)
    throw new UsageError("publish: --with-linux is for a copy of Kroma: it goes with --with-runtime, or with --self");
  if (file === undefined) throw new UsageError("publish: which notebook? Usage: kroma publish FILE [options]");
  if (rest.length > 0) throw new UsageError(`publish: one notebook at a time, not also ${rest.join(" ")}`);
  if (values.kind === "model") {
    const { car, title, author, licence, name, version, parent, file: beside } = values;
    return publishModel(file, { car, title, author, licence, name, version, parent, beside, say }, terminal);
  }
  if (values.kind !== undefined && values.kind !== "notebook")
    throw new UsageError(`publish: --kind is notebook or model, not "${values.kind}"`);
  formatOf(file);
  const notebook = await read(file, terminal);
  const folder = await realpath(dirname(resolve(file)));
  const files = await workspaceFiles(notebook, folder, file, values.file ?? []);
  for (const { path, size } of files) say(`takes ${path} along (${sizeText(size)})`);
  const isAllowed = checkSecrets(await secretsIn(notebook, files), values["allow-secrets"] === true, terminal);
  if (!isAllowed) return 2;

  return withHome(async (home, signal) => {
    const named = values.author?.map(authorOf);
    const image = needsLinux(notebook) ? await linuxOf(withLinux) : undefined;
    const said = {
      // Not who signs: the same notebook has the same CID, whoever publishes it.
      authors: named ?? authorsIn(notebook),
      licence: values.licence ?? UNSTATED_LICENCE,
      title: values.title ?? (notebook.title || titleOf(file)),
      ...(values.name === undefined ? {} : { name: values.name }),
      ...(values.version === undefined ? {} : { version: values.version }),
      pyodide: PYODIDE_VERSION,
      ...(image === undefined ? {} : { image: image.note.image }),
      capabilities: values.capability ?? [],
      // Without --parent it is what the notebook says was published of it, or what it was forked from.
      ...(values.parent === undefined ? {} : { parents: await parentsOf(values.parent, home) }),
    };
    const withRuntime = values["with-runtime"] === true;
    const paths = files.map(({ path }) => path);
    const page = await artefactPage(
      notebook,
      paths,
      said,
      pageRenderers,
      withRuntime ? { linux: image?.note } : undefined,
    );
    const parts = notebookParts(notebook, files.map(openFile), said, page);
    if (withRuntime && needsLinux(notebook) && !withLinux) say(image ? NAMES_LINUX : NO_LINUX);
    if (withLinux && !needsLinux(notebook)) say("leaves the Linux image here: the notebook has no Linux cells");
    const linux = withLinux ? image?.take : undefined;
    const copy = withRuntime ? (store: BlockStore) => copyOfKroma(notebook, store, signal) : undefined;
    const used = values["no-models"] === true ? [] : usedModels(notebook.cells);
    const models = await withModels(used, home, values.from ?? [], signal);
    for (const { name, size } of models) say(`names the model ${name} (${sizeText(size)})`);
    const [latest] = values.parent === undefined ? publishedVersions(notebook) : [];
    const last = latest && { root: latest.cid, parents: latest.parents };
    const how = { home, signal, car: values.car, say, terminal, copy, linux, last };
    return publishParts({ ...parts, models }, named?.[0], how);
  });
}

/** The Linux image of this machine. Where it has to go along and there is none, nothing is published. */
async function linuxOf(
  isAlong: boolean,
): Promise<{ readonly note: LinuxNote; readonly take: (store: BlockStore) => Promise<MountedFolder> } | undefined> {
  const folder = await findVmImage();
  if (folder === undefined) {
    if (isAlong)
      throw new UsageError("publish: --with-linux: there is no Linux image here; `kroma vm build` makes one");
    return undefined;
  }
  const image = await imageList(folder);
  return { note: { image: image.cid, isAlong }, take: (store) => takeImage(folder, image, store) };
}

/** Links to the models that the cells load, all of which is brought here first. */
async function withModels(
  names: readonly ModelName[],
  home: Home,
  from: readonly string[],
  signal: AbortSignal,
): Promise<readonly ModelLink[]> {
  if (names.length === 0) return [];
  const sources = await openSources(from);
  try {
    return await home.writing(() => linkModels(names, home.blocks, sources, { signal }));
  } catch (error) {
    throw withAdvice(error, sources);
  } finally {
    await sources.close();
  }
}

/** A file that goes along. */
interface TakenFile {
  /** In the workspace. */
  readonly path: string;
  readonly place: string;
  readonly size: number;
}

async function read(file: string, terminal: Terminal): Promise<Notebook> {
  try {
    const { notebook, warnings } = readNotebook(file, await readInput(file));
    for (const warning of warnings) terminal.say(`${file}: ${warning}`);
    return notebook;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The files that cells use, and those that were named. */
async function workspaceFiles(
  notebook: Notebook,
  folder: string,
  file: string,
  named: readonly string[],
): Promise<readonly TakenFile[]> {
  const tree = folderTree(folder);
  const own = relative(folder, await realpath(resolve(file)));
  const used = await usedFiles(notebook.cells, tree);
  const asked: string[] = [];
  for (const name of named) {
    const place = await realpath(resolve(name)).catch(() => {
      throw new UsageError(`--file ${name}: no such file or directory`);
    });
    const path = relative(folder, place).split(sep).join("/");
    if (path === "" || path.startsWith("../")) throw new UsageError(`--file ${name}: is not in the notebook's folder`);
    if ((await tree.kind(path)) === "folder") asked.push(...(await tree.list(path, Number.POSITIVE_INFINITY)));
    else asked.push(path);
  }
  const paths = [...new Set([...used, ...asked])].filter((path) => path !== own).sort();
  checkPaths(paths);
  return Promise.all(
    paths.map(async (path) => {
      const place = join(folder, path);
      return { path, place, size: (await stat(place)).size };
    }),
  );
}

/** The notebook's folder. What lies outside of it is not seen, whatever links lead there. */
function folderTree(folder: string): FileTree {
  const inside = async (path: string): Promise<string | undefined> => {
    try {
      const place = await realpath(join(folder, path));
      return place.startsWith(`${folder}${sep}`) ? place : undefined;
    } catch {
      return undefined;
    }
  };
  const kind: FileTree["kind"] = async (path) => {
    const place = await inside(path);
    const found = place === undefined ? undefined : await stat(place);
    return found?.isFile() ? "file" : found?.isDirectory() ? "folder" : undefined;
  };
  return {
    kind,
    async list(path, most) {
      const found: string[] = [];
      const place = await inside(path);
      for (const name of place === undefined ? [] : (await readdir(place)).sort()) {
        const entry = `${path}/${name}`;
        // What an editor or a program keeps for itself is not meant by naming the folder.
        if (found.length >= most || name.startsWith(".") || name === "__pycache__" || name === "node_modules") continue;
        const what = await kind(entry);
        if (what === "file") found.push(entry);
        if (what === "folder") found.push(...(await this.list(entry, most - found.length)));
      }
      return found;
    },
    async text(path) {
      const place = await inside(path);
      if (place === undefined || (await stat(place)).size > MOST_TEXT) return undefined;
      return textOf(await readFile(place));
    },
  };
}

const openFile = ({ path, place }: TakenFile): WorkspaceFile => ({
  path,
  content: lazily(place),
});

/** Opened when its turn comes: there may be more files than a process may have open. */
async function* lazily(place: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(place, { highWaterMark: 2 ** 20 }) as AsyncIterable<Uint8Array>;
}

async function secretsIn(notebook: Notebook, files: readonly TakenFile[]): Promise<readonly PlacedSuspicion[]> {
  const found = [...secretsInNotebook(notebook)];
  for (const { path, place, size } of files)
    found.push(...secretsInFile(path, size > MOST_SCANNED ? new Uint8Array() : await readFile(place)));
  return found;
}

/** True when it may be published. */
function checkSecrets(found: readonly PlacedSuspicion[], isAllowed: boolean, terminal: Terminal): boolean {
  for (const { place, what, line, shown } of found)
    terminal.say(`${place}, line ${line}: looks like ${what}${shown === "" ? "" : ` (${shown})`}`);
  if (found.length === 0) return true;
  if (isAllowed) terminal.say("published all the same, as --allow-secrets says");
  else terminal.say("publish: nothing was published, for what is published can't be taken back; see --allow-secrets");
  return isAllowed;
}

/** The authors that a notebook names in its metadata (nbformat 4: "authors", a list of objects with a name). */
function authorsIn({ metadata }: Notebook): readonly Author[] {
  const { authors } = metadata;
  if (!Array.isArray(authors)) return [];
  return authors.flatMap((author: unknown) => {
    const name = typeof author === "object" && author !== null && "name" in author ? author.name : undefined;
    return typeof name === "string" && name.trim() !== "" ? [{ name: name.trim().slice(0, 200) }] : [];
  });
}
