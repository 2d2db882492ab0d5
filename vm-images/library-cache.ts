/**
 * Writes /etc/ld.so.cache as ldconfig would, which no script of a package runs here. Without it every program looks for the
 * C library in eight directories that are not there before it finds it: a ninth of what a small one does in all.
 * The format is glibc's (elf/cache.c, sysdeps/generic/dl-cache.h): a header, entries in falling order, their strings.
 */
import type { Tree } from "./tree.ts";

const MAGIC = "glibc-ld.so.cache1.1";
const HEADER = 48;
const ENTRY = 24;
const LITTLE_ENDIAN = 2;
/** A library of glibc's for i386. */
const ELF_LIBC6 = 3;

/** The cache of the libraries in `folder` of the tree, which programs know as `path`. */
export function libraryCache(tree: Tree, folder: string, path: string): Uint8Array {
  const names: string[] = [];
  for (const [file, entry] of tree.entries()) {
    const name = file.slice(folder.length + 1);
    if (file.startsWith(`${folder}/`) && /^lib[^/]+\.so\.[^/]+$/.test(name) && entry.kind !== "directory")
      names.push(name);
  }
  names.sort((a, b) => compareNames(b, a));
  const strings: Uint8Array[] = [];
  let end = HEADER + ENTRY * names.length;
  const string = (text: string): number => {
    const bytes = new TextEncoder().encode(`${text}\0`);
    strings.push(bytes);
    end += bytes.length;
    return end - bytes.length;
  };
  const places = names.map((name) => [string(name), string(`${path}/${name}`)] as const);
  const cache = new Uint8Array(end);
  const view = new DataView(cache.buffer);
  cache.set(new TextEncoder().encode(MAGIC));
  view.setUint32(20, names.length, true);
  view.setUint32(24, end - HEADER - ENTRY * names.length, true);
  cache[28] = LITTLE_ENDIAN;
  for (const [index, [key, value]] of places.entries()) {
    const at = HEADER + ENTRY * index;
    view.setUint32(at, ELF_LIBC6, true);
    view.setUint32(at + 4, key, true);
    view.setUint32(at + 8, value, true);
  }
  let at = HEADER + ENTRY * names.length;
  for (const bytes of strings) {
    cache.set(bytes, at);
    at += bytes.length;
  }
  return cache;
}

/** glibc's order of names (_dl_cache_libcmp): numbers in them by their value, and after all else. */
export function compareNames(a: string, b: string): number {
  const parts = (name: string) => name.match(/\d+|\D/g) ?? [];
  const [left, right] = [parts(a), parts(b)];
  for (const [index, part] of left.entries()) {
    const other = right[index];
    if (other === undefined) return 1;
    const [isNumber, isOther] = [/^\d/.test(part), /^\d/.test(other)];
    if (isNumber !== isOther) return isNumber ? 1 : -1;
    const order = isNumber ? Number(part) - Number(other) : part.charCodeAt(0) - other.charCodeAt(0);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
