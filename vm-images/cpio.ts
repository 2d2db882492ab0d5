/** Writes a tree as a cpio archive of the "newc" kind, which the Linux kernel unpacks as its first root file system. */
import type { Tree } from "./tree.ts";

const TYPE = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;

/** The archive of a tree. */
export function cpio(tree: Tree): Uint8Array {
  const parts: Uint8Array[] = [];
  let inode = 1;
  const add = (name: string, mode: number, data: Uint8Array) => {
    const bytes = new TextEncoder().encode(`${name}\0`);
    const fields = [inode++, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, bytes.length, 0];
    const header = new TextEncoder().encode(
      `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`,
    );
    parts.push(header, bytes, padding(header.length + bytes.length), data, padding(data.length));
  };
  for (const [path, entry] of tree.entries()) {
    if (entry.kind === "symlink") add(path, TYPE.symlink | 0o777, new TextEncoder().encode(entry.target));
    else add(path, TYPE[entry.kind] | entry.mode, entry.kind === "file" ? entry.data : new Uint8Array(0));
  }
  add("TRAILER!!!", 0, new Uint8Array(0));
  return Buffer.concat(parts);
}

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
