/** Paths of files inside an artefact: relative, with "/" between the parts, the same everywhere. Rules: SPEC.md, F2. */
import { KromaError } from "../base/errors.ts";

/** Most UTF-8 bytes of one part of a path; what file systems take (NAME_MAX of Linux). */
const MOST_PART_BYTES = 255;
const MOST_PATH_BYTES = 4096;
const MOST_PARTS = 64;
// Control characters, and those that turn the direction of the text around them: a name must not disguise itself.
const UNFIT = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** True for the name of one file or folder that may stand in an artefact. */
export function isFitName(name: string): boolean {
  return (
    name !== "" &&
    name !== "." &&
    name !== ".." &&
    !name.includes("/") &&
    !name.includes("\\") &&
    name.isWellFormed() &&
    !UNFIT.test(name) &&
    new TextEncoder().encode(name).length <= MOST_PART_BYTES
  );
}

/** The parts of a path; `invalid` when it is absolute, empty, too long, or has a part that may not be. */
export function pathParts(path: string): readonly string[] {
  const parts = path.split("/");
  const isFit = path.length <= MOST_PATH_BYTES && parts.length <= MOST_PARTS && parts.every(isFitName);
  if (!isFit) throw new KromaError("invalid", `${quoted(path)} can't be the path of a file in an artefact.`);
  return parts;
}

/** Checks the paths of all files at once: each fit, no two the same, none the folder of another. */
export function checkPaths(paths: readonly string[]): void {
  const files = new Set<string>();
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = pathParts(path);
    if (files.has(path)) throw new KromaError("invalid", `The file ${quoted(path)} is there twice.`);
    files.add(path);
    for (let depth = 1; depth < parts.length; depth += 1) folders.add(parts.slice(0, depth).join("/"));
  }
  for (const path of files) {
    if (folders.has(path)) throw new KromaError("invalid", `${quoted(path)} is both a file and a folder.`);
  }
}

/** A name as it is shown in a sentence, when it may be anything. */
export function quoted(name: string): string {
  const shown = name.length > 120 ? `${name.slice(0, 120)}…` : name;
  return JSON.stringify(shown).replaceAll(new RegExp(UNFIT, "gu"), "\u{fffd}");
}
