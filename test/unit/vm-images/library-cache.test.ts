/** The list of libraries that glibc's loader reads, against how the loader searches it (elf/dl-cache.c). */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareNames, libraryCache } from "#vm-images/library-cache.ts";
import { Tree } from "#vm-images/tree.ts";

const FOLDER = "usr/lib/i386-linux-gnu";
const PATH = "/lib/i386-linux-gnu";

function treeOf(names: readonly string[]): Tree {
  const tree = new Tree();
  for (const name of names) tree.text(`${FOLDER}/${name}`, "");
  return tree;
}

/** What the loader finds for a name: a search by halves in falling order. */
function found(cache: Uint8Array, name: string): string | undefined {
  const view = new DataView(cache.buffer, cache.byteOffset, cache.length);
  const text = (at: number) => new TextDecoder().decode(cache.subarray(at, cache.indexOf(0, at)));
  expect(new TextDecoder().decode(cache.subarray(0, 20))).toBe("glibc-ld.so.cache1.1");
  let [left, right] = [0, view.getUint32(20, true) - 1];
  while (left <= right) {
    const middle = (left + right) >> 1;
    const at = 48 + middle * 24;
    expect(view.getUint32(at, true)).toBe(3);
    const order = compareNames(name, text(view.getUint32(at + 4, true)));
    if (order === 0) return text(view.getUint32(at + 8, true));
    if (order < 0) left = middle + 1;
    else right = middle - 1;
  }
  return undefined;
}

test("every library is found, and nothing else", () => {
  const name = fc
    .tuple(fc.constantFrom("libc", "libm", "libmpfr", "libx11-6", "lib64", "liba"), fc.stringMatching(/^[0-9.]{1,6}$/))
    .map(([stem, version]) => `${stem}.so.${version}`);
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 40 }), name, (names, other) => {
      const cache = libraryCache(treeOf([...names, "libc.so", "crt1.o", "gconv/libJIS.so.1"]), FOLDER, PATH);
      // Two spellings of one number are one name to the loader, which then takes either.
      const same = (wanted: string) => names.filter((one) => compareNames(one, wanted) === 0);
      for (const wanted of [...names, other, "libc.so", "libJIS.so.1"]) {
        const path = found(cache, wanted);
        if (same(wanted).length === 0) expect(path).toBeUndefined();
        else expect(same(wanted).map((one) => `${PATH}/${one}`)).toContain(path);
      }
    }),
  );
});

test("names are in the loader's order: numbers by their value, and after letters", () => {
  const names = ["libm.so.10", "libm.so.9", "libm.so.6.1", "libm.so.6", "libmpfr.so.6", "lib2.so.1", "libc.so.6"];
  expect([...names].sort(compareNames)).toEqual([
    "libc.so.6",
    "libm.so.6",
    "libm.so.6.1",
    "libm.so.9",
    "libm.so.10",
    "libmpfr.so.6",
    "lib2.so.1",
  ]);
});
