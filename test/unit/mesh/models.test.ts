/** Models between people, over links in one process, with real keys: SPEC.md, chapter "Models". */
import { afterEach, describe, expect, it } from "vitest";
import type { DocumentId } from "#core/base/ids.ts";
import { blockCid } from "#core/store/cid.ts";
import { newCell, openWith } from "../notebook/kit.ts";
import { letIn, link, person, until, type Person } from "./people.ts";

const people: Person[] = [];
afterEach(async () => {
  for (const someone of people.splice(0)) await someone.close();
});
const meet = async (name: string): Promise<Person> => {
  const someone = await person(name);
  people.push(someone);
  return someone;
};

const ADDRESS = "https://models.example/ada/tiny/resolve/main/model.onnx";
/** So many different blocks, by their CIDs. */
async function blocksOf(count: number): Promise<ReadonlyMap<string, Uint8Array>> {
  const blocks = new Map<string, Uint8Array>();
  for (let index = 0; index < count; index++) {
    const bytes = new Uint8Array(50_000).fill(index + 1);
    blocks.set(await blockCid(bytes), bytes);
  }
  return blocks;
}

/** Offers blocks as one model, and counts those that were given. */
function offer(
  who: Person,
  document: DocumentId,
  blocks: ReadonlyMap<string, Uint8Array>,
): { readonly given: string[] } {
  const given: string[] = [];
  const [cid = ""] = blocks.keys();
  who.offers.set(document, {
    models: [{ address: ADDRESS, cid, size: 50_000 * blocks.size }],
    async block(wanted) {
      if (blocks.has(wanted)) given.push(wanted);
      return blocks.get(wanted)?.slice();
    },
  });
  who.mesh.modelsChanged(document);
  return { given };
}

const offered = (who: Person, document: DocumentId): readonly string[] =>
  who.mesh.notebook(document)?.models.map(({ member }) => member) ?? [];

/** Ana's notebook, that the others are in; all of them are linked with Ben. */
async function room() {
  const [ana, ben, cleo] = [await meet("Ana"), await meet("Ben"), await meet("Cleo")];
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  await ana.mesh.share(mine.document, "Ana");
  const { document } = mine;
  const withAna = link(ana, ben);
  await letIn(ana, ben, document, "reader");
  link(ana, cleo);
  await letIn(ana, cleo, document);
  return { ana, ben, cleo, document, withAna };
}

describe("models", () => {
  it("come from all who have them, and from nobody once they have gone (D1, D3)", async () => {
    const { ana, ben, cleo, document, withAna } = await room();
    const blocks = await blocksOf(30);
    const fromAna = offer(ana, document, blocks);
    link(ben, cleo);
    const fromCleo = offer(cleo, document, blocks);
    await until(() => offered(ben, document).length === 2, "Ben knows what both have");
    expect(ben.mesh.notebook(document)?.models[0]?.models).toEqual([
      { address: ADDRESS, cid: [...blocks.keys()][0], size: 1_500_000 },
    ]);
    const asked = [...blocks].map(async ([cid, bytes]) => {
      const came = await ben.mesh.notebook(document)?.modelBlock(cid);
      expect(came && Buffer.compare(came, bytes)).toBe(0);
    });
    await Promise.all(asked);
    expect(fromAna.given.length).toBeGreaterThan(5);
    expect(fromCleo.given.length).toBeGreaterThan(5);
    expect(fromAna.given.length + fromCleo.given.length).toBe(30);
    // What neither offers is given by neither.
    const other = [...(await blocksOf(31)).keys()][30] ?? "";
    expect(await ben.mesh.notebook(document)?.modelBlock(other)).toBeUndefined();
    cleo.offers.delete(document);
    cleo.mesh.modelsChanged(document);
    withAna.cut();
    await until(() => offered(ben, document).length === 0, "nobody offers anything any more");
    expect(await ben.mesh.notebook(document)?.modelBlock([...blocks.keys()][0] ?? "")).toBeUndefined();
  });

  it("are not taken from one who sends something else: another is asked (D4)", async () => {
    const { ana, ben, cleo, document } = await room();
    const blocks = await blocksOf(1);
    const [cid = ""] = blocks.keys();
    offer(ana, document, new Map([[cid, new Uint8Array(50_000).fill(99)]]));
    await until(() => offered(ben, document).length === 1, "Ben knows what Ana says");
    const early = ben.mesh.notebook(document)?.modelBlock(cid);
    expect(await early).toBeUndefined();
    await until(() => ben.mesh.peers.length === 0, "Ben is not linked with Ana any more");
    expect(ben.mesh.troubles.at(-1)).toMatch(/another part of a model/);
    offer(cleo, document, blocks);
    link(ben, cleo);
    await until(() => offered(ben, document).length === 1, "Ben knows what Cleo has");
    expect(await ben.mesh.notebook(document)?.modelBlock(cid)).toEqual(blocks.get(cid));
  });

  it("are for members: whoever is removed hears of none and gets none, and a stranger never does (S16)", async () => {
    const { ana, ben, cleo, document } = await room();
    const blocks = await blocksOf(1);
    const [cid = ""] = blocks.keys();
    const { given } = offer(ana, document, blocks);
    await until(() => offered(ben, document).length === 1 && offered(cleo, document).length === 1, "both know");
    await ana.mesh.remove(document, ben.mesh.me);
    await until(() => ben.mesh.notebook(document)?.trouble !== undefined, "Ben knows that he is out");
    // His program does not give up: it asks all the same, and is told that there is nothing.
    const theirs = ben.mesh.peers.find(({ id }) => id === ana.mesh.me);
    theirs?.send({ type: "want", document, cid });
    const dan = await meet("Dan");
    link(dan, ana);
    await until(() => dan.mesh.peers.length === 1, "Dan is linked with Ana");
    dan.mesh.peers[0]?.send({ type: "want", document, cid });
    expect(await cleo.mesh.notebook(document)?.modelBlock(cid)).toEqual(blocks.get(cid));
    expect(await ben.mesh.notebook(document)?.modelBlock(cid)).toBeUndefined();
    // Links are in order: once Ana has heard this of Dan, she has heard what he wanted before.
    const before = ana.mesh.peers.find(({ id }) => id === dan.mesh.me)?.bytes.received ?? 0;
    dan.mesh.peers[0]?.send({ type: "want", document, cid });
    await until(
      () => (ana.mesh.peers.find(({ id }) => id === dan.mesh.me)?.bytes.received ?? 0) > before,
      "Ana has heard Dan",
    );
    expect(given).toEqual([cid]);
  });
});
