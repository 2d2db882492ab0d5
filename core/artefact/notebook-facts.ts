/** What a notebook says of itself that its artefact says too: the packages that it ran with, and what it was made from. */
import type { Notebook } from "../notebook/model.ts";
import { readDependencies } from "../session/model.ts";
import { parseCid } from "../store/cid.ts";
import type { Environment } from "./manifest.ts";

/**
 * Packages as the notebook recorded them when its cells loaded them, each locked by its hash, in the order of their names; and the
 * version of Pyodide and the Linux image (by CID) that its cells run on here, for a notebook that has cells of these.
 */
export function environmentOf(
  notebook: Notebook,
  { pyodide, image }: { readonly pyodide?: string | undefined; readonly image?: string | undefined } = {},
): Environment {
  const recorded = [...readDependencies(notebook)].sort((left, right) => compare(keyOf(left), keyOf(right)));
  const has = (wanted: string): boolean =>
    notebook.cells.some(({ kind, language }) => kind === "code" && language === wanted);
  return {
    ...(has("python") && pyodide !== undefined ? { pyodide } : {}),
    packages: recorded.flatMap(({ ecosystem, name, version, url, integrity }) => {
      const sha256 = ecosystem === "pypi" ? hexOf(integrity) : undefined;
      return sha256 === undefined ? [] : [{ name, version, sha256, source: url ?? "pyodide" }];
    }),
    npm: recorded.flatMap(({ ecosystem, name, version, integrity }) =>
      ecosystem === "npm" ? [{ name, version, integrity }] : [],
    ),
    ...(has("shell") && image !== undefined ? { image } : {}),
  };
}

/** Roots of the artefacts that the notebook is a fork of. */
export function parentsOf(notebook: Pick<Notebook, "metadata">): readonly string[] {
  const { parents } = kromaOf(notebook);
  return Array.isArray(parents) ? [...new Set(parents.filter(isCid))].slice(0, MOST_PARENTS) : [];
}

/** The metadata by which a notebook says that it is a fork of this artefact. */
export function forkMetadata(notebook: Pick<Notebook, "metadata">, root: string): Notebook["metadata"] {
  return { kroma: { ...kromaOf(notebook), parents: [root] } };
}

const MOST_PARENTS = 16;

function kromaOf({ metadata }: Pick<Notebook, "metadata">): Readonly<Record<string, unknown>> {
  const kroma = metadata["kroma"];
  return typeof kroma === "object" && kroma !== null ? (kroma as Readonly<Record<string, unknown>>) : {};
}

function isCid(value: unknown): value is string {
  try {
    return typeof value === "string" && parseCid(value).toV1().toString() === value;
  } catch {
    return false;
  }
}

/** The digest of a sha256 integrity, in hexadecimal digits; undefined for another. */
function hexOf(integrity: string): string | undefined {
  const [, digest = ""] = /^sha256-(.+)$/.exec(integrity) ?? [];
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  if (!/^[A-Za-z0-9+/]{43}=$/.test(digest)) return undefined;
  return Array.from(atob(digest), (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("");
}

const keyOf = (item: { readonly ecosystem: string; readonly name: string; readonly version: string }): string =>
  `${item.ecosystem} ${item.name} ${item.version}`;
const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
