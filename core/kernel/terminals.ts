/**
 * What is said to and of a terminal: a program on a pseudo-terminal of a kernel's machine, beside its cells. The rules
 * are K8 to K12 of messages.ts. Bytes are the program's own, escape sequences and all; who shows them must not trust them.
 * Whoever asks may be somebody else one day (a peer who shares the terminal), so requests are checked where they come in.
 */
import * as v from "valibot";

/** Bytes of output that may be under way and not given back by `terminal_taken` (K9). */
export const TERMINAL_WINDOW = 256 * 1024;

/** Most bytes of one `terminal_input`; more is cut into several. */
export const TERMINAL_INPUT = 64 * 1024;

const name = v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/));
const cells = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000));

const toTerminal = v.variant("type", [
  v.object({ type: v.literal("terminal_open"), terminal: name, columns: cells, rows: cells }),
  v.object({
    type: v.literal("terminal_input"),
    terminal: name,
    data: v.pipe(v.instance(Uint8Array), v.maxLength(TERMINAL_INPUT)),
  }),
  v.object({ type: v.literal("terminal_resize"), terminal: name, columns: cells, rows: cells }),
  v.object({
    type: v.literal("terminal_taken"),
    terminal: name,
    bytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(TERMINAL_WINDOW)),
  }),
  v.object({ type: v.literal("terminal_close"), terminal: name }),
  v.object({ type: v.literal("terminal_jobs_request"), id: v.pipe(v.string(), v.maxLength(64)), terminal: name }),
]);

/** Opens a terminal, types on it, tells its size and how much was shown, hangs it up, asks what runs on it. */
export type ToTerminal = Readonly<v.InferOutput<typeof toTerminal>>;

/** The message, if it is one that may be sent to a terminal. */
export function readToTerminal(message: unknown): ToTerminal | undefined {
  const result = v.safeParse(toTerminal, message);
  return result.success ? result.output : undefined;
}

/** What a program wrote. */
export interface TerminalOutput {
  readonly type: "terminal_output";
  readonly terminal: string;
  readonly data: Uint8Array;
}
/** The end of a terminal: its program's status (128 + signal if killed), or why there is none, as a sentence. */
export interface TerminalExit {
  readonly type: "terminal_exit";
  readonly terminal: string;
  readonly status?: number;
  readonly reason?: string;
}
/** The names of the programs that run on a terminal beside the shell that waits for a command. */
export interface TerminalJobsReply {
  readonly type: "terminal_jobs_reply";
  readonly parent: string;
  readonly terminal: string;
  readonly names: readonly string[];
}

export type FromTerminal = TerminalOutput | TerminalExit | TerminalJobsReply;
