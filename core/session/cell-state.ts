/** What is shown of a cell, worked out from the document, the run under way, the queue and the runs that ended here. */
import { sourceHash } from "../base/source-hash.ts";
import type { Cell, Run } from "../notebook/model.ts";
import type { ActiveRun, Outlived, Overlay } from "./model.ts";
import type { CellState, Progress, Staleness } from "./state.ts";

/** All that a cell's state depends on. */
export interface CellFacts {
  readonly cell: Cell;
  readonly active: ActiveRun | undefined;
  readonly queued: boolean;
  readonly overlay: Overlay | undefined;
  readonly outlived: Outlived;
}

/** The last run of a cell that ended, as far as this session knows. */
export function lastRun(cell: Cell | undefined, overlay: Overlay | undefined): Run | undefined {
  return overlay ? overlay.run : cell?.run;
}

/** The state of a cell. */
export function cellState({ cell, active, queued, overlay, outlived }: CellFacts): CellState {
  if (active) {
    const edited = active.sourceHash !== sourceHash(cell.source);
    return {
      progress: "running",
      validity: edited ? "stale" : "fresh",
      staleness: edited ? "edited" : undefined,
      count: active.count,
      started: active.started,
      ms: undefined,
      outputs: active.outputs,
      run: active.id,
      input: active.input && { prompt: active.input.prompt, password: active.input.password },
    };
  }
  const run = lastRun(cell, overlay);
  const staleness = run && stalenessOf(cell, run, outlived);
  return {
    progress: queued ? "queued" : progressOf(run),
    validity: run ? (staleness ? "stale" : "fresh") : "never",
    staleness,
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
    one.staleness === other.staleness &&
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

function stalenessOf(cell: Cell, run: Run, outlived: Outlived): Staleness | undefined {
  if (run.status === "lost" || run.status === "running") return "lost";
  return outlived.get(run.id) ?? (run.sourceHash === sourceHash(cell.source) ? undefined : "edited");
}
