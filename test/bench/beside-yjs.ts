/**
 * What the notebook's document costs beside Yjs on the same edits: a thousand cells, typed into in bursts. Yjs (without
 * its history) is the fastest of its kind; ours keeps every change with its author, so it may cost more, but not too much.
 */
import { setTimeout as after } from "node:timers/promises";
import * as Y from "yjs";
import type { NotebookClient } from "#core/notebook/client.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import { BreakableStore, newCell, openWith, saved, startHost } from "../unit/notebook/kit.ts";
import type { Figure } from "./run.ts";

const CELLS = 1000;
const BURSTS = 5000;
/** Keys of a burst. */
const KEYS = 20;
const LETTERS = "the quick brown fox jumps";

/** The same cells in the same order for both: a linear congruential generator (Numerical Recipes). */
function cellsOfBursts(seed: number, count: number): readonly number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % CELLS;
  });
}

const sourceOf = (index: number): string => `x${index} = ${index}\n`;
const letter = (key: number): string => LETTERS[key % LETTERS.length] ?? "x";

/** CPU milliseconds of this process for some work. */
async function cost(work: () => void | Promise<void>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Types as a person does in a hurry: each burst becomes a change of its own. */
async function typeInto(host: DocumentHost, client: NotebookClient, bursts: readonly number[]): Promise<void> {
  const texts = client.notebook.cells.map(({ id, source, textVersion }) => ({ id, source, version: textVersion }));
  for (const index of bursts) {
    const text = texts[index];
    if (!text) throw new Error("the notebook has this cell");
    for (let key = 0; key < KEYS; key += 1) {
      const changes = [text.source.length, [0, letter(key)]] as const;
      text.source += letter(key);
      const isTaken = await client.edit(text.id, text.version, [{ client: "me", changes }], () => text.source);
      if (!isTaken) throw new Error("nobody else types");
      text.version += 1;
    }
    await host.heads(client.document);
  }
  await saved(client);
}

interface Costs {
  readonly key: number;
  readonly bytes: number;
  readonly load: number;
  readonly merge: number;
}

async function ours(): Promise<Costs> {
  const cells = Array.from({ length: CELLS }, (_, index) => newCell(`c${index}`, sourceOf(index)));
  const store = new BreakableStore();
  const first = startHost({ store });
  const mine = await openWith(first.library, cells);
  const { document } = mine;
  await saved(mine);
  // Another copy of the same beginning, with edits of its own.
  const otherStore = new BreakableStore();
  await otherStore.write({ put: await store.loadRange([]) });
  const other = startHost({ store: otherStore });
  const others = await other.library.open(document);
  // What it opens with is what was kept for the first screen.
  while (others.notebook.cells.length < CELLS) await after(10);
  await typeInto(other.host, others, cellsOfBursts(2, BURSTS / 2));
  const key = (await cost(() => typeInto(first.host, mine, cellsOfBursts(1, BURSTS)))) / (BURSTS * KEYS);
  // It puts its pieces together when nobody types.
  await after(2000);
  const changes = await other.host.changesSince(document, await first.host.heads(document));
  await first.host.close();
  // The document itself: what is kept beside it for the first screen can be made again.
  const kept = await store.loadRange(["document"]);
  const bytes = kept.reduce((sum, [, value]) => sum + value.length, 0);
  const again = startHost({ store });
  const load = await cost(async () => {
    await again.library.open(document);
    await again.host.heads(document);
  });
  const merge = await cost(() => again.host.applyChanges(document, changes));
  for (const { host } of [other, again]) await host.close();
  return { key, bytes, load, merge };
}

function textOf(doc: Y.Doc, index: number): Y.Text {
  return doc.getArray<Y.Map<unknown>>("cells").get(index).get("source") as Y.Text;
}

function typeIntoYjs(doc: Y.Doc, bursts: readonly number[]): void {
  for (const index of bursts) {
    const text = textOf(doc, index);
    for (let key = 0; key < KEYS; key += 1) text.insert(text.length, letter(key));
  }
}

async function theirs(): Promise<Costs> {
  const doc = new Y.Doc();
  doc.transact(() => {
    const cells = Array.from({ length: CELLS }, (_, index) => {
      const cell = new Y.Map<unknown>();
      cell.set("id", `c${index}`);
      cell.set("type", "code");
      cell.set("source", new Y.Text(sourceOf(index)));
      cell.set("outputs", new Y.Array());
      return cell;
    });
    doc.getArray("cells").push(cells);
  });
  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  typeIntoYjs(other, cellsOfBursts(2, BURSTS / 2));
  // Each key is an update that would go to a store and to peers.
  let sent = 0;
  doc.on("update", (update: Uint8Array) => (sent += update.length));
  const key = (await cost(() => typeIntoYjs(doc, cellsOfBursts(1, BURSTS)))) / (BURSTS * KEYS);
  if (sent === 0) throw new Error("Yjs gave no update");
  const stored = Y.encodeStateAsUpdate(doc);
  const again = new Y.Doc();
  const load = await cost(() => {
    Y.applyUpdate(again, stored);
    for (let index = 0; index < CELLS; index += 1) textOf(again, index).toJSON();
  });
  const changes = Y.encodeStateAsUpdate(other, Y.encodeStateVector(again));
  const merge = await cost(() => Y.applyUpdate(again, changes));
  return { key, bytes: stored.length, load, merge };
}

export async function benchBesideYjs(): Promise<readonly Figure[]> {
  const [yjs, kroma] = [await theirs(), await ours()];
  const detail = (what: (costs: Costs) => number, unit: string): string =>
    `${what(kroma).toFixed(3)} ${unit} beside Yjs's ${what(yjs).toFixed(3)}; ${CELLS} cells, ${BURSTS * KEYS} keys`;
  return [
    {
      name: "a key, beside Yjs",
      value: kroma.key / yjs.key,
      unit: "×",
      goal: 10,
      detail: detail(({ key }) => key, "ms of CPU"),
    },
    {
      name: "bytes kept, beside Yjs",
      value: kroma.bytes / yjs.bytes,
      unit: "×",
      goal: 1,
      detail: detail(({ bytes }) => bytes / 1000, "kB"),
    },
    {
      name: "opening, beside Yjs",
      value: kroma.load / yjs.load,
      unit: "×",
      goal: 10,
      detail: detail(({ load }) => load, "ms of CPU"),
    },
    {
      name: "a merge, beside Yjs",
      value: kroma.merge / yjs.merge,
      unit: "×",
      goal: 20,
      detail: `${detail(({ merge }) => merge, "ms of CPU")}, half as many of another`,
    },
  ];
}
