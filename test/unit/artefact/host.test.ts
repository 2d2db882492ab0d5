import { afterEach, describe, expect, it } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import type { Draft } from "#core/artefact/messages.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { browserOf, closeGateways, draftOf, gatewayOf, madeOf, NOTEBOOK, readPattern } from "./host-kit.ts";
import { text } from "./kit.ts";

afterEach(closeGateways);
const NO_HINTS = { from: [] };
const SIZE = 3_500_000;
/** Compared outside the matcher, which is slow on many bytes. */
const isPattern = async (bytes: Uint8Array): Promise<boolean> =>
  Buffer.compare(bytes, await readPattern("", 0, SIZE)) === 0;

describe("Artefacts of a browser", () => {
  it("publishes, keeps what it published, and knows its own hand", async () => {
    const { client } = await browserOf(1, "Ada");
    const told: number[] = [];
    const published = await client.publish(draftOf(SIZE), {
      read: readPattern,
      progress: ({ bytes }) => told.push(bytes),
    });
    expect(told.length).toBeGreaterThan(0);
    for (const cid of [published.root, published.envelope, published.directory]) {
      const summary = await client.open(cid, NO_HINTS);
      expect(summary).toMatchObject({
        root: published.root,
        title: "Weather",
        isHere: true,
        isPinned: true,
        broken: 0,
      });
      expect(summary.signed).toMatchObject([{ claimed: "Ada", standing: "you" }]);
      expect(summary.files.map(({ path }) => path)).toEqual(
        expect.arrayContaining(["index.html", "notebook.ipynb", "workspace/data/numbers.bin"]),
      );
    }
    expect(await client.read(published.root, "notebook.ipynb")).toEqual(NOTEBOOK);
    expect(await isPattern(await client.read(published.root, "workspace/data/numbers.bin"))).toBe(true);
    expect(await client.kept()).toMatchObject({
      artefacts: [{ cid: published.directory, title: "Weather", isOwn: true, isWhole: true }],
      unfinished: [],
    });
  });

  it("calls the same notebook the same, and a changed one a version that comes from it", async () => {
    const { client } = await browserOf(1, "Ada");
    const first = await client.publish(
      draftOf(0, { parents: ["bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"] }),
      {
        read: readPattern,
      },
    );
    expect(first.isKnown).toBeUndefined();
    const again = await client.publish(draftOf(0), { read: readPattern });
    expect(again).toMatchObject({ root: first.root, isKnown: true });
    const changed = await client.publish(draftOf(0, { made: madeOf(text("{}")), version: "1.0.1" }), {
      read: readPattern,
    });
    expect(changed.parents).toEqual([first.root]);
    expect((await client.open(changed.root, NO_HINTS)).parents).toEqual([first.root]);
    expect((await client.publications("document-1")).map(({ root }) => root)).toEqual([changed.root, first.root]);
  });

  it("names it as any other browser does, whoever publishes it", async () => {
    const [ada, ben] = [await browserOf(1, "Ada"), await browserOf(2, "Ben")];
    const one = await ada.client.publish(draftOf(SIZE), { read: readPattern });
    const other = await ben.client.publish(draftOf(SIZE), { read: readPattern });
    expect(other.root).toBe(one.root);
    expect(other.envelope).not.toBe(one.envelope);
  });

  it("goes on after it was cut off, and leaves nothing half published", async () => {
    const whole = await (await browserOf(1, "Ada")).client.publish(draftOf(SIZE), { read: readPattern });
    const before = await browserOf(1, "Ada");
    const stop = new AbortController();
    const cut = before.client.publish(draftOf(SIZE), {
      signal: stop.signal,
      read: (path, offset, length) => {
        if (offset > 2_000_000) stop.abort();
        return readPattern(path, offset, length);
      },
    });
    await expect(cut).rejects.toMatchObject({ code: "aborted" });
    // The tab is closed; later another one looks.
    const { client } = await browserOf(1, "Ada", before);
    expect(await client.kept()).toMatchObject({
      artefacts: [],
      unfinished: [{ document: "document-1", title: "Weather" }],
    });
    const draft = await client.unfinished("document-1");
    expect(draft).toEqual(draftOf(SIZE));
    if (draft) expect((await client.publish(draft, { read: readPattern })).root).toBe(whole.root);
    expect((await client.kept()).unfinished).toEqual([]);
  });

  it("reads and stores nothing twice after it was cut off or the disk was full, unless the file was written since", async () => {
    const LONG = 40 * 2 ** 20;
    const whole = await (await browserOf(1, "Ada")).client.publish(draftOf(LONG), { read: readPattern });
    const before = await browserOf(1, "Ada");
    const put = before.blocks.put.bind(before.blocks);
    let room = 30;
    before.blocks.put = async (bytes, codec) => {
      if (bytes.length > 2 ** 19 && room-- <= 0) throw new KromaError("exhausted", "The disk is full.");
      return put(bytes, codec);
    };
    const full = before.client.publish(draftOf(LONG), { read: readPattern });
    await expect(full).rejects.toMatchObject({ code: "exhausted" });
    before.blocks.put = put;
    // Room is made, and the tab was closed in between: what is there stays, though nothing is pinned.
    const { client } = await browserOf(1, "Ada", before);
    await client.collect([]);
    const draft = await client.unfinished("document-1");
    const asked: number[] = [];
    const read = (path: string, offset: number, length: number) => {
      asked.push(offset);
      return readPattern(path, offset, length);
    };
    const again = await client.publish(draft as Draft, { read });
    expect(again.root).toBe(whole.root);
    expect(Math.min(...asked)).toBe(30 * 2 ** 20);
    expect(asked.length).toBe(10);
    // Nothing is remembered of what is published, and nothing of a file that is another by now.
    expect(await before.documents.loadRange(["leaves"])).toEqual([]);
    const stop = new AbortController();
    const changed = draftOf(LONG, { document: "other" });
    const cut = client.publish(changed, {
      signal: stop.signal,
      read: (path, offset, length) => {
        if (offset > 30 * 2 ** 20) stop.abort();
        return readPattern(path, offset, length);
      },
    });
    await expect(cut).rejects.toMatchObject({ code: "aborted" });
    expect(await before.documents.loadRange(["leaves"])).toHaveLength(1);
    asked.length = 0;
    await client.publish({ ...changed, files: changed.files.map((file) => ({ ...file, modified: 2 })) }, { read });
    expect(Math.min(...asked)).toBe(0);
  });

  it("says why a file that changes meanwhile can't be published", async () => {
    const { client } = await browserOf(1, "Ada");
    const reading = client.publish(draftOf(SIZE), { read: async () => new Uint8Array() });
    await expect(reading).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("numbers.bin"),
    });
  });

  it("travels as a .car file to somebody who never saw the author", async () => {
    const [ada, ben] = [await browserOf(1, "Ada"), await browserOf(2, "Ben")];
    const { directory, root } = await ada.client.publish(draftOf(SIZE), { read: readPattern });
    const file = await ada.client.exportCar(directory);
    const cids = await ben.client.importCar(file);
    expect(cids).toEqual([directory, root]);
    const summary = await ben.client.open(directory, NO_HINTS);
    expect(summary).toMatchObject({ root, isHere: true, isPinned: false });
    expect(summary.signed).toMatchObject([{ claimed: "Ada", standing: "new" }]);
    await ben.client.pin(directory);
    expect((await ben.client.kept()).artefacts).toMatchObject([{ cid: directory, isOwn: false, isWhole: true }]);
    const again = await ben.client.exportCar(directory);
    expect(Buffer.compare(await again.bytes(), await file.bytes())).toBe(0);
  });

  it("knows remembered authors by their keys, and warns of their names on others'", async () => {
    const [ada, mallory, ben] = await Promise.all([browserOf(1, "Ada"), browserOf(3, "A-DA"), browserOf(2, "Ben")]);
    const genuine = await ada.client.publish(draftOf(0), { read: readPattern });
    const forged = await mallory.client.publish(draftOf(0, { made: madeOf(text("[]")) }), { read: readPattern });
    const own = await (await browserOf(4, "Ben")).client.publish(draftOf(0, { title: "Other" }), { read: readPattern });
    await ben.client.importCar(await ada.client.exportCar(genuine.directory));
    await ben.client.importCar(await mallory.client.exportCar(forged.directory));
    const standing = async (cid: string) => (await ben.client.open(cid, NO_HINTS)).signed[0];
    const first = await standing(genuine.root);
    expect(first).toMatchObject({ standing: "new" });
    await ben.client.remember(first?.author ?? "", "Ada", "Ada from school");
    expect(await standing(genuine.root)).toMatchObject({ standing: "known", petname: "Ada from school" });
    expect(await standing(forged.root)).toMatchObject({ standing: "impostor" });
    expect(own.root).not.toBe(genuine.root);
    await ben.client.remember(first?.author ?? "", "Ada", undefined);
    expect(await standing(genuine.root)).toMatchObject({ standing: "new" });
  });

  it("is fetched from gateways of which one lies, one is silent, one never ends and one has half of it", async () => {
    const ada = await browserOf(1, "Ada");
    const { directory, root } = await ada.client.publish(draftOf(SIZE), { read: readPattern });
    const liar = await gatewayOf(ada.blocks, (_, response) => Boolean(response.end("something else")));
    const silent = await gatewayOf(ada.blocks, () => true);
    const endless = await gatewayOf(ada.blocks, (_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(new Uint8Array(65_536)));
      };
      response.on("drain", more);
      more();
      return true;
    });
    let count = 0;
    const half = await gatewayOf(ada.blocks, (_, response) =>
      count++ % 2 ? Boolean(response.writeHead(404).end()) : false,
    );
    const good = await gatewayOf(ada.blocks);
    const { client } = await browserOf(2, "Ben");
    const from = [liar, silent, endless, half, good].map(({ address }) => address);
    expect(await client.open(directory, { from })).toMatchObject({ root, isHere: false });
    await client.fetch(directory, { from });
    expect(await client.open(directory, NO_HINTS)).toMatchObject({ root, isHere: true });
    expect(await isPattern(await client.read(root, "workspace/data/numbers.bin"))).toBe(true);
    // The one that lies is asked no more than are under way at once, and not for each block.
    expect(liar.asked.length).toBeLessThan(8);
  });

  it("goes on fetching where it was cut off, and asks for nothing twice", async () => {
    const ada = await browserOf(1, "Ada");
    const { directory } = await ada.client.publish(draftOf(SIZE), { read: readPattern });
    let left = 4;
    const tired = await gatewayOf(ada.blocks, (_, response) =>
      left-- > 0 ? false : Boolean(response.writeHead(404).end()),
    );
    const { client } = await browserOf(2, "Ben");
    await expect(client.fetch(directory, { from: [tired.address] })).rejects.toMatchObject({ code: "missing" });
    const good = await gatewayOf(ada.blocks);
    await client.fetch(directory, { from: [good.address] });
    const had = new Set(tired.asked.slice(0, 4));
    expect(good.asked.filter((cid) => had.has(cid))).toEqual([]);
    expect((await client.open(directory, NO_HINTS)).isHere).toBe(true);
  });

  it("says who can't be reached when nobody has it", async () => {
    const { client } = await browserOf(2, "Ben");
    const empty = await gatewayOf(new MemoryBlockStore());
    const cid = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua";
    await expect(client.open(cid, { from: [empty.address] })).rejects.toMatchObject({ code: "missing" });
    await expect(client.open(cid, { from: ["http://127.0.0.1:9"] })).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("127.0.0.1:9"),
    });
  });

  it("gives back room, but not what is pinned or what an open notebook came from", async () => {
    const { client, blocks } = await browserOf(1, "Ada");
    const [one, two, three] = [
      await client.publish(draftOf(SIZE), { read: readPattern }),
      await client.publish(draftOf(0, { document: "b", title: "B" }), { read: readPattern }),
      await client.publish(draftOf(0, { document: "c", title: "C" }), { read: readPattern }),
    ];
    await client.unpin(one.directory);
    await client.unpin(two.directory);
    expect(await client.collect([two.root])).toBeGreaterThan(3);
    expect(await blocks.has(one.root)).toBe(false);
    expect((await client.open(two.root, NO_HINTS)).signed).toMatchObject([{ standing: "you" }]);
    expect(await client.open(three.directory, NO_HINTS)).toMatchObject({ isHere: true, isPinned: true });
  });

  it("has a model from the people of a notebook first, goes on with a gateway, and gives no more than that model", async () => {
    const ana = await browserOf(1, "Ada");
    const size = 5 * 2 ** 20;
    const model = { kind: "model", document: "m", files: [{ path: "model.onnx", size }], made: [] } as const;
    const { root } = await ana.client.publish(draftOf(0, model), { read: readPattern });
    const other = await ana.client.publish(draftOf(3 * 2 ** 20), { read: readPattern });
    const name = { cid: root, path: "" };
    const gateway = await gatewayOf(ana.blocks);
    let left = 4;
    const asked: unknown[] = [];
    const ben = await browserOf(2, "Ben", undefined, undefined, async (cid, where) => {
      asked.push(where);
      return left-- > 0 ? ana.client.modelBlock(name, cid) : undefined;
    });
    const hints = { from: [gateway.address], notebook: "document-1" };
    const bytes = await ben.client.model(name, hints, []);
    expect(Buffer.compare(bytes, await readPattern("", 0, size))).toBe(0);
    expect(asked).toContainEqual({ notebook: "document-1" });
    expect(asked.length - gateway.asked.length).toBe(4);
    expect(await ben.client.models()).toMatchObject([{ cid: root, isFromPeople: true, isWhole: true }]);
    // Ben has it now, and gives it on; what else Ana has is not given as this model's.
    expect(await ben.client.modelBlock(name, root)).toEqual(await ana.client.block(root));
    expect(await ana.client.modelBlock(name, other.root)).toBeUndefined();
    expect(await ana.client.modelBlock({ cid: other.root, path: "" }, other.root)).toBeUndefined();
  });

  it("tells the other tabs of the browser that what is kept has changed", async () => {
    const told = new EventTarget();
    const tab = () => ({
      tell: () => void told.dispatchEvent(new Event("message")),
      onTold: (listener: () => void) => told.addEventListener("message", listener),
    });
    const one = await browserOf(1, "Ada", undefined, tab());
    const other = await browserOf(1, "Ada", one, tab());
    const heard = new Promise<void>((resolve) => other.client.onKeptChanged(resolve));
    await one.client.publish(draftOf(0), { read: readPattern });
    await heard;
    expect((await other.client.kept()).artefacts).toMatchObject([{ title: "Weather" }]);
  });
});
