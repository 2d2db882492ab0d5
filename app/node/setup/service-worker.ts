/**
 * Tells the built service worker what the site consists of, so that it keeps files of its own build and no other, and writes the
 * same down for whoever copies the site into an artefact.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { BUILD_PATH } from "#core/artefact/places.ts";

const SCRIPT = "service-worker.js";
const HEAD = "self.kromaBuild=";
/** Not part of the app: the script itself, what the build leaves for itself, and the Linux image, which has its own sums. */
const isLeftOut = (path: string): boolean =>
  path === SCRIPT ||
  path === BUILD_PATH ||
  path.endsWith(".key") ||
  path.endsWith(".map") ||
  path.startsWith("assets/vm/");

/** Writes the hashes of all files of `site` to the head of its service worker, in the place of older ones, and to its list. */
export function describeBuild(site: string): void {
  const files: Record<string, string> = {};
  const facts: Record<string, { readonly size: number; readonly sha256: string }> = {};
  const note = (path: string): string => {
    const bytes = readFileSync(join(site, path));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    facts[path] = { size: bytes.length, sha256 };
    return sha256;
  };
  const paths = readdirSync(site, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(site, join(entry.parentPath, entry.name)).split(sep).join("/"));
  for (const path of paths.sort()) {
    if (isLeftOut(path)) continue;
    files[path] = note(path);
  }
  const entry = /<script type="module"[^>]* src="\.?\/?(app\/[^"]+)"/.exec(
    readFileSync(join(site, "index.html"), "utf8"),
  )?.[1];
  if (entry === undefined) throw new Error("index.html names no main script");
  const id = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
  const script = readFileSync(join(site, SCRIPT), "utf8");
  const program = script.startsWith(HEAD) ? script.slice(script.indexOf("\n") + 1) : script;
  writeFileSync(join(site, SCRIPT), `${HEAD}${JSON.stringify({ id, entry, files })};\n${program}`);
  note(SCRIPT);
  writeFileSync(join(site, BUILD_PATH), `${JSON.stringify({ version: 1, id, files: facts })}\n`);
}
