/**
 * The test vectors of https://specs.ipfs.tech/unixfs/ (made with Kubo, in `test/fixtures/car`): the same files have the same CIDs when
 * Kroma makes their blocks, and what others made is read.
 */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { buildFiles } from "#core/artefact/files.ts";
import { type DirectoryEntry, kindOf, listDirectory, listFiles, readFile, resolvePath } from "#core/artefact/unixfs.ts";
import { importCar } from "#core/store/car.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";

const NESTED = "bafybeib3ffl2teiqdncv3mkz4r23b5ctrwkzrrhctdbne6iboayxuxk5ui";
const UTF8 = "bafybeiafyvqlazbbbtjnn6how5d6h6l6rxbqc4qgpbmteaiskjrffmyy4a";
const PERCENT = "bafybeig675grnxcmshiuzdaz2xalm6ef4thxxds6o6ypakpghm5kghpc34";
const LINKED = "QmWvY6FaqFMS89YAQ9NAPjVP4WZKA1qbHbicc9HeSKQTgt";
const FILES = "bafybeihchr7vmgjaasntayyatmp5sv6xza57iy2h4xj7g46bpjij6yhrmy";

async function imported(name: string): Promise<MemoryBlockStore> {
  const store = new MemoryBlockStore();
  await importCar(createReadStream(join(import.meta.dirname, `../../fixtures/car/${name}.car`)), store);
  return store;
}

const sources = (files: Readonly<Record<string, string>>) =>
  Object.entries(files).map(([path, text]) => ({ path, content: new TextEncoder().encode(text) }));

async function text(cid: string, store: MemoryBlockStore): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readFile(cid, store)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe("vectors of UnixFS", () => {
  it("F1: files and folders that are made here are named as Kubo names them", async () => {
    const store = new MemoryBlockStore();
    const nested = await buildFiles(sources({ "root2/root3/root4/index.html": "hello\n" }), store);
    expect(nested.cid).toBe(NESTED);
    for (const [path, cid] of [
      ["root2", "bafybeih2w7hjocxjg6g2ku25hvmd53zj7og4txpby3vsusfefw5rrg5sii"],
      ["root2/root3", "bafybeiawdvhmjcz65x5egzx4iukxc72hg4woks6v6fvgyupiyt3oczk5ja"],
      ["root2/root3/root4", "bafybeifq2rzpqnqrsdupncmkmhs3ckxxjhuvdcbvydkgvch3ms24k5lo7q"],
      ["root2/root3/root4/index.html", "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am"],
    ] as const)
      expect(await resolvePath(NESTED, path, store), path).toBe(cid);

    const utf8 = await buildFiles(
      sources({
        "ą/ę/t.json": '{ "test": "i am a plain json file" }\n',
        "ą/ę/file-źł.txt": "I am a txt file on path with utf8\n",
        "api/file.txt": "I am a txt file in confusing /api dir\n",
        "ipfs/file.txt": "I am a txt file in confusing /ipfs dir\n",
        "ipns/file.txt": "I am a txt file in confusing /ipns dir\n",
      }),
      store,
    );
    expect(utf8.cid).toBe(UTF8);
    expect(utf8.entries.get("ą/ę/t.json")).toBe("bafkreibrppizs3g7axs2jdlnjua6vgpmltv7k72l7v7sa6mmht6mne3qqe");

    const name = "Portugal%2C+España=Peninsula Ibérica.txt";
    const percent = await buildFiles(sources({ [name]: "hello from a percent encoded filename\n" }), store);
    expect(percent.cid).toBe(PERCENT);
  });

  it("F1: what others made is read, in one block or several", async () => {
    const store = await imported("dir-with-files");
    const files = await listFiles(FILES, store);
    expect(files.map(({ path, size }) => [path, size])).toEqual([
      ["ascii-copy.txt", 31],
      ["ascii.txt", 31],
      ["hello.txt", 12],
      ["multiblock.txt", 1026],
    ]);
    const multiblock = await resolvePath(FILES, "multiblock.txt", store);
    expect(multiblock).toBe("bafybeigcisqd7m5nf3qmuvjdbakl5bdnh4ocrmacaqkpuh77qjvggmt2sa");
    const words = await text(multiblock ?? "", store);
    expect(words).toMatch(/^Lorem ipsum dolor sit amet,.*Pellentesque habitant amet\.$/s);
    expect(words).toHaveLength(1026);

    const utf8 = await imported("utf8-names");
    const found = await resolvePath(UTF8, "ą/ę/file-źł.txt", utf8);
    expect(await text(found ?? "", utf8)).toBe("I am a txt file on path with utf8\n");
  });

  it("F2: a symbolic link is told and not followed", async () => {
    const store = await imported("symlink");
    const entries: DirectoryEntry[] = [];
    for await (const entry of listDirectory(LINKED, store)) entries.push(entry);
    expect(entries.map(({ name }) => name)).toEqual(["bar", "foo"]);
    expect(await kindOf(entries[0]?.cid ?? "", store)).toEqual({ kind: "other" });
    await expect(text(entries[0]?.cid ?? "", store)).rejects.toMatchObject({ code: "corrupt" });
  });
});
