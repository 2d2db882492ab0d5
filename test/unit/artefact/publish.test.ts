import { beforeAll, describe, expect, it } from "vitest";
import { openArtefact } from "#core/artefact/open.ts";
import { publishArtefact, type Published } from "#core/artefact/publish.ts";
import { listDirectory } from "#core/artefact/unixfs.ts";
import type { Signatures, Signer } from "#core/mesh/identity.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { walkBlocks } from "#core/store/walk.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { partsOf, signerOf, text } from "./kit.ts";

let signatures: Signatures;
let ada: Signer;
beforeAll(async () => {
  [signatures, ada] = await Promise.all([openSignatures(), signerOf(1, "Ada")]);
});

const published = async (store = new MemoryBlockStore()): Promise<{ store: MemoryBlockStore } & Published> => ({
  store,
  ...(await publishArtefact(partsOf(), store, ada)),
});

describe("an artefact", () => {
  it("opens by its root, its envelope and its directory, and says the same", async () => {
    const { store, root, envelope, directory } = await published();
    for (const cid of [root, envelope, directory]) {
      const opened = await openArtefact(cid, store, { signatures, envelopes: async () => [envelope] });
      expect(opened.root).toBe(root);
      expect(opened.manifest).toMatchObject({ title: "Weather in Seattle", capabilities: ["network:example.org"] });
      expect(opened.envelopes).toMatchObject([{ cid: envelope, isValid: true, author: { name: "Ada" } }]);
      expect((await opened.files.list()).map(({ path, size }) => [path, size])).toEqual([
        ["notebook.ipynb", 59],
        ["workspace/data/weather.csv", 13],
      ]);
      expect(await opened.files.whole("workspace/data/weather.csv", 100)).toEqual(text("day,rain\n1,2\n"));
    }
  });

  it("has one root whoever publishes it, and in whatever order its parts are given", async () => {
    const { root, envelope } = await published();
    const parts = partsOf();
    const turned = Object.fromEntries(Object.entries(parts).reverse()) as unknown as typeof parts;
    const other = await publishArtefact(
      { ...turned, content: [...parts.content].reverse() },
      new MemoryBlockStore(),
      await signerOf(2, "Bob"),
    );
    expect(other.root).toBe(root);
    expect(other.envelope).not.toBe(envelope);
    const again = await publishArtefact(partsOf({ title: "Weather in Seattle!" }), new MemoryBlockStore(), ada);
    expect(again.root).not.toBe(root);
  });

  it("is whole under its directory, which shows its files and nothing of Kroma's but one folder", async () => {
    const { store, root, envelope, directory } = await published();
    const names: string[] = [];
    for await (const { name } of listDirectory(directory, store)) names.push(name);
    expect(names).toEqual([".kroma", "notebook.ipynb", "workspace"]);
    const reached = new Set<string>();
    for await (const { cid } of walkBlocks([directory], store)) reached.add(cid);
    expect(reached.has(root) && reached.has(envelope)).toBe(true);
    const all: string[] = [];
    for await (const name of store.list()) all.push(name);
    expect(reached.size).toBe(all.length);
  });

  it("reads a file of many blocks by stretches", async () => {
    const store = new MemoryBlockStore();
    const bytes = new Uint8Array(2_500_000).map((_, index) => (index * 7919) >> 5);
    const parts = partsOf();
    const content = [...parts.content, { path: "workspace/big.bin", content: bytes }];
    const { root } = await publishArtefact({ ...parts, content }, store, ada);
    const { files } = await openArtefact(root, store, { signatures });
    expect(Buffer.compare(await files.whole("workspace/big.bin", 3_000_000), bytes)).toBe(0);
    const stretch: number[] = [];
    for await (const piece of files.read("workspace/big.bin", { offset: 1_048_570, length: 20 }))
      stretch.push(...piece);
    expect(stretch).toEqual([...bytes.subarray(1_048_570, 1_048_590)]);
    await expect(files.whole("workspace/big.bin", 1000)).rejects.toMatchObject({ code: "exhausted" });
  });
});

describe("what can't be published or opened", () => {
  it("refuses paths that lead out, and names given twice", async () => {
    const wrong = [["../a"], ["/a"], ["a//b"], ["a/."], ["a\\b"], ["a\nb"], [""], ["a", "a"], ["a", "a/b"]];
    for (const paths of wrong) {
      const parts = partsOf({ entry: "notebook.ipynb" });
      const content = [...parts.content, ...paths.map((path) => ({ path, content: text("x") }))];
      const publishing = publishArtefact({ ...parts, content }, new MemoryBlockStore(), ada);
      await expect(publishing, paths.join()).rejects.toMatchObject({ code: "invalid" });
    }
  });

  it("refuses a directory that shows something else than what was signed", async () => {
    const { store, directory } = await published();
    const other = await publishArtefact(
      partsOf({ content: [{ path: "notebook.ipynb", content: text("{}") }] }),
      store,
      ada,
    );
    const bytes = (await store.get(directory)) as Uint8Array;
    // The directory of the one with the folder ".kroma" of the other.
    const { decode, encode, prepare } = await import("@ipld/dag-pb");
    const [mine, theirs] = [decode(bytes), decode((await store.get(other.directory)) as Uint8Array)];
    const isKroma = ({ Name }: { readonly Name?: string }): boolean => Name === ".kroma";
    const mixed = prepare({
      ...(mine.Data ? { Data: mine.Data } : {}),
      Links: [...mine.Links.filter((link) => !isKroma(link)), ...theirs.Links.filter(isKroma)],
    });
    const cid = await store.put(encode(mixed), "dag-pb");
    await expect(openArtefact(cid, store, { signatures })).rejects.toMatchObject({ code: "corrupt" });
  });

  it("tells a block that is missing by its name", async () => {
    const { store, root } = await published();
    await store.remove(root);
    await expect(openArtefact(root, store, { signatures })).rejects.toMatchObject({
      code: "missing",
      details: { cid: root },
    });
  });
});
