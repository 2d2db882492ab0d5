/** Models of a notebook's cells: seen by their CID, brought along whole, and named by its artefact. */
import { describe, expect, it } from "vitest";
import { buildFiles } from "#core/artefact/files.ts";
import { linkModels, usedModels } from "#core/artefact/used-models.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { draftOf, browserOf, NOTEBOOK, madeOf, readPattern } from "./host-kit.ts";

const root = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua";
const file = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
const cell = (language: string, source: string) => ({ language, source });

describe("models that cells load", () => {
  it("are seen by their CID in every language, each once, and nowhere else", () => {
    expect(
      usedModels([
        cell("python", `import kroma\nm = kroma.ml.load("ipfs://${root}/m.onnx")`),
        cell("typescript", `const MODEL = '/ipfs/${root}/m.onnx';\nawait kroma.ml.load("${file}")`),
        cell("shell", `kroma ml run ipfs://${root} --input x=x.npy`),
        cell("markdown", `See ipfs://${file}/readme.md`),
        cell("python", "kroma.ml.load('hub:a/b/c.onnx'), kroma.ml.load('model.onnx')"),
      ]),
    ).toEqual([
      { cid: root, path: "m.onnx" },
      { cid: file, path: "" },
      { cid: root, path: "" },
    ]);
    expect(usedModels([cell("python", `print("ipfs://${root}")`)])).toEqual([]);
  });

  it("are linked with their name and size, once all of them is here", async () => {
    const theirs = new MemoryBlockStore();
    const built = await buildFiles(
      [
        { path: "a/m.onnx", content: new Uint8Array(2_000_000).fill(1) },
        { path: "a/m.data", content: new Uint8Array(500) },
      ],
      theirs,
    );
    const mine = new MemoryBlockStore();
    const names = [{ cid: built.cid, path: "a/m.onnx" }];
    expect(await linkModels(names, mine, theirs)).toEqual([{ cid: built.cid, name: "m.onnx", size: 2_000_000 }]);
    expect(await mine.has(built.entries.get("a/m.data") as string)).toBe(true);
    expect(await linkModels([{ cid: built.cid, path: "" }], mine, theirs)).toEqual([
      { cid: built.cid, name: built.cid, size: 2_000_500 },
    ]);
    await expect(linkModels(names, new MemoryBlockStore(), { get: async () => undefined })).rejects.toThrow(
      /which can't go with it: Nobody has the block/,
    );
  });
});

describe("publishing in a browser", () => {
  it("makes an artefact of a model, which is then kept, pinned and loaded by its CID", async () => {
    const { client } = await browserOf(1, "Ada");
    const draft = draftOf(0, {
      kind: "model",
      document: "https://hub.example/m.onnx",
      title: "Doubler",
      made: [],
      files: [{ path: "m.onnx", size: 2_500_000 }],
    });
    const publication = await client.publish(draft, { read: readPattern });
    const summary = await client.open(publication.root, { from: [] });
    expect(summary).toMatchObject({ kind: "model", entry: "m.onnx", title: "Doubler", isHere: true, isPinned: true });
    const name = { cid: publication.root, path: "" };
    const bytes = await client.model(name, { from: [] }, []);
    expect(Buffer.compare(bytes, await readPattern("", 0, 2_500_000))).toBe(0);
    expect(await client.models()).toMatchObject([{ ...name, name: "m.onnx", title: "Doubler", isWhole: true }]);
    // Nothing of a model waits in the panel of a notebook.
    expect((await client.kept()).unfinished).toEqual([]);
    expect(await client.publish(draft, { read: readPattern })).toMatchObject({ root: publication.root, isKnown: true });
  });

  it("has a notebook's artefact name its models, so that they are kept with it", async () => {
    const { client, blocks } = await browserOf(1, "Ada");
    const { cid } = await buildFiles([{ path: "m.onnx", content: new Uint8Array(100_000).fill(3) }], blocks);
    const publication = await client.publish(
      draftOf(0, { made: madeOf(NOTEBOOK), models: [{ cid, path: "m.onnx" }] }),
      {
        read: readPattern,
      },
    );
    await client.collect([]);
    expect(await blocks.has(cid)).toBe(true);
    await client.unpin(publication.directory);
    await client.collect([]);
    expect(await blocks.has(cid)).toBe(false);
    const gone = client.publish(draftOf(0, { version: "2", models: [{ cid, path: "m.onnx" }] }), { read: readPattern });
    await expect(gone).rejects.toThrow(/can't go with it/);
  });
});
