/** The notebooks that ship with Kroma, and how one is opened: imported once, its data files put into the workspace. */
import * as v from "valibot";
import { RUNTIME_FOLDER } from "#core/artefact/places.ts";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { LibraryClient } from "#core/notebook/client.ts";
import type { Workspace } from "#core/workspace/workspace.ts";

const Index = v.object({
  notebooks: v.array(
    v.object({
      path: v.string(),
      title: v.string(),
      excerpt: v.fallback(v.string(), ""),
      files: v.fallback(v.array(v.string()), []),
    }),
  ),
});

export type Shipped = v.InferOutput<typeof Index>["notebooks"][number];

/** URL of a file of the site, whatever path the app is served under. */
export function siteUrl(path: string): string {
  return new URL(path, document.baseURI).href;
}

/** The list; empty when there is none or it cannot be read. */
export async function readShipped(): Promise<readonly Shipped[]> {
  try {
    const response = await fetch(siteUrl("notebooks/index.json"));
    return response.ok ? v.parse(Index, await response.json()).notebooks : [];
  } catch {
    // A library without the shipped list still opens one's own.
    return [];
  }
}

/** A file from an address; `missing` or `unavailable`, with what it is in the sentence, when it can't be had. */
export async function fetchBytes(url: string, what: string): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new KromaError(
      "unavailable",
      `${what} could not be fetched: the address does not answer, or does not allow it.`,
      { cause },
    );
  }
  const type = response.headers.get("content-type") ?? "";
  // Hosts that answer everything with the page itself: not the file that was asked for.
  if (response.status === 404 || (response.ok && type.startsWith("text/html") && /\.(ipynb|py)$/.test(url))) {
    throw new KromaError("missing", `${what} is not there (any more).`);
  }
  if (!response.ok)
    throw new KromaError("unavailable", `${what} could not be fetched: the server says ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Puts the data files of a shipped notebook into the workspace, where they are not there yet. */
export async function copyFiles(notebook: string, files: readonly string[], workspace: Workspace): Promise<void> {
  const folder = new URL(".", siteUrl(notebook));
  for (const path of files) {
    if (await workspace.stat(path)) continue;
    await workspace.write(path, await fetchBytes(new URL(path, folder).href, path));
  }
}

/** Hears what was not as it should be in a file that was imported. */
export type OnWarnings = (name: string, warnings: readonly string[]) => void;

/** The document of a shipped notebook; imported the first time, and one's own copy from then on. */
export async function openPath(path: string, library: LibraryClient, onWarnings: OnWarnings): Promise<DocumentId> {
  // On a first visit the file is needed for sure, and comes while the library is being opened.
  const early = navigator.serviceWorker?.controller ? undefined : fetchBytes(siteUrl(path), path);
  early?.catch(() => undefined);
  await library.listed;
  const known = library.entries.find((entry) => entry.origin === path);
  if (known) return known.document;
  const bytes = await (early ?? fetchBytes(siteUrl(path), path));
  const name = path.split("/").at(-1) ?? path;
  const { document, warnings } = await library.import(name, bytes, { origin: path, once: true });
  onWarnings(name, warnings);
  return document;
}

/** True for what may be the notebook that this Kroma was published with, if it is such a copy. */
export function isBesideCopy(origin: string | undefined): origin is string {
  const isCopy = new URL("./", document.baseURI).pathname.endsWith(`/${RUNTIME_FOLDER}/`);
  return isCopy && origin?.startsWith(new URL("../", document.baseURI).href) === true;
}

/** Puts the data files of the notebook with this origin into its workspace; nothing to do for any other notebook. */
export async function prepareFiles(origin: string | undefined, workspace: Workspace | undefined): Promise<void> {
  if (!workspace || !origin?.startsWith("notebooks/")) return;
  const files = (await readShipped()).find((item) => item.path === origin)?.files ?? [];
  await copyFiles(origin, files, workspace);
}

/** The document of a notebook elsewhere; fetched the first time and foreign until trusted. */
export async function openUrl(url: string, library: LibraryClient, onWarnings: OnWarnings): Promise<DocumentId> {
  await library.listed;
  const known = library.entries.find((entry) => entry.origin === url);
  if (known) return known.document;
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (!address || !/^https?:$/.test(address.protocol)) throw new KromaError("invalid", `${url} is no web address.`);
  const bytes = await fetchBytes(address.href, "The notebook");
  const name = readable(address.pathname.split("/").at(-1) || "notebook.ipynb");
  const { document, warnings } = await library.import(/\.(ipynb|py)$/.test(name) ? name : `${name}.ipynb`, bytes, {
    origin: url,
    foreign: true,
    once: true,
  });
  onWarnings(name, warnings);
  return document;
}

/** A name out of an address; as it stands there when its escapes are broken. */
function readable(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
