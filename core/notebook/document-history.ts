/**
 * What can be asked about the history of an open document. It is read in small steps between the other work of the
 * document, so that typing waits for a few milliseconds at most, and nothing of it is read before somebody asks.
 */
import * as Automerge from "@automerge/automerge/slim";
import { isSameJson } from "../base/canonical-json.ts";
import { KromaError } from "../base/errors.ts";
import type { CellId } from "../base/ids.ts";
import type { BlockStore } from "../store/stores.ts";
import { differencesBetween, type CellDifference, type SameOutputs } from "./differences.ts";
import { mapOf, type NotebookDocument } from "./document.ts";
import type { SyncedDocument } from "./document-sync.ts";
import { HistoryReader, HistoryWalk, type HistoryPage } from "./history.ts";
import { PeopleCount, type FindChange, type HistoryPerson } from "./history-people.ts";
import type { WhichChanges } from "./messages.ts";
import type { Notebook } from "./model.ts";
import { readPast, withOutputs, type PastNotebook } from "./past.ts";
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

/** Changes whose facts are read in one go (about 0.03 ms each), and that are decoded (about 0.6 ms each). */
const READ_STEP = 250;
const DECODE_STEP = 10;
/** Into more changes than this nobody looks one by one. */
const MOST_DECODED = 1000;
const MOST_SESSIONS = 500;

export class DocumentHistory {
  readonly #document: SyncedDocument;
  readonly #blocks: BlockStore;
  readonly #signed: SignedChanges;

  /** Of the changes that name an author only those that are signed are said to be theirs. */
  constructor(document: SyncedDocument, blocks: BlockStore, signed = new SignedChanges([])) {
    this.#document = document;
    this.#blocks = blocks;
    this.#signed = signed;
  }

  /** The sessions that led to a state, latest first; without one, to the present. */
  async page(from: readonly string[] | undefined, sessions: number): Promise<HistoryPage> {
    const wanted = Math.min(Math.max(1, sessions), MOST_SESSIONS);
    const start = from ?? (await this.#read((document) => Automerge.getHeads(document)));
    const reader = await this.#read((document) => new HistoryReader(start, findIn(document), wanted, this.#signed));
    for (;;) {
      const page = await this.#read((document) => reader.step(READ_STEP, findIn(document)));
      if (page) return page;
    }
  }

  /** The notebook as it was, with its outputs as far as they are here, and what differed from a state before. */
  async past(heads: readonly string[], before: readonly string[] | undefined): Promise<PastState> {
    const past = await this.#read((document) => readPast(document, heads));
    const notebook = await withOutputs(past, (body) => loadRunBody(body, this.#blocks));
    if (before === undefined) return { notebook, differences: [] };
    const former = await this.#read((document) => readPast(document, before));
    return { notebook, differences: differencesBetween(former.notebook, notebook, sameOutputs(former, past)) };
  }

  /** The document as it was then, with its history up to there and nothing after it, as Automerge saves it. */
  async upTo(heads: readonly string[]): Promise<Uint8Array> {
    return await this.#read((document) => {
      if (heads.length === 0 || !Automerge.hasHeads(document, [...heads])) throw unknown();
      const fork = Automerge.getBackend(document).fork(undefined, [...heads]);
      const bytes = fork.save();
      fork.free();
      return bytes;
    });
  }

  /** Who changed which cells, of at most a thousand changes, the latest. */
  async changedBy(which: WhichChanges): Promise<ChangedBy> {
    const { hashes, unread } = await this.#hashes(which);
    const counts = new Map<string, PeopleCount>();
    let cellsOf: CellsOf | undefined;
    for (let at = 0; at < hashes.length; at += DECODE_STEP) {
      await this.#read((document) => {
        cellsOf ??= cellsByObject(document);
        for (const hash of hashes.slice(at, at + DECODE_STEP))
          countChange(document, hash, cellsOf, (cell) => {
            const people = counts.get(cell) ?? new PeopleCount(this.#signed);
            counts.set(cell, people);
            return people;
          });
      });
    }
    const cells = [...counts].map(([cell, people]) => ({ cell: cell as CellId, people: people.people }));
    return { cells, unread };
  }

  /** Who changed something between two visits; undefined without a visit before, or when its state is not here. */
  async away(visit: LastVisit | undefined): Promise<Away | undefined> {
    if (visit === undefined) return undefined;
    return await this.#read((document) => {
      if (!Automerge.hasHeads(document, [...visit.heads])) return undefined;
      const count = new PeopleCount(this.#signed);
      const find = findIn(document);
      for (const change of changesBetween(document, visit.heads, visit.opened)) count.add(change, find);
      return { ...visit, people: count.people };
    });
  }

  async #hashes(which: WhichChanges): Promise<{ readonly hashes: readonly string[]; readonly unread: number }> {
    if ("since" in which) {
      return await this.#read((document) => {
        if (!Automerge.hasHeads(document, [...which.since])) throw unknown();
        const changes = changesBetween(document, which.since, which.until);
        const hashes = changes.slice(-MOST_DECODED).map(({ hash }) => hash);
        return { hashes, unread: changes.length - hashes.length };
      });
    }
    return await this.#read((document) => {
      const find = findIn(document);
      const walk = new HistoryWalk(which.heads, find);
      const hashes: string[] = [];
      const wanted = Math.min(which.changes, MOST_DECODED);
      while (hashes.length < wanted) {
        const facts = walk.next(find);
        if (facts === undefined) break;
        hashes.push(facts.hash);
      }
      return { hashes, unread: which.changes - wanted };
    });
  }

  #read<T>(work: (document: NotebookDocument) => T): Promise<T> {
    return this.#document.sync((document) => work(document as NotebookDocument));
  }
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

function findIn(document: NotebookDocument): FindChange {
  const backend = Automerge.getBackend(document);
  return (hash) => backend.getChangeMetaByHash(hash) ?? undefined;
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
  for (const cell of cells) peopleOf(cell).add({ actor, seq, author }, findIn(document));
}
