/**
 * The session's runner: holds the state, performs effects, and turns what kernels, document and other tabs say into
 * operations. All rules are in apply.ts; here is only life.
 */
import type { Channel } from "../base/channel.ts";
import type { CellId } from "../base/ids.ts";
import type { Kernel, KernelHost } from "../kernel/kernel.ts";
import type { CommClose, CommMessage, CommOpen, CompleteReply, InspectReply } from "../kernel/messages.ts";
import type { Notebook, NotebookOperation, Run } from "../notebook/model.ts";
import type { SessionOperation, SessionRequest } from "./operations.ts";
import type { SessionState } from "./state.ts";

/** Widget messages, from and to whichever kernel owns the comm. */
export type CommTraffic = CommOpen | CommMessage | CommClose;

/** What a session needs of an open document; NotebookClient is one. */
export interface SessionDocument {
  readonly notebook: Notebook;
  onChange(
    listener: (change: {
      readonly cells: ReadonlySet<CellId>;
      readonly text: ReadonlySet<CellId>;
      readonly order: boolean;
      readonly meta: boolean;
    }) => void,
  ): () => void;
  change(operations: readonly NotebookOperation[]): Promise<unknown>;
  runProgress(cell: CellId, run: Run): void;
  relay(payload: unknown): void;
  onRelay(listener: (payload: unknown) => void): () => void;
}

export interface SessionOptions {
  readonly notebook: SessionDocument;
  readonly kernels: readonly Kernel[];
  readonly host: KernelHost;
  readonly now?: () => number;
  /** False: another tab runs this notebook. Change it later with the operation `runner_changed`. Default true. */
  readonly canRun?: boolean;
}

/** One open notebook that can run. */
export declare class Session {
  constructor(options: SessionOptions);
  get state(): SessionState;
  /** Called after operations; for streams at most once in 16 ms. Returns the way to stop. */
  onChange(listener: (state: SessionState, operation: SessionOperation) => void): () => void;
  send(operation: SessionRequest | Extract<SessionOperation, { type: "runner_changed" }>): void;
  get comms(): Channel<CommTraffic, CommTraffic>;
  /** Undefined when the cell's kernel does not run. */
  complete(cell: CellId, code: string, cursor: number): Promise<CompleteReply | undefined>;
  inspect(cell: CellId, code: string, cursor: number): Promise<InspectReply | undefined>;
  /** Ends all kernels and writes what is left to write. */
  close(): Promise<void>;
}
