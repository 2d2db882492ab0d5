/** The notebook as it was at some heads, read out of the document's history: plain data like the present view. */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";
import {
  cellOrder,
  findRecord,
  readCell,
  readHead,
  readRun,
  textOf,
  type ConflictsOf,
  type NotebookDocument,
} from "./document.ts";
import type { LoadRunBody } from "./document-view.ts";
import type { Cell, Notebook, Run } from "./model.ts";

/** The notebook as it was then; its outputs are loaded when that is said. `missing` when the document has no such heads. */
export function readPast(document: NotebookDocument, heads: readonly string[]): PastNotebook {
  if (heads.length === 0) return { notebook: EMPTY, bodies: new Map() };
  if (!Automerge.hasHeads(document, [...heads]))
    throw new KromaError("missing", "This version is made of changes that are not here.");
  const then = Automerge.view(document, [...heads]);
  const backend = Automerge.getBackend(document);
  // What Automerge says of conflicts is of the present, whatever it is asked about.
  const conflictsOf: ConflictsOf = (record, field) => {
    const object = Automerge.getObjectId(record);
    if (object === null) return undefined;
    return backend.getAll(object, field, [...heads]).map(([, value]) => value);
  };
  const bodies = new Map<string, Parameters<LoadRunBody>[0]>();
  const cells = cellOrder(then, conflictsOf).flatMap((id): Cell[] => {
    const record = findRecord(then, id);
    if (record === undefined) return [];
    const run = textOf(record.run);
    const facts = run === "" ? undefined : readRun(then, run);
    if (facts) {
      const cid = textOf(then.runs[run]?.block);
      bodies.set(run, cid === "" ? { json: textOf(then.runs[run]?.body) } : { cid });
    }
    return [readCell(id, record, 0, facts && { ...facts, outputs: [] })];
  });
  return { notebook: { ...readHead(then), cells }, bodies };
}

/** A notebook whose runs have no outputs yet, and where those are. */
export interface PastNotebook {
  readonly notebook: Notebook;
  readonly bodies: ReadonlyMap<string, Parameters<LoadRunBody>[0]>;
}

/** The notebook with its outputs; those that are not on this machine are marked as missing. */
export async function withOutputs({ notebook, bodies }: PastNotebook, loadBody: LoadRunBody): Promise<Notebook> {
  const cells: Cell[] = [];
  for (const cell of notebook.cells) {
    const body = cell.run && bodies.get(cell.run.id);
    cells.push(cell.run && body ? { ...cell, run: await withBody(cell.run, body, loadBody) } : cell);
  }
  return { ...notebook, cells };
}

async function withBody(run: Run, body: Parameters<LoadRunBody>[0], loadBody: LoadRunBody): Promise<Run> {
  const content = await loadBody(body);
  return { ...run, ...(content ?? { outputs: [], ...("cid" in body ? { missing: body.cid } : {}) }) };
}

const EMPTY: Notebook = { title: "", language: "python", metadata: {}, cells: [] };
