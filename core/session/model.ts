/**
 * The session's whole state: what everybody may see (state.ts) and what only `apply` needs to know to go on.
 * Plain data, immutable, structured-cloneable.
 */
import type { CellId, Language, RunId } from "../base/ids.ts";
import type { Output, Run } from "../notebook/model.ts";
import type { SessionState } from "./state.ts";

/** One start of a kernel, and what it is doing. */
export interface KernelLink {
  /** Counts starts; messages of an older one are void. */
  readonly generation: number;
  /** It has been `idle` since this start, so it takes requests. */
  readonly ready: boolean;
  /** Request under way: the id of a run or of a nested request. */
  readonly current: string | undefined;
  /** The people's interrupt is on its way: if the kernel dies of it, it is started again at once. */
  readonly interrupted: boolean;
}

/** A cell's run that a kernel is executing. Its id is the run's, which is also the execute_request's. */
export interface ActiveRun {
  readonly id: RunId;
  readonly cell: CellId;
  readonly language: Language;
  readonly sourceHash: string;
  readonly started: number;
  readonly count: number | undefined;
  readonly outputs: readonly Output[];
  /** Characters put out so far, roughly, and whether the limit was passed. */
  readonly size: number;
  readonly full: boolean;
  /** clear_output(wait=True): the next output replaces all. */
  readonly clearNext: boolean;
  readonly interrupted: boolean;
  /** The kernel gave the run up without saying why: its next word tells. */
  readonly aborted: boolean;
  readonly idleSeen: boolean;
  readonly input: { readonly language: Language; readonly parent: string; readonly prompt: string; readonly password: boolean } | undefined;
}

/** Code that one kernel asked another to run, for the cell `root`. */
export interface NestedRun {
  readonly id: string;
  /** The kernel_request's id and the kernel that waits for its answer. */
  readonly request: string;
  readonly from: Language;
  readonly fromGeneration: number;
  readonly root: RunId;
  readonly language: Language;
  readonly code: string;
  readonly capture: boolean;
  readonly stdout: string;
  readonly exitCode: number | undefined;
  readonly sent: boolean;
}

/** A run that ended here, until the document says the same. `run: undefined`: it was cleared. */
export interface Overlay {
  readonly run: Run | undefined;
  readonly confirmed: boolean;
}

export interface Dependency {
  readonly ecosystem: "npm" | "pypi";
  readonly name: string;
  readonly version: string;
  readonly url?: string;
  readonly integrity: string;
}

export interface SessionModel extends SessionState {
  /** Distinguishes this session's ids from all others'. */
  readonly prefix: string;
  readonly counter: number;
  readonly links: ReadonlyMap<Language, KernelLink>;
  readonly runs: ReadonlyMap<RunId, ActiveRun>;
  readonly nested: readonly NestedRun[];
  readonly overlays: ReadonlyMap<CellId, Overlay>;
  /** Runs whose kernel has been restarted since. */
  readonly outlived: ReadonlySet<RunId>;
  readonly dependencies: readonly Dependency[];
}
