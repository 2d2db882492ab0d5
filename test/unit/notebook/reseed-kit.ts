/** Peers who have one notebook, each in the document in which it goes on for them, without a host or a link. */
import * as Automerge from "@automerge/automerge";
import type { RunId } from "#core/base/ids.ts";
import { blockCid } from "#core/store/cid.ts";
import { applyOperations } from "#core/notebook/document-operations.ts";
import {
  allPlaced,
  cellOrder,
  findRecord,
  isHidden,
  sourceOf,
  textOf,
  type NotebookDocument,
  type NotebookRecord,
} from "#core/notebook/document.ts";
import type { Notebook, NotebookOperation, Run } from "#core/notebook/model.ts";
import { readPast } from "#core/notebook/past.ts";
import { canonicalSave } from "#core/notebook/reseed/canonical-save.ts";
import { carry, shorten } from "#core/notebook/reseed/carry.ts";
import { chainOf, compareChains, FIRST_CHAIN, type Chain } from "#core/notebook/reseed/chain.ts";
import type { RunBody } from "#core/notebook/run-body.ts";
import { expect } from "vitest";
import { newCell, newRun } from "./kit.ts";

/** Somebody who has the notebook: which documents it was for them, and the present one. */
export interface Peer {
  chain: Chain;
  document: NotebookDocument;
  readonly undo: { readonly operations: readonly NotebookOperation[]; readonly tokens: readonly string[] }[];
}

/** Of former documents. */
const blocks = new Map<string, Uint8Array>();

/** Of the order in which changes are given. */
let shuffles = 0;

/** From now on changes are given in an order that this number decides. */
export function shuffleWith(seed: number): void {
  shuffles = seed >>> 0;
}

/** Somebody who has this document, and nothing else yet. */
export const peerWith = (document: NotebookDocument): Peer => ({
  chain: FIRST_CHAIN,
  document: Automerge.load<NotebookRecord>(Automerge.save(document)),
  undo: [],
});

export const present = (document: NotebookDocument): Notebook =>
  readPast(document, Automerge.getHeads(document)).notebook;

export function notebookWith(source: string): Notebook {
  const cell = { ...newCell("start", source), textVersion: 0, metadata: {}, run: undefined };
  return { title: "", language: "python", metadata: {}, cells: [cell] };
}

export function change(
  peer: Peer,
  operations: readonly NotebookOperation[],
  time: number,
  seed: number,
): readonly NotebookOperation[] {
  const runs = new Map<RunId, RunBody>();
  for (const operation of operations) {
    if (operation.type === "set_run")
      runs.set(operation.run.id, { json: JSON.stringify({ outputs: operation.run.outputs }) });
  }
  let state = seed;
  const { document, inverse } = applyOperations(peer.document, operations, {
    run: (cell): Run | undefined => {
      const run = textOf(findRecord(peer.document, cell)?.run);
      return run === "" ? undefined : newRun(run, "out");
    },
    bodies: runs,
    changesSince: () => undefined,
    random: () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32,
    time,
  });
  peer.document = document;
  return inverse;
}

/** The peer goes on as a new document; what it shows is the same, and so is what it could bring back. */
export async function reseed(peer: Peer): Promise<void> {
  const { document } = peer;
  const moved = await shorten(document, async (bytes) => {
    const cid = await blockCid(bytes);
    blocks.set(cid, bytes);
    return cid;
  });
  peer.document = moved.document;
  peer.chain = chainOf(moved.document);
  expect(peer.chain.seed).toBe(moved.seed);
  expect(readPast(peer.document, Automerge.getHeads(peer.document))).toEqual(
    readPast(document, Automerge.getHeads(document)),
  );
  expect(cellOrder(peer.document)).toEqual(cellOrder(document));
  for (const { id } of allPlaced(document)) {
    const [was, is] = [findRecord(document, id), findRecord(peer.document, id)];
    expect(is && sourceOf(is)).toBe(was && sourceOf(was));
    expect(isHidden(peer.document, id)).toBe(isHidden(document, id));
    expect([is?.from, is?.into].map(textOf)).toEqual([was?.from, was?.into].map(textOf));
  }
  Automerge.free(document);
}

/** Two peers exchange what they have. */
export async function meet(one: Peer, other: Peer): Promise<void> {
  if (one === other) return;
  if (compareChains(one.chain, other.chain).order === "behind") await follow(one, other.chain);
  else if (compareChains(other.chain, one.chain).order === "behind") await follow(other, one.chain);
  expect(one.chain).toEqual(other.chain);
  one.document = Automerge.merge(one.document, other.document);
  other.document = Automerge.merge(other.document, one.document);
}

async function follow(peer: Peer, to: Chain): Promise<void> {
  for (const { cid, heads } of to.epochs) {
    // Whoever has all that a document was closed with makes the same block of it.
    if (!Automerge.hasHeads(peer.document, [...heads])) continue;
    expect(await blockCid(canonicalSave(peer.document, heads))).toBe(cid);
  }
  const { document } = await carry(peer.document, peer.chain, to, async (cid) => blocks.get(cid));
  Automerge.free(peer.document);
  peer.document = document;
  peer.chain = chainOf(document);
  expect(peer.chain).toEqual(to);
  peer.undo.length = 0;
}

/** They have one document, which each order of its changes makes, and which can be stored. Gives what it shows. */
export function expectSame(peers: readonly Peer[]): Notebook {
  const [some, ...others] = peers as readonly [Peer, ...Peer[]];
  const view = readPast(some.document, Automerge.getHeads(some.document));
  for (const { document } of others) {
    expect(Automerge.getHeads(document).toSorted()).toEqual(Automerge.getHeads(some.document).toSorted());
    expect(readPast(document, Automerge.getHeads(document))).toEqual(view);
  }
  // Each change has all that it needs among those it builds on.
  let oneByOne = Automerge.init<NotebookRecord>();
  for (const bytes of inSomeOrder(Automerge.getAllChanges(some.document))) {
    [oneByOne] = Automerge.applyChanges(oneByOne, [bytes]);
  }
  expect(present(oneByOne)).toEqual(view.notebook);
  const again = Automerge.load<NotebookRecord>(Automerge.save(oneByOne));
  expect(present(again)).toEqual(view.notebook);
  Automerge.free(oneByOne);
  Automerge.free(again);
  return view.notebook;
}

/** Each change after those it builds on, but else in any order. */
function inSomeOrder(changes: readonly Uint8Array[]): readonly Uint8Array[] {
  const waiting = changes.map((bytes) => ({ bytes, ...Automerge.decodeChange(bytes) }));
  const missing = new Set(waiting.map(({ hash }) => hash));
  const ordered: Uint8Array[] = [];
  while (waiting.length > 0) {
    const ready = waiting.filter(({ deps }) => deps.every((hash) => !missing.has(hash)));
    shuffles = (Math.imul(shuffles, 1664525) + 1013904223) >>> 0;
    const next = ready[shuffles % ready.length] as (typeof ready)[number];
    waiting.splice(waiting.indexOf(next), 1);
    missing.delete(next.hash);
    ordered.push(next.bytes);
  }
  return ordered;
}
