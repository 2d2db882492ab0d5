/** What `apply` asks the runner to do to the world. Plain data; performing them is the runner's business alone. */
import type { CellId, Language, RunId } from "../base/ids.ts";
import type { ToKernel } from "../kernel/messages.ts";
import type { NotebookOperation, Run } from "../notebook/model.ts";
import type { SessionRequest } from "./operations.ts";

export type SessionEffect =
  /** Start a kernel; its messages come back with this generation. */
  | { readonly type: "start_kernel"; readonly language: Language; readonly generation: number }
  /** End a kernel at once. */
  | { readonly type: "stop_kernel"; readonly language: Language; readonly generation: number }
  | { readonly type: "send"; readonly language: Language; readonly generation: number; readonly message: ToKernel }
  /** Change the document. */
  | { readonly type: "change"; readonly operations: readonly NotebookOperation[] }
  /** A run under way has new outputs: keep them against a crash, at most every 250 ms. */
  | { readonly type: "run_progress"; readonly cell: CellId; readonly run: Run }
  /** An ended run's outputs changed after all (an updated display): write it, at most every 250 ms. */
  | { readonly type: "rewrite_run"; readonly cell: CellId; readonly run: Run }
  /** Say `aborted_settled` for this run after a moment. */
  | { readonly type: "settle_aborted"; readonly run: RunId }
  /** Ask the tab that runs this notebook. */
  | { readonly type: "relay"; readonly request: SessionRequest };
