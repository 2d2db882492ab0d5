/**
 * Which files of the workspace the cells of a notebook use, as far as it can be seen without running them: texts in the code
 * that are the path of a file that is there, words of shell commands, imports of modules that lie there, pictures in texts. Files
 * of code are looked through in the same way. What is made up at run time is not seen; a person can add it.
 */
import { pathParts } from "./paths.ts";

/** The workspace, as far as it has to be seen. Paths are relative to it. */
export interface FileTree {
  kind(path: string): Promise<"file" | "folder" | undefined>;
  /** All files below a folder, by their whole paths; of the first so many. */
  list(folder: string, most: number): Promise<readonly string[]>;
  /** The text of a file; undefined when it is none, or long. */
  text(path: string): Promise<string | undefined>;
}

/** Code or text, and its language. */
export interface Source {
  readonly language: string;
  readonly source: string;
}

const LANGUAGES: Readonly<Record<string, string>> = {
  py: "python",
  ts: "typescript",
  tsx: "typescript",
  js: "typescript",
  mjs: "typescript",
  sh: "bash",
  md: "markdown",
};
/** Most paths that are looked for, and files that are taken from a folder. */
const MOST_CANDIDATES = 5000;
const MOST_IN_FOLDER = 1000;
const MOST_FILES = 5000;

/** Paths of the files that are used, in order. */
export async function usedFiles(sources: readonly Source[], tree: FileTree): Promise<readonly string[]> {
  const used = new Set<string>();
  const looked = new Set<string>();
  const ahead: { readonly source: Source; readonly folder: string }[] = sources.map((source) => ({
    source,
    folder: "",
  }));
  const take = async (path: string): Promise<void> => {
    if (used.has(path) || used.size >= MOST_FILES) return;
    used.add(path);
    const language = LANGUAGES[/\.([a-z]+)$/.exec(path)?.[1] ?? ""];
    if (language === undefined) return;
    const source = await tree.text(path);
    if (source !== undefined)
      ahead.push({ source: { language, source }, folder: path.slice(0, path.lastIndexOf("/") + 1) });
  };
  for (let next = ahead.shift(); next; next = ahead.shift()) {
    for (const written of candidates(next.source)) {
      if (looked.size >= MOST_CANDIDATES) break;
      // Cells run in the workspace's folder; a file may also mean its own.
      for (const path of new Set([plain(written), plain(`${next.folder}${written}`)])) {
        if (path === undefined || looked.has(path)) continue;
        looked.add(path);
        const kind = await tree.kind(path);
        if (kind === "file") await take(path);
        if (kind === "folder") for (const file of await tree.list(path, MOST_IN_FOLDER)) await take(file);
      }
    }
  }
  return [...used].sort();
}

/** Texts that may be paths. */
function candidates({ language, source }: Source): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (text: string | undefined): void => {
    const path = text?.trim();
    if (path === undefined || path === "" || path.length > 1000 || /[\n\0]/.test(path)) return;
    // Of a pattern the folder is known: "data/*.csv".
    const star = path.search(/[*?[{]/);
    const fixed = star < 0 ? path : path.slice(0, path.lastIndexOf("/", star) + 1);
    if (fixed !== "") found.add(fixed);
  };
  if (language === "markdown" || language === "raw") {
    for (const [, link, address] of source.matchAll(/\]\(<?([^\s()<>]+)>?[^()]*\)|(?:src|href)=["']([^"']+)["']/g))
      add(decoded(link ?? address ?? ""));
    return found;
  }
  for (const [, double, single, back] of source.matchAll(/"([^"\n]*)"|'([^'\n]*)'|`([^`\n]*)`/g))
    add(double ?? single ?? back);
  for (const line of shellLines(language, source)) for (const word of line.split(/[\s;|&<>()"'`=]+/)) add(word);
  if (language === "python") {
    for (const name of pythonModules(source)) {
      add(`${name.replaceAll(".", "/")}.py`);
      add(name.replaceAll(".", "/"));
    }
  }
  if (language === "typescript") {
    for (const [, name] of source.matchAll(/\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"'\n]+)["']/g))
      for (const ending of [".ts", ".js", ".tsx", ".json"]) add(`${name}${ending}`);
  }
  return found;
}

/** Modules that Python code imports, and the packages that they are in. */
function pythonModules(source: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, from, list] of source.matchAll(
    /^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))/gm,
  )) {
    for (const name of from === undefined ? (list ?? "").split(",") : [from]) {
      const module = /^[ \t]*([A-Za-z_][\w.]*)/.exec(name)?.[1];
      if (module === undefined) continue;
      names.add(module);
      names.add(module.split(".")[0] as string);
    }
  }
  return names;
}

function shellLines(language: string, source: string): readonly string[] {
  if (language === "bash" || language === "shell") return source.split("\n");
  return source.split("\n").filter((line) => /^\s*[!%]/.test(line));
}

/** A path as it is below the workspace; undefined when it is not in it, or hidden in no way that was meant. */
function plain(written: string): string | undefined {
  const inside = written.startsWith("/workspace/") ? written.slice("/workspace/".length) : written;
  if (inside.startsWith("/") || /^[a-z][a-z0-9+.-]*:/i.test(inside)) return undefined;
  const parts: string[] = [];
  for (const part of inside.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else parts.push(part);
  }
  try {
    // The whole workspace is not meant by a dot.
    return pathParts(parts.join("/")).join("/");
  } catch {
    return undefined;
  }
}

function decoded(link: string): string {
  try {
    return decodeURIComponent(link.split(/[?#]/)[0] as string);
  } catch {
    return link;
  }
}
