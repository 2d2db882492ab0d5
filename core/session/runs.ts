/** How a cell's run begins and ends, and what its end means for the queue and for kernels that worked for it. */
import type { CellId, Language, RunId } from "../base/ids.ts";
import { sourceHash } from "../base/source-hash.ts";
import type { Output, Run, RunStatus } from "../notebook/model.ts";
import type { Draft } from "./draft.ts";
import type { ActiveRun, NestedRun } from "./model.ts";
import { addOutput, emptyOutputs } from "./outputs.ts";
import type { QueuedRun } from "./state.ts";

/** The document's form of a run that goes on. */
export function runOf(active: ActiveRun): Run {
  const { id, count, started, outputs } = active;
  return { id, status: "running", count, started, ms: undefined, sourceHash: active.sourceHash, outputs };
}

/** Gives the cell at the head of its kernel's queue to the kernel. */
export function beginRun(draft: Draft, queued: QueuedRun): void {
  const cell = draft.cell(queued.cell);
  if (!cell) return;
  draft.setQueue(draft.queue.filter((other) => other !== queued));
  draft.setRun({
    ...emptyOutputs,
    id: queued.run,
    cell: cell.id,
    language: queued.language,
    sourceHash: sourceHash(cell.source),
    started: draft.now,
    count: undefined,
    interrupted: false,
    aborted: false,
    input: undefined,
  });
  const { generation } = draft.link(queued.language);
  draft.setLink(queued.language, { current: queued.run });
  draft.setKernel(queued.language, { status: "busy", running: cell.id });
  draft.effects.push({
    type: "send",
    language: queued.language,
    generation,
    message: {
      type: "execute_request",
      id: queued.run,
      code: cell.source,
      cell: cell.id,
      name: `cell ${(draft.position(cell.id) ?? 0) + 1}`,
    },
  });
}

/** Ends a run with all its outputs: the document gets it, and a run that did not end well empties the queue. */
export function endRun(draft: Draft, active: ActiveRun, status: Exclude<RunStatus, "running">): void {
  const { id, cell, language, count, started, outputs } = active;
  draft.runs.delete(id);
  draft.refresh(cell);
  releaseKernel(draft, language, id);
  recordRun(draft, cell, {
    id,
    status,
    count,
    started,
    ms: Math.max(0, draft.now - started),
    sourceHash: active.sourceHash,
    outputs,
  });
  abandonNested(draft, id);
  if (status !== "ok") dropQueue(draft);
}

/** Adds an error to a run and ends it. */
export function failRun(draft: Draft, active: ActiveRun, status: "error" | "aborted", error: Failure): void {
  endRun(draft, { ...active, ...addOutput(active, errorOutput(error), draft.ownedOutputs) }, status);
}

/** A cell that no kernel ever saw: nothing to run, or nobody to run it. */
export function endUnstarted(draft: Draft, queued: QueuedRun, error: Failure | undefined): void {
  draft.setQueue(draft.queue.filter((other) => other !== queued));
  const cell = draft.cell(queued.cell);
  if (!cell) return;
  recordRun(draft, cell.id, {
    id: queued.run,
    status: error ? "error" : "ok",
    count: undefined,
    started: draft.now,
    ms: 0,
    sourceHash: sourceHash(cell.source),
    outputs: error ? [errorOutput(error)] : [],
  });
  if (error) dropQueue(draft);
}

/** The kernel is free for the next request, if it was this one that kept it. */
export function releaseKernel(draft: Draft, language: Language, request: string): void {
  if (draft.links.get(language)?.current !== request) return;
  draft.setLink(language, { current: undefined, interrupted: false });
  const status = draft.kernels.get(language)?.status;
  draft.setKernel(language, { running: undefined, ...(status === "busy" ? { status: "idle" } : {}) });
}

/** Stop on error: what waits goes back to what it was. */
export function dropQueue(draft: Draft): void {
  if (draft.queue.length > 0) draft.setQueue([]);
}

/** What goes wrong outside a user's code, in the form of an `error` output. */
export interface Failure {
  readonly ename: string;
  readonly evalue: string;
  /** What it means for the user's work. */
  readonly advice?: string;
}

function errorOutput({ ename, evalue, advice }: Failure): Output {
  return {
    output_type: "error",
    ename,
    evalue,
    traceback: [`${ename}: ${evalue}`, ...(advice === undefined ? [] : [advice])],
  };
}

function recordRun(draft: Draft, cell: CellId, run: Run): void {
  draft.overlays.set(cell, { run, confirmed: false });
  draft.refresh(cell);
  draft.effects.push({ type: "change", operations: [{ type: "set_run", cell, run }] });
}

/** Nobody waits for it any more: what has begun is interrupted. */
export function abandon(draft: Draft, nested: NestedRun): void {
  if (!nested.sent) {
    draft.nested = draft.nested.filter(({ id }) => id !== nested.id);
    return;
  }
  const { language } = nested;
  const message = { type: "interrupt_request", id: draft.nextId() } as const;
  draft.effects.push({ type: "send", language, generation: draft.link(language).generation, message });
  draft.setNested(nested.id, { orphan: true });
}

/** Nobody waits any more for what other kernels did for this run. What streams belongs to a program that may go on. */
function abandonNested(draft: Draft, root: RunId): void {
  for (const nested of draft.nested) {
    if (nested.root === root && !nested.orphan && !nested.streams) abandon(draft, nested);
  }
}
