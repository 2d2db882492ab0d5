/** Models by CID: found in every shape that content has, fetched once, on where they stopped, and given up for room in order. */
import { describe, expect, it } from "vitest";
import { KeptModels } from "#core/artefact/kept-models.ts";
import { buildFiles } from "#core/artefact/files.ts";
import { publishArtefact } from "#core/artefact/publish.ts";
import { KromaError } from "#core/base/errors.ts";
import { collectGarbage, Pins } from "#core/store/pins.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";
import type { BlockSource } from "#core/store/stores.ts";
import { signerOf } from "./kit.ts";
import { failure, variedBytes } from "../kit.ts";

const MIB = 2 ** 20;
const never = new AbortController().signal;
const NOTHING: BlockSource = { get: async () => undefined };

interface Place {
  readonly models: KeptModels;
  readonly blocks: MemoryBlockStore;
  /** What a browser has beside it. */
  room: number | undefined;
  readonly collect: () => Promise<unknown>;
}

function placeOf(): Place {
  const [blocks, documents] = [new MemoryBlockStore(), new MemoryDocStore()];
  let time = 0;
  const place: Place = {
    blocks,
    room: undefined,
    models: new KeptModels({ blocks, documents, now: () => ++time, room: async () => place.room, largest: 100 * MIB }),
    collect: async () => collectGarbage(blocks, new Pins(documents), await place.models.roots()),
  };
  return place;
}

/** A source that counts the bytes it gives, and fails after so many blocks. */
function counted(source: BlockSource): BlockSource & { bytes: number; failAfter: number } {
  const counting = {
    bytes: 0,
    failAfter: Infinity,
    async get(cid: string): Promise<Uint8Array | undefined> {
      if (--counting.failAfter < 0) throw new KromaError("unavailable", "the gateway is silent.");
      const found = await source.get(cid);
      counting.bytes += found?.length ?? 0;
      return found;
    },
  };
  return counting;
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;

async function published(content: Uint8Array, entry = "model.onnx") {
  const blocks = new MemoryBlockStore();
  const made = await publishArtefact(
    {
      kind: "model",
      name: "doubler",
      version: "1.0.0",
      title: "Doubler",
      authors: [{ name: "Ada" }],
      licence: "MIT",
      entry,
      environment: { packages: [], npm: [] },
      models: [],
      prompts: [],
      capabilities: [],
      parents: [],
      content: [
        { path: entry, content },
        { path: entry.replace(/[^/]*$/, "weights.bin"), content: variedBytes(5) },
      ],
    },
    blocks,
    await signerOf(1, "Ada"),
  );
  return { blocks, ...made };
}

describe("a model by its CID", () => {
  it("is a file, a file in a folder, or what a model's artefact opens, by each of its names", async () => {
    const content = variedBytes(3 * MIB + 7);
    const { blocks, root, directory, envelope } = await published(content, "onnx/model.onnx");
    const { models, collect } = placeOf();
    const get = (cid: string, path = "") => models.get({ cid, path }, blocks, { signal: never, collect });
    for (const cid of [root, directory, envelope]) expect(isSame(await get(cid), content), cid).toBe(true);
    expect(isSame(await get(directory, "onnx/model.onnx"), content)).toBe(true);
    // What a model names beside itself is beside its entry.
    expect(isSame(await get(root, "weights.bin"), variedBytes(5))).toBe(true);
    const files = await buildFiles([{ path: "m.onnx", content }], blocks);
    const file = files.entries.get("m.onnx") as string;
    expect(isSame(await get(file), content)).toBe(true);
    const [kept] = (await models.list()).filter(({ cid, path }) => cid === root && path === "");
    expect(kept).toMatchObject({
      name: "model.onnx",
      size: content.length,
      title: "Doubler",
      licence: "MIT",
      isWhole: true,
      file,
    });

    expect(await failure(get(files.cid))).toMatch(
      /^invalid: .* is a folder: say which file of it\. It has "m\.onnx"\.$/,
    );
    expect(await failure(get(files.cid, "other.onnx"))).toMatch(/^missing: There is no file "other\.onnx"/);
  });

  it("goes on where it stopped, and is not fetched again", async () => {
    const content = variedBytes(12 * MIB);
    const { blocks, root } = await published(content);
    const { models, collect } = placeOf();
    const gateway = counted(blocks);
    gateway.failAfter = 8;
    const get = (progress?: (bytes: number, total: number) => void) =>
      models.get({ cid: root, path: "" }, gateway, { signal: never, collect, ...(progress ? { progress } : {}) });
    expect(await failure(get())).toBe("unavailable: the gateway is silent.");
    expect(await models.list()).toMatchObject([{ size: content.length, isWhole: false }]);
    gateway.failAfter = Infinity;
    const told: (readonly [number, number])[] = [];
    expect(isSame(await get((bytes, total) => told.push([bytes, total])), content)).toBe(true);
    expect(told.at(-1)).toEqual([content.length, content.length]);
    const once = gateway.bytes;
    expect(once).toBeLessThan(content.length + 10_000);
    expect(isSame(await models.get({ cid: root, path: "" }, NOTHING, { signal: never, collect }), content)).toBe(true);
    expect(gateway.bytes).toBe(once);
    expect(await models.list()).toMatchObject([{ isWhole: true }]);
  });

  it("is refused when a block is another one, and keeps nothing of that", async () => {
    const { blocks, root } = await published(variedBytes(2 * MIB));
    const { models, collect } = placeOf();
    const lying: BlockSource = {
      get: async (cid) => (cid.startsWith("bafkrei") ? variedBytes(MIB, 99) : blocks.get(cid)),
    };
    expect(await failure(models.get({ cid: root, path: "" }, lying, { signal: never, collect }))).toMatch(
      /^corrupt: What came as the block bafkrei.* is something else\.$/,
    );
    expect(await models.list()).toMatchObject([{ isWhole: false }]);
  });

  it("is given up for room when it was not wanted for longest, unless it is pinned", async () => {
    const place = placeOf();
    const { models, collect, blocks } = place;
    const made = await Promise.all([1, 2, 3].map((seed) => published(variedBytes(2 * MIB, seed))));
    const [first, second, third] = made.map(({ root }) => ({ cid: root, path: "" }));
    const get = (name: { cid: string; path: string }, index: number) =>
      models.get(name, made[index]!.blocks, { signal: never, collect });
    await get(first!, 0);
    await get(second!, 1);
    await models.setPinned(first!, true);
    place.room = 32 * MIB;
    await get(third!, 2);
    expect((await models.list()).map(({ cid }) => cid)).toEqual([third!.cid, first!.cid]);
    expect(await blocks.has(second!.cid)).toBe(false);
    expect(await models.list()).toMatchObject([{ isWhole: true }, { isWhole: true }]);
    place.room = 0;
    await models.setPinned(third!, true);
    expect(await failure(get(second!, 1))).toBe(
      "exhausted: The model has 3 MB, and there is room for 0 MB. Remove something first.",
    );
    await models.remove(third!);
    await collect();
    expect(await blocks.has(third!.cid)).toBe(false);
  });
});
