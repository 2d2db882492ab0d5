/**
 * A copy of Kroma inside an artefact, so that what is published runs where it is read. The copy is the built app as any host of
 * static files has it, in a folder of its own: artefacts with the same copy share its blocks, and a newer Kroma is another folder.
 * Beside it "kroma.json" says what the copy is to open where nobody can be asked for blocks. Rules: SPEC.md, F7 and F8.
 */
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import type { Notebook } from "../notebook/model.ts";
import type { SourceFile } from "./files.ts";
import { NOTEBOOK_PATH } from "./manifest.ts";
import { BUILD_PATH, COPY_PATH } from "./places.ts";
import { checkPaths } from "./paths.ts";

/** A file of a built Kroma. */
export interface RuntimeFile {
  readonly path: string;
  readonly size: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
}

/** What a build consists of. */
export interface BuildFacts {
  readonly id: string;
  readonly files: readonly RuntimeFile[];
}

/** What a copy opens: paths from the folder above it. */
export interface CopyFacts {
  readonly title: string;
  readonly notebook: string;
  /** Of the workspace, relative to it. */
  readonly files: readonly string[];
}

/** Nobody's list is longer than this, in characters. */
const MOST_FACTS = 4 * 1024 * 1024;
const MOST_FILES = 20_000;

const buildSchema = v.object({
  version: v.literal(1),
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  files: v.pipe(
    v.record(
      v.pipe(v.string(), v.maxLength(500)),
      v.object({
        size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
        sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      }),
    ),
    v.check((files) => Object.keys(files).length <= MOST_FILES),
  ),
});

const path = v.pipe(v.string(), v.check(isPath));
const copySchema = v.object({
  version: v.literal(1),
  title: v.pipe(v.string(), v.maxLength(300)),
  notebook: path,
  files: v.pipe(v.array(path), v.maxLength(10_000)),
});

/** What "build.json" says. `corrupt` when it is none. */
export function readBuild(text: string): BuildFacts {
  const { id, files } = parsed(buildSchema, text, BUILD_PATH);
  const list = Object.entries(files).map(([place, facts]) => ({ path: place, ...facts }));
  checkPaths(list.map((file) => file.path));
  return { id, files: list };
}

/** What "kroma.json" says. `corrupt` when it is none. */
export function readCopyFacts(text: string): CopyFacts {
  const { title, notebook, files } = parsed(copySchema, text, COPY_PATH);
  return { title, notebook, files };
}

/** The file that says what the copy opens. */
export function copyFactsFile(title: string, files: readonly string[]): SourceFile {
  const facts = { version: 1, title, notebook: NOTEBOOK_PATH, files: [...files].sort() };
  return { path: COPY_PATH, content: new TextEncoder().encode(`${JSON.stringify(facts)}\n`) };
}

/** `kroma.ml` in any language. */
const usesModels = (notebook: Notebook): boolean => codeOf(notebook).some(({ source }) => /\bml\b/.test(source));

/** What only some notebooks need: the folders with it, and which notebooks they are. Everything else always goes in. */
const PARTS: readonly (readonly [readonly string[], (notebook: Notebook) => boolean])[] = [
  [["assets/pyodide/", "assets/wheels/"], (notebook) => languagesOf(notebook).has("python")],
  [["assets/npm/"], (notebook) => languagesOf(notebook).has("typescript")],
  [["assets/v86/", "assets/vm/"], (notebook) => languagesOf(notebook).has("shell")],
  [["assets/duckdb/"], (notebook) => languagesOf(notebook).has("sql")],
  [["assets/llama/"], (notebook) => languagesOf(notebook).has("chat") || usesModels(notebook)],
  [["assets/onnx/", "assets/models/"], usesModels],
  [["assets/onnx-webgpu/"], (notebook) => codeOf(notebook).some(({ source }) => /\bwebgpu\b/.test(source))],
];
/** Fonts in older formats, which nothing that runs Kroma asks for, and what only helps to debug. */
const NEVER = /\.(?:ttf|woff|map)$/;

/** The files of a build that a copy for this notebook has, in the order of their paths. */
export function runtimeFiles({ files }: Pick<BuildFacts, "files">, notebook: Notebook): readonly RuntimeFile[] {
  const leftOut = PARTS.flatMap(([folders, isNeeded]) => (isNeeded(notebook) ? [] : folders));
  return files
    .filter((file) => !NEVER.test(file.path) && !leftOut.some((folder) => file.path.startsWith(folder)))
    .sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** True when it has Linux cells, whose image no copy has. */
export const needsLinux = (notebook: Notebook): boolean => languagesOf(notebook).has("shell");

const codeOf = ({ cells }: Notebook) => cells.filter(({ kind, source }) => kind === "code" && source.trim() !== "");

function languagesOf(notebook: Notebook): ReadonlySet<string> {
  const used = new Set(codeOf(notebook).map(({ language }) => language));
  return used.size === 0 ? new Set([notebook.language]) : used;
}

function parsed<T extends v.GenericSchema>(schema: T, text: string, what: string): v.InferOutput<T> {
  if (text.length <= MOST_FACTS) {
    try {
      return v.parse(schema, JSON.parse(text));
    } catch {
      // Said below, as for one that is too long.
    }
  }
  throw new KromaError("corrupt", `The file ${what} is not what it should be.`);
}

function isPath(text: string): boolean {
  try {
    checkPaths([text]);
    return true;
  } catch {
    return false;
  }
}
