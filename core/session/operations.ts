/**
 * Everything that can happen to a session, as plain data. People, plugins and the CLI send the public ones; the
 * runner makes the others out of what kernels, the document and other tabs say. A log of them replays to the same state.
 */
import type { CellId, Language, RunId } from "../base/ids.ts";
import type { FromKernel } from "../kernel/messages.ts";
import type { Notebook } from "../notebook/model.ts";
import type { Outlived } from "./model.ts";
import type { CellState, KernelState, Notice, QueuedRun } from "./state.ts";

/** What a person, a plugin or another tab may ask of a session. */
export type SessionRequest =
  /** Runs code cells in notebook order. Cells of other kinds or unknown languages, and those asked for already, are passed over. */
  | { readonly type: "run_cells"; readonly cells: readonly CellId[] }
  /** Interrupts the running cells (of one language, or all) and drops everything queued. */
  | { readonly type: "interrupt"; readonly language?: Language }
  /** Ends and starts again all kernels that were on, or one. */
  | { readonly type: "restart"; readonly language?: Language }
  /** Starts a kernel before it is needed. */
  | { readonly type: "start_kernel"; readonly language: Language }
  /** Answers a cell that waits for input; no value means end of file. */
  | { readonly type: "input_reply"; readonly cell: CellId; readonly value: string | undefined }
  | { readonly type: "clear_outputs"; readonly cells: readonly CellId[] }
  | { readonly type: "dismiss_notice"; readonly id: string };

/** What another tab that runs this notebook says it is doing. */
export interface Mirror {
  readonly cells: readonly (readonly [CellId, CellState])[];
  readonly kernels: readonly KernelState[];
  readonly queue: readonly QueuedRun[];
  /** Absent from a tab that still runs an older Kroma. */
  readonly outlived?: Outlived;
}

/** All operations of a session. */
export type SessionOperation =
  | SessionRequest
  /** Messages of one kernel, in order; `generation` tells which of its starts they are from. */
  | {
      readonly type: "kernel_messages";
      readonly language: Language;
      readonly generation: number;
      readonly messages: readonly FromKernel[];
    }
  /** A kernel's channel ended or its start failed. */
  | {
      readonly type: "kernel_closed";
      readonly language: Language;
      readonly generation: number;
      readonly reason: string | undefined;
    }
  /** The document changed; `cells` are those whose content did, or undefined for "look at all". */
  | { readonly type: "notebook_changed"; readonly notebook: Notebook; readonly cells: readonly CellId[] | undefined }
  /** A kernel gave a run up and, for a moment now, has not said why. */
  | { readonly type: "aborted_settled"; readonly run: RunId }
  /** Another tab took or gave up running this notebook. */
  | { readonly type: "runner_changed"; readonly runner: "here" | "elsewhere" }
  | { readonly type: "mirrored"; readonly mirror: Mirror }
  /** The runner has something to tell the person. */
  | ({ readonly type: "noticed" } & Notice);
