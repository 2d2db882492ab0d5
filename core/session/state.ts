/** What one open notebook is doing: the document's view, the cells' runs, the kernels, the queue. Plain, immutable. */
import type { CellId, Language, RunId } from "../base/ids.ts";
import type { Job } from "../kernel/machine.ts";
import type { KernelStatus } from "../kernel/messages.ts";
import type { Notebook, Output } from "../notebook/model.ts";

/** How far a cell's run has come; the page's public `data-status`. */
export type Progress = "idle" | "queued" | "running" | "done" | "failed";
/** Whether the outputs still belong to the source, told apart from progress. */
export type Validity = "never" | "fresh" | "stale";

/**
 * Why they do not: the tab closed while the cell ran, the kernel that ran it was restarted or has ended (what the cell
 * left there is gone), or the source is another one now.
 */
export type Staleness = "lost" | "restarted" | "ended" | "edited";

export interface CellState {
  readonly progress: Progress;
  readonly validity: Validity;
  /** When stale. */
  readonly staleness: Staleness | undefined;
  readonly count: number | undefined;
  /** Unix ms. */
  readonly started: number | undefined;
  readonly ms: number | undefined;
  /** Of the run under way, or of the last one. */
  readonly outputs: readonly Output[];
  readonly run: RunId | undefined;
  /** The kernel waits for a line of the user's. */
  readonly input: { readonly prompt: string; readonly password: boolean } | undefined;
}

export interface KernelState {
  readonly language: Language;
  readonly displayName: string;
  readonly status: KernelStatus;
  readonly stage: string | undefined;
  readonly progress: number | undefined;
  readonly reason: string | undefined;
  readonly running: CellId | undefined;
  /** It runs no cell and does not answer: something that a cell left behind keeps it busy. */
  readonly silent: boolean;
  /** What runs on its machine beside cells and terminals (K15). */
  readonly ports: readonly number[];
  readonly jobs: readonly Job[];
  /** Hosts that its programs wanted to reach and may not (K19); the latest last. */
  readonly wantedHosts: readonly string[];
}

export interface QueuedRun {
  readonly cell: CellId;
  readonly language: Language;
  readonly run: RunId;
}

/** Something a person should know, until dismissed. */
export interface Notice {
  readonly id: string;
  readonly level: "info" | "warning" | "error";
  readonly text: string;
}

export interface SessionState {
  readonly notebook: Notebook;
  readonly cells: ReadonlyMap<CellId, CellState>;
  readonly kernels: ReadonlyMap<Language, KernelState>;
  /** In the order asked for; the running ones are not in it. */
  readonly queue: readonly QueuedRun[];
  /** Where cells of this notebook run: this tab, or another one that has it open. */
  readonly runner: "here" | "elsewhere";
  readonly notices: readonly Notice[];
}
