/**
 * Reads tar archives (ustar, GNU long names, pax paths): what is inside a Debian package. Owners and times are
 * dropped on purpose; device nodes are not expected and refused.
 */
import type { Tree } from "./tree.ts";

const BLOCK = 512;

/** Puts the archive's entries into `tree`, those for which `wanted` is true. */
export function untar(archive: Uint8Array, tree: Tree, wanted: (path: string) => boolean): void {
  const text = (from: number, length: number) => {
    const bytes = archive.subarray(from, from + length);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  };
  const octal = (from: number, length: number) => Number.parseInt(text(from, length).trim() || "0", 8);
  const hardLinks: [path: string, target: string][] = [];
  let longName: string | undefined;
  let longTarget: string | undefined;
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0;) {
    const size = octal(at + 124, 12);
    const type = String.fromCharCode(archive[at + 156] ?? 0);
    const data = at + BLOCK;
    const prefix = text(at + 257, 5) === "ustar" && archive[at + 262] === 0 ? text(at + 345, 155) : "";
    const path = clean(longName ?? (prefix ? `${prefix}/` : "") + text(at, 100));
    const target = longTarget ?? text(at + 157, 100);
    const mode = octal(at + 100, 8) & 0o7777;
    at = data + Math.ceil(size / BLOCK) * BLOCK;
    if (type === "L") longName = text(data, size);
    else if (type === "K") longTarget = text(data, size);
    else if (type === "x") {
      const records = paxRecords(archive.subarray(data, data + size));
      longName = records.get("path") ?? longName;
      longTarget = records.get("linkpath") ?? longTarget;
    } else {
      longName = longTarget = undefined;
      if (path === "" || !wanted(path)) continue;
      if (type === "5") tree.directory(path, mode);
      else if (type === "2") tree.symlink(path, target);
      else if (type === "1") hardLinks.push([path, clean(target)]);
      else if (type === "0" || type === "\0")
        tree.set(path, { kind: "file", mode, data: archive.slice(data, data + size) });
      else throw new Error(`unexpected entry of type ${JSON.stringify(type)} in a package: ${path}`);
    }
  }
  for (const [path, target] of hardLinks) {
    const entry = tree.get(target);
    if (entry) tree.set(path, entry);
  }
}

function clean(path: string): string {
  return path
    .replace(/^(\.?\/)+/, "")
    .replace(/\/+$/, "")
    .replace(/^\.$/, "");
}

/** Records of a pax header: "LENGTH KEY=VALUE\n", LENGTH in bytes. */
function paxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const length = Number.parseInt(new TextDecoder().decode(bytes.subarray(at, space)), 10);
    if (space < 0 || !(length > 0)) break;
    const record = new TextDecoder().decode(bytes.subarray(space + 1, at + length - 1));
    const equals = record.indexOf("=");
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}
