/** The list of shared files: what it takes, what it refuses, and how it merges (core/mesh/SPEC.md, chapter "Files"). */
import * as Automerge from "@automerge/automerge";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "#core/base/canonical-json.ts";
import { scalar } from "#core/notebook/document.ts";
import {
  applyFile,
  blankFiles,
  readFiles,
  type FilesDocument,
  type FilesRecord,
  type StoredFile,
} from "#core/notebook/files-document.ts";
import { besidePath, FILE_BLOCK_BYTES, isFilePath, MOST_FILE_BYTES, MOST_FILES } from "#core/notebook/files.ts";
import { blockCid } from "#core/store/cid.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { cellId, newCell, newRun, openWith, startHost } from "./kit.ts";

const cidOf = (text: string): Promise<string> => blockCid(new TextEncoder().encode(text));
const fileOf = async (text: string): Promise<StoredFile> => ({
  cid: await cidOf(text),
  size: text.length,
  modified: 1000,
});
const blank = (): FilesDocument => Automerge.load<FilesRecord>(blankFiles());
const put = async (document: FilesDocument, path: string, text: string): Promise<FilesDocument> =>
  applyFile(document, path, await fileOf(text), 1000);
const gone = { state: "deleted" } as const;
const paths = (document: FilesDocument): readonly string[] => readFiles(document).files.map(({ path }) => path);

describe("a path", () => {
  it.each(["a.csv", "data/a b.csv", ".env", "a/.kroma/b", "__proto__", "数据/表.csv", "..."])(
    "may be %j (F3)",
    (path) => expect(isFilePath(path)).toBe(true),
  );
  it.each([
    "",
    "/etc/passwd",
    "../a",
    "a/../../b",
    "a//b",
    "a/.",
    "a/",
    ".kroma/values/x",
    ".Kroma/x",
    ".kroma",
    "a\0b",
    "a\nb",
    "gnp\u202Eexe.",
    "\ud800",
    "x".repeat(300),
    "a/".repeat(40) + "b",
  ])("may not be %j (F3)", (path) => {
    expect(isFilePath(path)).toBe(false);
    expect(() => applyFile(blank(), path, gone, 0)).toThrow("can't be shared");
  });

  it("beside another one keeps its ending, and fits", () => {
    expect(besidePath("data/a.csv", "other abc")).toBe("data/a (other abc).csv");
    expect(besidePath("Makefile", "other abc")).toBe("Makefile (other abc)");
    expect(besidePath(".env", "x")).toBe(".env (x)");
    expect(isFilePath(besidePath(`${"ü".repeat(120)}.csv`, "other abcdef"))).toBe(true);
  });
});

describe("the list of files", () => {
  it("begins with the same bytes everywhere (F1)", () => {
    expect(blankFiles()).toEqual(blankFiles());
    expect(Automerge.getHeads(blank())).toMatchInlineSnapshot(`
      [
        "1878f706403c734af6173341d504e5450ccb839e27a5d1de0682847a0a3273ab",
      ]
    `);
  });

  it("has what was put there, and not what was deleted or taken out (F2)", async () => {
    let document = await put(blank(), "a.csv", "a");
    document = await put(document, "__proto__", "b");
    document = await put(document, "c", "c");
    document = applyFile(document, "a.csv", gone, 1000);
    document = applyFile(document, "c", { state: "withheld" }, 1000);
    const { files, deleted, withheld } = readFiles(document);
    expect(files).toEqual([
      {
        path: "__proto__",
        cid: await cidOf("b"),
        size: 1,
        modified: 1000,
        executable: false,
        blocks: [await cidOf("b")],
      },
    ]);
    expect([deleted, withheld]).toEqual([["a.csv"], ["c"]]);
  });

  it("keeps both of two that were put there at once, also after the next one (F5)", async () => {
    const start = await put(blank(), "a.csv", "first");
    const [left, right] = [Automerge.clone(start), Automerge.clone(start)];
    const one = await put(left, "a.csv", "left");
    const two = await put(right, "a.csv", "right");
    const merged = Automerge.merge(Automerge.clone(one), two);
    const other = Automerge.merge(Automerge.clone(two), one);
    expect(readFiles(merged)).toEqual(readFiles(other));
    const both = readFiles(merged).files;
    expect(both.map(({ cid }) => cid).sort()).toEqual([await cidOf("left"), await cidOf("right")].sort());
    const beside = both.find(({ path }) => path !== "a.csv");
    expect(beside?.path).toBe(`a (other ${beside?.cid.slice(-6)}).csv`);
    // Both go on without knowledge of each other: the third is not lost either, and nothing doubles.
    const next = Automerge.merge(
      await put(Automerge.clone(merged), "a.csv", "third"),
      await put(Automerge.clone(other), "b.csv", "fourth"),
    );
    expect(paths(next)).toEqual(["a.csv", beside?.path, "b.csv"].sort());
    expect(readFiles(next).files.find(({ path }) => path === "a.csv")?.cid).toBe(await cidOf("third"));
    // What stood beside it can be deleted like any other.
    expect(paths(applyFile(Automerge.clone(merged), beside?.path ?? "", gone, 0))).toEqual(["a.csv"]);
  });

  it("says nothing twice where two put the same there (F5)", async () => {
    const [left, right] = [await put(blank(), "a", "same"), await put(blank(), "a", "same")];
    expect(paths(Automerge.merge(left, right))).toEqual(["a"]);
  });

  it("lets a new content win over a deletion that did not know of it, and taking out over all (F5)", async () => {
    const start = await put(blank(), "a", "old");
    const changed = await put(Automerge.clone(start), "a", "new");
    const deleted = applyFile(Automerge.clone(start), "a", gone, 0);
    const withheld = applyFile(Automerge.clone(start), "a", { state: "withheld" }, 0);
    expect(paths(Automerge.merge(Automerge.clone(changed), deleted))).toEqual(["a"]);
    expect(paths(Automerge.merge(Automerge.clone(deleted), changed))).toEqual(["a"]);
    expect(paths(Automerge.merge(Automerge.clone(changed), withheld))).toEqual([]);
  });

  it("has nothing below a file (F4)", async () => {
    const start = await put(blank(), "a/b", "below");
    await expect(put(start, "a", "file")).rejects.toThrow("one of its folders is a file");
    await expect(put(await put(blank(), "a", "file"), "a/b", "below")).rejects.toThrow("one of its folders");
    const merged = Automerge.merge(start, await put(blank(), "a", "file"));
    expect(readFiles(merged)).toMatchObject({ files: [{ path: "a" }], leftOut: ["a/b"] });
  });

  it("passes over what a hostile peer wrote, and what is too much (F3, F4)", async () => {
    const good = await fileOf("x");
    const record = (value: unknown) => scalar(typeof value === "string" ? value : canonicalJson(value));
    const document = Automerge.change(blank(), (draft) => {
      draft.files["/../escape"] = record(good);
      draft.files["/.kroma/values/x.json"] = record(good);
      draft.files["no slash"] = record(good);
      draft.files["/no json"] = record("{");
      draft.files["/no cid"] = record({ ...good, cid: "../../x" });
      draft.files["/negative"] = record({ ...good, size: -1 });
      draft.files["/huge"] = record({ ...good, size: MOST_FILE_BYTES + 1 });
      draft.files["/blocks"] = record({ ...good, size: 3 * FILE_BLOCK_BYTES, blocks: [good.cid, good.cid] });
      (draft.files as Record<string, unknown>)["/map"] = { cid: good.cid };
      draft.files["/good"] = record(good);
      for (let index = 0; index < MOST_FILES + 5; index += 1)
        draft.files[`/many/${String(index).padStart(5, "0")}`] = record(good);
    });
    const { files, leftOut } = readFiles(document);
    expect(files).toHaveLength(MOST_FILES);
    expect(files[0]?.path).toBe("good");
    expect(leftOut).toHaveLength(6);
    expect(leftOut.every((path) => path.startsWith("many/"))).toBe(true);
    expect(() => applyFile(document, "one more", good, 0)).toThrow(`at most ${MOST_FILES} files`);
  });
});

describe("a host", () => {
  it("keeps files over a restart, and gives the bytes back (F2)", async () => {
    const { host, library, store, fileBlocks } = startHost();
    const client = await openWith(library, []);
    await client.files.load();
    const bytes = crypto.getRandomValues(new Uint8Array(65_536));
    const big = new Uint8Array(FILE_BLOCK_BYTES * 2 + 3).fill(7);
    big.set(bytes);
    await client.files.perform({
      type: "put_file",
      path: "data/big.bin",
      bytes: big.slice(),
      modified: 5,
      executable: true,
    });
    await client.files.perform({
      type: "put_file",
      path: "empty",
      bytes: new Uint8Array(),
      modified: 5,
      executable: false,
    });
    await host.close();
    const again = await startHost({ store, fileBlocks }).library.open(client.document);
    await again.files.load();
    expect(again.files.shared.files).toMatchObject([
      { path: "data/big.bin", size: big.length, here: big.length, executable: true, modified: 5 },
      { path: "empty", size: 0, here: 0, executable: false },
    ]);
    expect(Buffer.compare(await again.files.read("data/big.bin"), big)).toBe(0);
    expect(await again.files.read("empty")).toEqual(new Uint8Array());
    await expect(again.files.read("none")).rejects.toMatchObject({ code: "missing" });
  });

  it("gives out no file whose blocks are not what it is said to be (F3)", async () => {
    const { library, store, fileBlocks } = startHost();
    const client = await openWith(library, []);
    const halves = [new Uint8Array(FILE_BLOCK_BYTES).fill(1), new Uint8Array(5).fill(2)] as const;
    const names = [await fileBlocks.put(halves[0]), await fileBlocks.put(halves[1])];
    const size = FILE_BLOCK_BYTES + 5;
    const hostile = Automerge.change(blank(), (draft) => {
      draft.files["/other"] = scalar(canonicalJson({ cid: names[0], size, modified: 0, blocks: names }));
      draft.files["/short"] = scalar(canonicalJson({ cid: names[0], size: 5, modified: 0 }));
    });
    await store.write({ put: [[["files", client.document, "snapshot", "x"], Automerge.save(hostile)]] });
    await client.files.load();
    expect(client.files.shared.files.map(({ path }) => path)).toEqual(["other", "short"]);
    for (const path of ["other", "short"])
      await expect(client.files.read(path)).rejects.toMatchObject({ code: "corrupt" });
  });

  it("lets go of bytes that no notebook shares any more, and of nothing else", async () => {
    const { host, library, store, blocks, fileBlocks } = startHost();
    const [one, other] = [await openWith(library, []), await openWith(library, [newCell("a", "1")])];
    const put = (client: NotebookClient, path: string, text: string) => {
      const bytes = new TextEncoder().encode(text);
      return client.files.perform({ type: "put_file", path, bytes, modified: 0, executable: false });
    };
    const has = async (text: string) => fileBlocks.has(await cidOf(text));
    await put(one, "a", "first");
    await put(one, "b", "both");
    await put(other, "b", "both");
    await put(one, "a", "second");
    expect([await has("first"), await has("second")]).toEqual([false, true]);
    await one.files.perform({ type: "delete_file", path: "b" });
    expect(await has("both")).toBe(true);
    // What is an output is no file, whoever says so.
    const run = newRun("r", "x".repeat(100_000));
    await other.change([{ type: "set_run", cell: cellId("a"), run }]);
    const output: string[] = [];
    for await (const name of blocks.list()) output.push(name);
    expect(output).toHaveLength(1);
    const bytes = (await blocks.get(output[0] ?? "")) ?? new Uint8Array();
    await other.files.perform({ type: "put_file", path: "c", bytes: bytes.slice(), modified: 0, executable: false });
    await other.files.perform({ type: "delete_file", path: "c" });
    expect([await blocks.has(output[0] ?? ""), await fileBlocks.has(output[0] ?? "")]).toEqual([true, false]);
    await library.remove(other.document);
    await host.close();
    // A month later it goes for good.
    const later = startHost({ store, blocks, fileBlocks, now: () => Date.now() + 40 * 86_400_000 });
    await later.library.listed;
    await expect.poll(() => has("both")).toBe(false);
    expect(await has("second")).toBe(true);
    await later.host.close();
  });

  it("says what is too big (F4)", async () => {
    const client = await openWith(startHost().library, []);
    const bytes = new Uint8Array(MOST_FILE_BYTES + 1);
    await expect(
      client.files.perform({ type: "put_file", path: "huge.bin", bytes, modified: 0, executable: false }),
    ).rejects.toMatchObject({
      code: "exhausted",
      message: expect.stringContaining("it has 65 MiB, and at most 64 MiB"),
    });
  });
});
