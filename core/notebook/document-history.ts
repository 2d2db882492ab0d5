/**
 * What can be asked about the history of an open document. It is read in small steps between the other work of the
 * document, so that typing waits for a few milliseconds at most, and nothing of it is read before somebody asks.
 */
import * as Automerge from "@automerge/automerge/slim";
import { isSameJson } from "../base/canonical-json.ts";
import { KromaError } from "../base/errors.ts";
import type { CellId } from "../base/ids.ts";
import type { BlockStore } from "../store/stores.ts";
import type { EarlierDocuments, HistoryDocument, ReadableDocument } from "./earlier-documents.ts";
import { differencesBetween, type CellDifference, type SameOutputs } from "./differences.ts";
import { mapOf, type NotebookDocument } from "./document.ts";
import { HistoryReader, HistoryWalk, type HistoryPage } from "./history.ts";
import { PeopleCount, type FindChange, type HistoryPerson } from "./history-people.ts";
import type { WhichChanges } from "./messages.ts";
import type { Notebook } from "./model.ts";
import { readPast, withOutputs, type PastNotebook } from "./past.ts";
import type { LateChange } from "./late-changes.ts";
import { loadRunBody } from "./run-body.ts";
import { SignedChanges } from "./signed-changes.ts";
import type { LastVisit } from "./visit.ts";

/** The notebook as it was, and what differed from a state before. */
export interface PastState {
  readonly notebook: Notebook;
  readonly differences: readonly CellDifference[];
}

/** Who changed a cell, and how often. */
export interface CellChangedBy {
  readonly cell: CellId;
  readonly people: readonly HistoryPerson[];
}

/** Who changed which cells; `unread` changes before them were not looked at. */
export interface ChangedBy {
  readonly cells: readonly CellChangedBy[];
  readonly unread: number;
}

/** What was made between two visits, though it may come only now: by whom, and the state that was left. */
export interface Away {
  readonly heads: readonly string[];
  /** When the present visit began, Unix time in milliseconds. */
  readonly opened: number;
  readonly people: readonly HistoryPerson[];
}

/** How much history comes along with the present state, whenever the notebook is opened or sent. */
export interface HistorySize {
  readonly changes: number;
  readonly bytes: number;
  /** The history before was put away. */
  readonly isShortened: boolean;
}

/** Changes whose facts are read in one go (about 0.03 ms each), and that are decoded (about 0.6 ms each). */
const READ_STEP = 250;
const DECODE_STEP = 10;
/** Into more changes than this nobody looks one by one. */
const MOST_DECODED = 1000;
const MOST_SESSIONS = 500;

export class DocumentHistory {
  readonly #document: ReadableDocument;
  readonly #blocks: BlockStore;
  readonly #earlier: EarlierDocuments;
  readonly #signed: SignedChanges;

  /** Of the changes that name an author only those that are signed are said to be theirs. */
  constructor(
    document: ReadableDocument,
    blocks: BlockStore,
    earlier: EarlierDocuments,
    signed = new SignedChanges([]),
  ) {
    this.#document = document;
    this.#blocks = blocks;
    this.#earlier = earlier;
    this.#signed = signed;
  }

  /**
   * The sessions that led to a state, latest first; without one, to the present. A page ends where the history was
   * shortened; the next one goes on in the document before.
   */
  async page(from: readonly string[] | undefined, sessions: number): Promise<HistoryPage> {
    const wanted = Math.min(Math.max(1, sessions), MOST_SESSIONS);
    let start = from;
    for await (const one of this.#all()) {
      const late = await one.late();
      const reader = await one.read((document, { seed }) => {
        start ??= Automerge.getHeads(document);
        if (!Automerge.hasHeads(document, [...start])) return undefined;
        return new HistoryReader(start, findIn(document, late), wanted, this.#signed, seed);
      });
      let page: HistoryPage | undefined;
      while (reader && !page) page = await one.read((document) => reader.step(READ_STEP, findIn(document, late)));
      if (page && (page.sessions.length > 0 || !page.isShortened)) return page;
      // Nothing was done since: what was done before is the latest.
      if (page) start = await one.read((_, { epochs }) => epochs.at(-1)?.heads);
    }
    throw unknown();
  }

  /** The notebook as it was, with its outputs as far as they are here, and what differed from a state before. */
  async past(heads: readonly string[], before: readonly string[] | undefined): Promise<PastState> {
    const past = await this.#past(heads);
    const notebook = await withOutputs(past, (body) => loadRunBody(body, this.#blocks));
    if (before === undefined) return { notebook, differences: [] };
    const former = await this.#past(before);
    return { notebook, differences: differencesBetween(former.notebook, notebook, sameOutputs(former, past)) };
  }

  /** The document as it was then, with its history up to there and nothing after it, as Automerge saves it. */
  async upTo(heads: readonly string[]): Promise<Uint8Array> {
    if (heads.length === 0) throw unknown();
    const known = await this.#documentOf(heads);
    return await known.read((document) => {
      const fork = Automerge.getBackend(document).fork(undefined, [...heads]);
      const bytes = fork.save();
      fork.free();
      return bytes;
    });
  }

  /** How much history there is in the present document. */
  size(): Promise<HistorySize> {
    return this.#document.sync((document) => ({
      changes: Automerge.stats(document).numChanges,
      bytes: Automerge.save(document).length,
      isShortened: this.#document.reseeds.chain.seed !== undefined,
    }));
  }

  /** Who changed which cells, of at most a thousand changes, the latest. */
  async changedBy(which: WhichChanges): Promise<ChangedBy> {
    const { portions, unread } = await this.#portions(which);
    const counts = new Map<string, PeopleCount>();
    for (const { from, hashes } of portions) {
      let cellsOf: CellsOf | undefined;
      const late = await from.late();
      for (let at = 0; at < hashes.length; at += DECODE_STEP) {
        await from.read((document) => {
          cellsOf ??= cellsByObject(document);
          for (const hash of hashes.slice(at, at + DECODE_STEP))
            countChange(document, hash, cellsOf, findIn(document, late), (cell) => {
              const people = counts.get(cell) ?? new PeopleCount(this.#signed);
              counts.set(cell, people);
              return people;
            });
        });
      }
    }
    const cells = [...counts].map(([cell, people]) => ({ cell: cell as CellId, people: people.people }));
    return { cells, unread };
  }

  /** Who changed something between two visits; undefined without a visit before, or when its state is not here. */
  async away(visit: LastVisit | undefined): Promise<Away | undefined> {
    if (visit === undefined) return undefined;
    const count = new PeopleCount(this.#signed);
    const isHere = await this.#eachSince(visit.heads, visit.opened, (changes, _, find) => {
      for (const change of changes) count.add(change, find);
    });
    return isHere ? { ...visit, people: count.people } : undefined;
  }

  /** The changes that are meant, by the document that they are in. */
  async #portions(which: WhichChanges): Promise<{ readonly portions: readonly Portion[]; readonly unread: number }> {
    const portions: Portion[] = [];
    if ("since" in which) {
      let [room, unread] = [MOST_DECODED, 0];
      const isHere = await this.#eachSince(which.since, which.until, (changes, from) => {
        const hashes = room === 0 ? [] : changes.slice(-room).map(({ hash }) => hash);
        room -= hashes.length;
        unread += changes.length - hashes.length;
        portions.push({ from, hashes });
      });
      if (!isHere) throw unknown();
      return { portions, unread };
    }
    const wanted = Math.min(which.changes, MOST_DECODED);
    const known = await this.#documentOf(which.heads);
    const hashes = await known.read((document, { seed }) => {
      const find = findIn(document, []);
      const walk = new HistoryWalk(which.heads, find);
      const found: string[] = [];
      while (found.length < wanted) {
        const facts = walk.next(find);
        if (facts === undefined || facts.hash === seed) break;
        found.push(facts.hash);
      }
      return found;
    });
    return { portions: [{ from: known, hashes }], unread: which.changes - wanted };
  }

  #all(): AsyncIterable<HistoryDocument> {
    return this.#earlier.of(this.#document);
  }

  async #past(heads: readonly string[]): Promise<PastNotebook> {
    const known = await this.#find(heads);
    if (known) return await known.read((document) => readPast(document, heads));
    const late = await this.#earlier.late(this.#document, heads, readPast);
    if (late) return late;
    throw unknown();
  }

  async #documentOf(heads: readonly string[]): Promise<HistoryDocument> {
    const known = await this.#find(heads);
    if (known) return known;
    throw unknown();
  }

  /** The document that has this state. */
  async #find(heads: readonly string[]): Promise<HistoryDocument | undefined> {
    for await (const one of this.#all()) {
      if (await one.read((document) => Automerge.hasHeads(document, [...heads]))) return one;
    }
    return undefined;
  }

  /**
   * Hands over the changes that came after a state and were made by a time, document by document, the present one first.
   * False when a part of that state is in none of them.
   */
  async #eachSince(
    since: readonly string[],
    until: number | undefined,
    take: (changes: readonly Automerge.ChangeMetadata[], from: HistoryDocument, find: FindChange) => void,
  ): Promise<boolean> {
    let left = since;
    for await (const one of this.#all()) {
      const late = await one.late();
      left = await one.read((document, { seed, epochs }) => {
        const here = left.filter((hash) => Automerge.hasHeads(document, [hash]));
        const changes = changesBetween(document, here, until);
        // How it began is nobody's work: it is what was there before.
        take(
          changes.filter(({ hash }) => hash !== seed),
          one,
          findIn(document, late),
        );
        const others = left.filter((hash) => !here.includes(hash));
        const isAllBefore = epochs.at(-1)?.heads.every((hash) => others.includes(hash)) ?? false;
        return isAllBefore ? [] : others;
      });
      if (left.length === 0) return true;
    }
    return false;
  }
}

/** Some changes of one document. */
interface Portion {
  readonly from: HistoryDocument;
  readonly hashes: readonly string[];
}

/** By where the outputs are, or their JSON: nothing has to be loaded for it. */
function sameOutputs(before: PastNotebook, after: PastNotebook): SameOutputs {
  return (one, other) =>
    one?.id === other?.id &&
    one?.status === other?.status &&
    isSameJson(one && before.bodies.get(one.id), other && after.bodies.get(other.id));
}

const unknown = (): KromaError => new KromaError("missing", "This version is made of changes that are not here.");

/** Those after a state that their authors' clocks say were made by then: other clocks may differ a little. */
function changesBetween(
  document: NotebookDocument,
  since: readonly string[],
  until = Infinity,
): readonly Automerge.ChangeMetadata[] {
  const changes = Automerge.getBackend(document).getChangesMeta([...since]);
  return changes.filter(({ time }) => time * 1000 <= until);
}

/** A signature may be of a change that had not come yet when the document was closed. */
function findIn(document: NotebookDocument, late: readonly LateChange[]): FindChange {
  const backend = Automerge.getBackend(document);
  return (hash) => backend.getChangeMetaByHash(hash) ?? late.find(({ facts }) => facts.hash === hash)?.facts;
}

/** The cell whose object, text or metadata an Automerge object is; the map of all cells is told apart. */
interface CellsOf {
  readonly all: string | undefined;
  readonly objects: ReadonlyMap<string, string>;
}

function cellsByObject(document: NotebookDocument): CellsOf {
  const all = Automerge.getObjectId(document, "cells") ?? undefined;
  const objects = new Map<string, string>();
  for (const [id, record] of Object.entries(mapOf(document.cells))) {
    const own = typeof record === "object" ? Automerge.getObjectId(record) : undefined;
    if (typeof own !== "string") continue;
    objects.set(own, id);
    for (const field of ["source", "metadata"]) {
      const part = Automerge.getBackend(document).getWithType(own, field);
      if (part?.[0] === "text" || part?.[0] === "map") objects.set(part[1], id);
    }
  }
  return { all, objects };
}

function countChange(
  document: NotebookDocument,
  hash: string,
  { all, objects }: CellsOf,
  find: FindChange,
  peopleOf: (cell: string) => PeopleCount,
): void {
  const backend = Automerge.getBackend(document);
  const change = backend.getDecodedChangeByHash(hash);
  if (!change) return;
  // Only the first change of an actor has the author in it.
  const { actor, seq } = change;
  const author = backend.getAuthorForActor(actor);
  const cells = new Set<string>();
  for (const operation of change.ops) {
    const cell =
      operation.obj === all && typeof operation.key === "string" ? operation.key : objects.get(operation.obj);
    if (cell !== undefined) cells.add(cell);
  }
  for (const cell of cells) peopleOf(cell).add({ actor, seq, author }, find);
}
