/**
 * Which files the cells of a notebook name: what is shared with it without anybody having to choose. A guess by the text
 * alone, which is good enough since what is missed can be chosen, and what is too much is a file of the same notebook.
 */
import type { Cell } from "./model.ts";

const QUOTED = /"([^"\n]{1,300})"|'([^'\n]{1,300})'|`([^`\n]{1,300})`/g;
const BARE = /[^\s"'`()[\],;=<>|&]{1,300}/g;
const PYTHON_IMPORT = /^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import|import[ \t]+([\w., \t]+))/gm;
/** What a text is put together of when it is used: `{name}` in Python, `${name}` in others. */
const FILLED_IN = /\$?\{[^{}]*\}/g;
/** So many patterns are looked at. */
const MOST_PATTERNS = 200;

/** A function that tells of a path whether the cells name it, a folder that it is in, or a pattern that it fits. */
export function usedPaths(cells: readonly Pick<Cell, "source" | "kind" | "language">[]): (path: string) => boolean {
  const names = new Set<string>();
  const folders = new Set<string>();
  const patterns = new Set<string>();
  const take = (text: string, isQuoted: boolean): void => {
    const path = relativePath(text.replaceAll(FILLED_IN, "*"));
    if (path === undefined) return;
    if (!isQuoted && !/[./]/.test(text)) return;
    if (/[*?]/.test(path)) {
      // One without a letter would fit everything.
      if (patterns.size < MOST_PATTERNS && /\w/.test(path)) patterns.add(path);
      return;
    }
    names.add(path);
    if (isQuoted || text.endsWith("/")) folders.add(path);
  };
  for (const { source, kind, language } of cells) {
    const isCode = kind === "code";
    if (isCode) for (const [, ...groups] of source.matchAll(QUOTED)) take(groups.find(Boolean) ?? "", true);
    for (const [text] of source.matchAll(BARE)) take(text, false);
    if (isCode && language === "python") for (const module of importedModules(source)) takeModule(module);
  }
  function takeModule(module: string): void {
    names.add(`${module.replaceAll(".", "/")}.py`);
    if (patterns.size < MOST_PATTERNS) patterns.add(`${module.split(".")[0]}/**.py`);
  }
  const fits = [...patterns].map(patternOf);
  return (path) => {
    if (names.has(path) || fits.some((pattern) => pattern.test(path))) return true;
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
      if (folders.has(path.slice(0, at))) return true;
    return false;
  };
}

function importedModules(source: string): readonly string[] {
  return [...source.matchAll(PYTHON_IMPORT)].flatMap(([, from, list]) =>
    (from ?? list ?? "")
      .split(",")
      .map((name) => name.trim().split(/\s/)[0] ?? "")
      .filter((name) => /^[A-Za-z_][\w.]*$/.test(name)),
  );
}

/** The path from the root of the workspace; undefined for what is no path in it. */
function relativePath(text: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) || text.includes("\\")) return undefined;
  const path = text
    .replace(/^\/workspace\//, "")
    .replace(/^(?:\.\/)+/, "")
    .replace(/\/+$/, "");
  if (path === "" || path === "." || path.startsWith("/") || path.split("/").includes("..")) return undefined;
  return path;
}

function patternOf(pattern: string): RegExp {
  const source = pattern
    .split(/(\*+\/?|\?)/)
    .map((part) => {
      if (part === "?") return "[^/]";
      if (part.startsWith("**")) return "(?:.*)";
      if (part.startsWith("*")) return part.endsWith("/") ? "[^/]*/" : "[^/]*";
      return part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    })
    .join("");
  return new RegExp(`^${source}$`, "u");
}
