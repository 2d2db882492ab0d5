/** What is shown of a cell, worked out from the document, the run under way, the queue and the runs that ended here. */
import type { RunId } from "../base/ids.ts";
import { sourceHash } from "../base/source-hash.ts";
import type { Cell, Run } from "../notebook/model.ts";
import type { ActiveRun, Overlay } from "./model.ts";
import type { CellState, Progress, Validity } from "./state.ts";

/** All that a cell's state depends on. */
export interface CellFacts {
  readonly cell: Cell;
  readonly active: ActiveRun | undefined;
  readonly queued: boolean;
  readonly overlay: Overlay | undefined;
  readonly outlived: ReadonlySet<RunId>;
}

/** The last run of a cell that ended, as far as this session knows. */
export function lastRun(cell: Cell | undefined, overlay: Overlay | undefined): Run | undefined {
  return overlay ? overlay.run : cell?.run;
}

/** The state of a cell. */
export function cellState({ cell, active, queued, overlay, outlived }: CellFacts): CellState {
  if (active) {
    return {
      progress: "running",
      validity: active.sourceHash === sourceHash(cell.source) ? "fresh" : "stale",
      count: active.count,
      started: active.started,
      ms: undefined,
      outputs: active.outputs,
      run: active.id,
      input: active.input && { prompt: active.input.prompt, password: active.input.password },
    };
  }
  const run = lastRun(cell, overlay);
  return {
    progress: queued ? "queued" : progressOf(run),
    validity: validityOf(cell, run, outlived),
    count: run?.count,
    started: run?.started,
    ms: run?.ms,
    outputs: run?.outputs ?? noOutputs,
    run: run?.id,
    input: undefined,
  };
}

/** True when nobody could tell the two apart. */
export function isSameState(one: CellState, other: CellState): boolean {
  return (
    one.progress === other.progress &&
    one.validity === other.validity &&
    one.count === other.count &&
    one.started === other.started &&
    one.ms === other.ms &&
    one.outputs === other.outputs &&
    one.run === other.run &&
    one.input?.prompt === other.input?.prompt &&
    one.input?.password === other.input?.password
  );
}

const noOutputs: CellState["outputs"] = [];

function progressOf(run: Run | undefined): Progress {
  switch (run?.status) {
    case "ok":
      return "done";
    case "error":
    case "aborted":
      return "failed";
    // An imported or lost run, or one of another tab's, says nothing of what this session did.
    default:
      return "idle";
  }
}

function validityOf(cell: Cell, run: Run | undefined, outlived: ReadonlySet<RunId>): Validity {
  if (!run) return "never";
  if (run.status === "lost" || run.status === "running" || outlived.has(run.id)) return "stale";
  return run.sourceHash === sourceHash(cell.source) ? "fresh" : "stale";
}
