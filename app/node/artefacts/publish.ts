/** `kroma publish`: a notebook, with its outputs and the files that it uses, as a signed artefact in the home folder; or Kroma. */
import { createReadStream, createWriteStream } from "node:fs";
import { readFile, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readAddress } from "#core/artefact/address.ts";
import { UNSTATED_LICENCE } from "#core/artefact/licence.ts";
import type { MountedFolder } from "#core/artefact/directory.ts";
import type { Author } from "#core/artefact/manifest.ts";
import {
  notebookParts,
  secretsInFile,
  secretsInNotebook,
  type PlacedSuspicion,
  type WorkspaceFile,
} from "#core/artefact/notebook-parts.ts";
import { openArtefact } from "#core/artefact/open.ts";
import { checkPaths } from "#core/artefact/paths.ts";
import { publishArtefact, type ArtefactParts } from "#core/artefact/publish.ts";
import { needsLinux } from "#core/artefact/runtime.ts";
import { textOf } from "#core/artefact/secrets.ts";
import { usedFiles, type FileTree } from "#core/artefact/used-files.ts";
import { fitName } from "#core/mesh/identity.ts";
import { readFile as readNotebook, titleOf } from "#core/notebook/formats.ts";
import type { Notebook } from "#core/notebook/model.ts";
import { exportCar } from "#core/store/car.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { artefactPage } from "#plugins/page/artefact-page.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { checkWritable, formatOf, readInput } from "../files.ts";
import { pageRenderers } from "../page-renderers.ts";
import { counted, readArguments, sizeText } from "./arguments.ts";
import { copyOfKroma, partsOfKroma } from "./built-kroma.ts";
import { openHome, type Home } from "./home.ts";
import { stopOnSignals } from "./stopping.ts";

/** A text of more bytes is not looked through for paths. */
const MOST_TEXT = 2 ** 20;
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
    "with-runtime": { type: "boolean" },
    self: { type: "boolean" },
    quiet: { type: "boolean", short: "q" },
  });
  const say = (line: string): void => {
    if (values.quiet !== true) terminal.say(line);
  };
  if (values.car !== undefined) await checkWritable(values.car);
  const [file, ...rest] = positionals;
  if (values.self === true) {
    const forNotebooks = (["name", "parent", "file", "allow-secrets", "with-runtime"] as const).filter(
      (name) => values[name] !== undefined,
    );
    if (file !== undefined || forNotebooks.length > 0)
      throw new UsageError("publish: --self publishes Kroma itself: no notebook goes with it, nor what is said of one");
    return withHome(async (home, signal) => {
      const authors = values.author?.map(authorOf) ?? [];
      const { title, licence, version } = values;
      const parts = await partsOfKroma({ authors, title, licence, version });
      return finish(parts, authors[0], { home, signal, car: values.car, say, terminal });
    });
  }
  if (file === undefined) throw new UsageError("publish: which notebook? Usage: kroma publish FILE [options]");
  if (rest.length > 0) throw new UsageError(`publish: one notebook at a time, not also ${rest.join(" ")}`);
  formatOf(file);
  const notebook = await read(file, terminal);
  const folder = await realpath(dirname(resolve(file)));
  const files = await workspaceFiles(notebook, folder, file, values.file ?? []);
  for (const { path, size } of files) say(`takes ${path} along (${sizeText(size)})`);
  const isAllowed = checkSecrets(await secretsIn(notebook, files), values["allow-secrets"] === true, terminal);
  if (!isAllowed) return 2;

  return withHome(async (home, signal) => {
    const named = values.author?.map(authorOf);
    const said = {
      // Not who signs: the same notebook has the same CID, whoever publishes it.
      authors: named ?? authorsIn(notebook),
      licence: values.licence ?? UNSTATED_LICENCE,
      title: values.title ?? (notebook.title || titleOf(file)),
      ...(values.name === undefined ? {} : { name: values.name }),
      ...(values.version === undefined ? {} : { version: values.version }),
      // Without --parent they are those that the notebook says it was forked from.
      ...(values.parent === undefined ? {} : { parents: await parentsOf(values.parent, home) }),
    };
    const withRuntime = values["with-runtime"] === true;
    const paths = files.map(({ path }) => path);
    const page = await artefactPage(notebook, paths, said, pageRenderers, withRuntime);
    const parts = notebookParts(notebook, files.map(openFile), said, page);
    if (withRuntime && needsLinux(notebook))
      say("its Linux cells do not run in the copy of Kroma: the Linux image does not go along");
    const copy = withRuntime ? (store: BlockStore) => copyOfKroma(notebook, store, signal) : undefined;
    return finish(parts, named?.[0], { home, signal, car: values.car, say, terminal, copy });
  });
}

interface Publishing {
  readonly home: Home;
  readonly signal: AbortSignal;
  readonly car: string | undefined;
  readonly say: (line: string) => void;
  readonly terminal: Terminal;
  /** Makes the copy of Kroma that goes along. */
  readonly copy?: ((store: BlockStore) => Promise<MountedFolder>) | undefined;
}

/** Makes the blocks, signs and pins them, and says what came of it. */
async function finish(
  parts: ArtefactParts,
  author: Author | undefined,
  { home, signal, car, say, terminal, copy }: Publishing,
): Promise<number> {
  const signer = await home.signer(fitName(author?.name ?? ""));
  const published = await home.writing(async () => {
    const folders = copy ? [await copy(home.blocks)] : [];
    for (const { bytes } of folders) say(`takes a copy of Kroma along (${sizeText(bytes)})`);
    const made = await publishArtefact({ ...parts, folders }, home.blocks, signer, {
      signal,
      known: { envelopes: (root) => home.envelopes.of(root), signatures: await openSignatures() },
    });
    await home.envelopes.add(made.root, made.envelope);
    await home.pins.add(made.directory, `${parts.title} ${parts.version}`);
    return made;
  });
  if (car !== undefined) {
    await writeCarFile(car, exportCar([published.root, published.directory], home.blocks));
    say(`wrote ${car}`);
  }
  say(
    `published ${counted(parts.content.length, "file")}, ${sizeText(published.bytes)}, signed by ${signer.identity.name}`,
  );
  say(`directory, for gateways and pins: ${published.directory}`);
  say(`signature: ${published.envelope}`);
  terminal.out(`${published.root}\n`);
  return 0;
}

/** Does it with the home folder open, until it is done or a signal stops it. */
async function withHome(work: (home: Home, signal: AbortSignal) => Promise<number>): Promise<number> {
  const stopping = stopOnSignals();
  const home = openHome();
  try {
    return await work(home, stopping.signal);
  } finally {
    stopping.end();
    home.close();
  }
}

/** Writes a stream to a file so that a whole one is there or none. */
export async function writeCarFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const beside = `${path}.${process.pid}.part`;
  try {
    await pipeline(Readable.from(bytes), createWriteStream(beside, { flags: "wx" }));
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
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

/** "Ada", or "Ada <ada@example.org>". */
function authorOf(text: string): Author {
  const [, name, email] = /^(.*?)\s*<([^<>\s]+@[^<>\s]+)>$/.exec(text.trim()) ?? [];
  if (name !== undefined && name !== "" && email !== undefined) return { name, email };
  if (text.trim() === "") throw new UsageError("publish: --author needs a name");
  return { name: text.trim() };
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

/** Roots of the parents, by whatever name they were given. */
async function parentsOf(texts: readonly string[], home: Home): Promise<readonly string[]> {
  const roots: string[] = [];
  for (const text of texts) {
    const address = readAddress(text);
    if (!address) throw new UsageError(`publish: --parent ${text.slice(0, 100)} is no CID and no link with one in it`);
    roots.push((await openArtefact(address.cid, home.blocks, { signatures: await openSignatures() })).root);
  }
  return [...new Set(roots)];
}
