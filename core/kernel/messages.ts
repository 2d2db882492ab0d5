/**
 * What a session and a kernel say to each other. The names and fields are those of the Jupyter messaging
 * protocol 5.4 (https://jupyter-client.readthedocs.io/en/stable/messaging.html), flattened: `type` is `msg_type`,
 * `parent` the id of the request that caused the message. A Jupyter server's kernels map on this one to one.
 *
 * Rules (cited as K1, K2 ... by the conformance suite):
 * K1  Every execute_request is answered by exactly one execute_reply, after all its outputs.
 * K2  Between them the kernel says `status busy` first and `status idle` last, each with the request as parent.
 * K3  Requests are executed one at a time in the order they came; completion, inspection and interrupts overtake them.
 * K4  A failed cell sends `error`, then execute_reply with status "error"; later requests still run.
 *     Stopping the rest of a queue is the session's business.
 * K5  interrupt_request ends a running cell with ename "KeyboardInterrupt" (or restarts the kernel, see K7).
 * K6  Text written before a display appears before it. Streams may be cut anywhere, never inside a surrogate pair.
 * K7  A kernel that dies says `status dead` with a reason; then its channel closes. Running requests get
 *     execute_reply "aborted" from the outside part first, so K1 holds even for a dead worker.
 *
 * K13 A kernel whose worker neither runs a request nor answers says `responding` false, and true when it answers again.
 *     Until then requests wait; whether it is restarted is the person's choice.
 *
 * K14 A kernel_request with `streams` is answered piece by piece: `kernel_output` brings what the code writes, the text of
 *     its value and of its errors, in order; then comes its one kernel_reply. It may have no parent (a terminal asked), or
 *     one that has ended (a background job asked), and then outlives the cell. `kernel_cancel` gives it up: the other
 *     kernel is interrupted, and no reply comes.
 *
 * What runs on such a kernel's machine, and what its servers serve (machine.ts):
 * K15 `machine_activity` tells all ports that listen and all jobs that outlived their cell, whenever either has changed. It
 *     is never asked for and wakes no machine that rests. A kernel that ends takes them with it.
 * K16 `job_end` ends a job that was told, and what it started; one that was not told is passed over.
 * K17 Every http_request is answered by at most one `http_response`, its body as `http_data`, and exactly one `http_end`, its
 *     last message, which says what failed if something did. At most HTTP_WINDOW bytes of a body are under way that
 *     were not given back by `http_taken`. After `http_cancel`, and when the kernel ends, the `http_end` comes at once.
 *     A request with `upgrade` that is answered with 101 is a connection from then on: `http_data` brings what the server
 *     sends, `http_send` takes to it what the page sends, in order; before the 101 an `http_send` is passed over.
 * K18 `port_open` asks for a preview of a port, for the person to see; nothing depends on it.
 *
 * Terminals (terminals.ts) are our own addition; only kernels whose spec says `terminals` get these messages:
 * K8  A terminal is named by whoever opens it, and may be opened, typed on and resized as soon as the channel is there;
 *     a kernel that still starts does it then. Opening a name that is in use does nothing.
 * K9  `terminal_output` brings the program's bytes in order. At most TERMINAL_WINDOW of them are under way that were not
 *     given back by `terminal_taken`: the program then waits, and nothing is dropped.
 * K10 Every terminal_open is answered by exactly one `terminal_exit`, the terminal's last message, whoever ended it: the
 *     person, the program, or the kernel's death (then before K7's `status dead`).
 * K11 What is sent to a terminal that is not there is passed over: it crossed the end. Only a `terminal_jobs_request` is
 *     always answered, then with no names.
 * K12 Terminals and cells share the machine and its files, and neither waits for the other.
 * K19 Programs of the machine reach the web only at hosts that the settings named at its start or the last `web_hosts`
 *     named. When one tries another it is told no at once, and `web_wanted` names the host, once until the next
 *     `web_hosts`; whether it is allowed is the person's choice.
 */
import type { CellId } from "../base/ids.ts";
import type { MimeBundle } from "./mime.ts";
import type { FromMachine, ToMachine } from "./machine.ts";
import type { FromTerminal, ToTerminal } from "./terminals.ts";

export type KernelStatus = "off" | "starting" | "idle" | "busy" | "dead";

interface Request {
  readonly id: string;
}
interface Caused {
  readonly parent: string;
}

export interface ExecuteRequest extends Request {
  readonly type: "execute_request";
  readonly code: string;
  /** The cell, for tracebacks and staleness; absent for code that no cell holds. */
  readonly cell?: CellId;
  /** How tracebacks call it, "cell 3" or a file name. */
  readonly name?: string;
  /** No execution count, no history, no result shown. */
  readonly silent?: boolean;
  /** False: no execution count and no history (Jupyter's store_history), but a value is shown all the same. */
  readonly storeHistory?: boolean;
}
export interface InterruptRequest extends Request {
  readonly type: "interrupt_request";
}
/** Answer to input_request. No `value` means end of file: Python's input() raises EOFError. */
export interface InputReply extends Caused {
  readonly type: "input_reply";
  readonly value?: string;
}
export interface CompleteRequest extends Request {
  readonly type: "complete_request";
  readonly code: string;
  /** Offset in UTF-16 code units. */
  readonly cursor: number;
}
export interface InspectRequest extends Request {
  readonly type: "inspect_request";
  readonly code: string;
  readonly cursor: number;
}
/** Jupyter's comms, used by widgets: both directions. `buffers` are transferred. */
export interface CommOpen {
  readonly type: "comm_open";
  readonly comm: string;
  readonly target: string;
  readonly data: unknown;
  readonly buffers?: readonly ArrayBuffer[];
  readonly parent?: string;
}
export interface CommMessage {
  readonly type: "comm_msg";
  readonly comm: string;
  readonly data: unknown;
  readonly buffers?: readonly ArrayBuffer[];
  readonly parent?: string;
}
export interface CommClose {
  readonly type: "comm_close";
  readonly comm: string;
  readonly parent?: string;
}
/** Answer of the session to a kernel's `kernel_request`; `ok` is the other kernel's execute_reply status. */
export interface KernelReply extends Caused {
  readonly type: "kernel_reply";
  readonly status: "ok" | "error" | "aborted";
  /** All that the other kernel wrote on stdout, when `capture` was asked for. */
  readonly stdout?: string;
  readonly exitCode?: number;
}

/** A piece of what the code of a kernel_request with `streams` gives (K14). */
export interface KernelOutput extends Caused {
  readonly type: "kernel_output";
  readonly name: "stdout" | "stderr";
  readonly text: string;
}

export type ToKernel =
  | ExecuteRequest
  | InterruptRequest
  | InputReply
  | CompleteRequest
  | InspectRequest
  | CommOpen
  | CommMessage
  | CommClose
  | KernelReply
  | KernelOutput
  | ToTerminal
  | ToMachine;

export interface StatusMessage {
  readonly type: "status";
  readonly status: KernelStatus;
  /** The request, for busy and idle. */
  readonly parent?: string;
  /** While starting: what is being done, in words ("Loading Python", "Restoring Linux"). */
  readonly stage?: string;
  /** While starting: part done, 0 to 1, when it can be known. */
  readonly progress?: number;
  /** When dead: why, a sentence for a person. */
  readonly reason?: string;
}
export interface StreamMessage extends Caused {
  readonly type: "stream";
  readonly name: "stdout" | "stderr";
  readonly text: string;
}
export interface DisplayData extends Caused {
  readonly type: "display_data";
  readonly data: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Jupyter's transient.display_id. */
  readonly displayId?: string;
}
export interface UpdateDisplayData extends Caused {
  readonly type: "update_display_data";
  readonly data: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly displayId: string;
}
export interface ClearOutput extends Caused {
  readonly type: "clear_output";
  readonly wait: boolean;
}
export interface ExecuteResult extends Caused {
  readonly type: "execute_result";
  readonly data: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly count: number;
}
export interface ErrorMessage extends Caused {
  readonly type: "error";
  readonly ename: string;
  readonly evalue: string;
  /** Lines, may hold ANSI colour, as Jupyter's. */
  readonly traceback: readonly string[];
  /** 1-based line in the cell's source where it failed, if known. */
  readonly line?: number;
}
export interface InputRequest extends Caused {
  readonly type: "input_request";
  readonly prompt: string;
  readonly password: boolean;
}
export interface ExecuteReply extends Caused {
  readonly type: "execute_reply";
  readonly status: "ok" | "error" | "aborted";
  readonly count: number | undefined;
}
export interface CompleteReply extends Caused {
  readonly type: "complete_reply";
  readonly matches: readonly { readonly label: string; readonly kind?: string; readonly detail?: string }[];
  /** The range of the code that a match replaces, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
}
export interface InspectReply extends Caused {
  readonly type: "inspect_reply";
  readonly data: MimeBundle | undefined;
}
/** A kernel asks for code to be run by another kernel: Python's `!cmd`. Answered by KernelReply. */
export interface KernelRequest extends Request {
  readonly type: "kernel_request";
  /** The request on whose behalf; only one with `streams` may have none. */
  readonly parent?: string;
  readonly language: string;
  readonly code: string;
  /** True: give stdout back instead of showing it (`files = !ls`). */
  readonly capture: boolean;
  /** True: everything textual comes back as it is written (K14); only displays are shown. */
  readonly streams?: boolean;
  /** True: answered with "error", and without a word, unless that kernel runs already and does not wait for this one. */
  readonly ifRunning?: boolean;
  /** How tracebacks call the code. */
  readonly name?: string;
}
/** Who asked with `streams` does not wait any more. */
export interface KernelCancel {
  readonly type: "kernel_cancel";
  /** The kernel_request's id. */
  readonly request: string;
}
/** A fact for the notebook's metadata: a package that was loaded and the hash that was checked. */
export interface DependencyMessage {
  readonly type: "dependency";
  readonly parent?: string;
  readonly ecosystem: "npm" | "pypi";
  readonly name: string;
  readonly version: string;
  /** Where it came from, as the notebook may say it: never a local path. */
  readonly url?: string;
  /** Subresource Integrity, "sha256-…" in base64. */
  readonly integrity: string;
}

/** Our own: see K13. */
export interface RespondingMessage {
  readonly type: "responding";
  readonly responding: boolean;
}

export type FromKernel =
  | StatusMessage
  | RespondingMessage
  | StreamMessage
  | DisplayData
  | UpdateDisplayData
  | ClearOutput
  | ExecuteResult
  | ErrorMessage
  | InputRequest
  | ExecuteReply
  | CompleteReply
  | InspectReply
  | KernelRequest
  | KernelCancel
  | DependencyMessage
  | CommOpen
  | CommMessage
  | CommClose
  | FromTerminal
  | FromMachine;
