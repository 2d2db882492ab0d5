/**
 * The session's whole state: what everybody may see (state.ts) and what only `apply` needs to know to go on.
 * Plain data, immutable, structured-cloneable.
 */
import type { CellId, Language, RunId } from "../base/ids.ts";
import type { KernelSpec } from "../kernel/kernel.ts";
import type { Notebook, Run } from "../notebook/model.ts";
import type { OutputList } from "./outputs.ts";
import type { CellState, KernelState, SessionState } from "./state.ts";

/** One start of a kernel, and what it is doing. */
export interface KernelLink {
  /** Counts starts and ends; messages of an older one are void. */
  readonly generation: number;
  /** It has been `idle` since this start, so it takes requests. */
  readonly ready: boolean;
  /** Request under way: the id of a run or of a nested request. */
  readonly current: string | undefined;
  /** An interrupt is on its way: if the kernel dies of it, it is started again at once. */
  readonly interrupted: boolean;
}

/** A question of a kernel's to the person, shown at the cell. */
export interface PendingInput {
  readonly language: Language;
  readonly parent: string;
  readonly prompt: string;
  readonly password: boolean;
}

/** A cell's run that a kernel is executing. Its id is the run's, which is also the execute_request's. */
export interface ActiveRun extends OutputList {
  readonly id: RunId;
  readonly cell: CellId;
  readonly language: Language;
  readonly sourceHash: string;
  readonly started: number;
  readonly count: number | undefined;
  readonly interrupted: boolean;
  /** The kernel gave the run up without saying why: its next word tells. */
  readonly aborted: boolean;
  readonly input: PendingInput | undefined;
}

/** Code that one kernel asked another to run, for the cell whose run is `root`. */
export interface NestedRun {
  readonly id: string;
  /** The kernel_request's id, and the kernel that waits for its answer. */
  readonly request: string;
  readonly from: Language;
  /** With `streams` it may have ended, or be none: nobody's cell waits then. */
  readonly root: RunId | undefined;
  readonly language: Language;
  readonly code: string;
  readonly name: string | undefined;
  readonly capture: boolean;
  readonly streams: boolean;
  readonly stdout: string;
  readonly exitCode: number | undefined;
  readonly sent: boolean;
  /** Nobody waits for the answer any more. */
  readonly orphan: boolean;
}

/** A run that ended here, until the document says the same. `run: undefined`: it was cleared. */
export interface Overlay {
  readonly run: Run | undefined;
  readonly confirmed: boolean;
}

/** Runs whose kernel is another one now, and what became of theirs. */
export type Outlived = ReadonlyMap<RunId, "restarted" | "ended">;

/** A package that a run loaded, as the notebook's metadata keeps it under `kroma.dependencies`. */
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
  /** What the tab that runs says of cells, when it is not this one. */
  readonly mirrored: ReadonlyMap<CellId, CellState>;
  readonly outlived: Outlived;
  readonly dependencies: readonly Dependency[];
}

/** A session before anything happened, but for `notebook_changed` which brings the cells in. */
export function emptyModel(options: {
  readonly prefix: string;
  readonly specs: readonly KernelSpec[];
  readonly runner: "here" | "elsewhere";
}): SessionModel {
  const notebook: Notebook = { title: "", language: "python", metadata: {}, cells: [] };
  return {
    notebook,
    cells: new Map(),
    kernels: new Map(options.specs.map((spec) => [spec.language, kernelOff(spec.language, spec.displayName)])),
    queue: [],
    runner: options.runner,
    notices: [],
    prefix: options.prefix,
    counter: 0,
    links: new Map(
      options.specs.map((spec) => [
        spec.language,
        { generation: 0, ready: false, current: undefined, interrupted: false },
      ]),
    ),
    runs: new Map(),
    nested: [],
    overlays: new Map(),
    mirrored: new Map(),
    outlived: new Map(),
    dependencies: [],
  };
}

/** How a kernel that does not run looks. */
export function kernelOff(language: Language, displayName: string): KernelState {
  return {
    language,
    displayName,
    status: "off",
    stage: undefined,
    progress: undefined,
    reason: undefined,
    running: undefined,
    silent: false,
    ports: [],
    jobs: [],
    wantedHosts: [],
  };
}

/** The dependencies a notebook's metadata names; what is not one is left out. */
export function readDependencies(notebook: Notebook): readonly Dependency[] {
  const kroma = notebook.metadata["kroma"];
  const list: unknown = isObject(kroma) ? kroma["dependencies"] : undefined;
  return Array.isArray(list) ? list.filter(isDependency) : [];
}

function isDependency(value: unknown): value is Dependency {
  return (
    isObject(value) &&
    (value["ecosystem"] === "npm" || value["ecosystem"] === "pypi") &&
    typeof value["name"] === "string" &&
    typeof value["version"] === "string" &&
    typeof value["integrity"] === "string"
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
