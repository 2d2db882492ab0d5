/** Runs cells on a kernel and gathers what comes of each; for the tests of any host. */
import type { Channel } from "#core/base/channel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";

/** What came of one cell. */
export interface CellResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams as they came, neighbours of one stream joined: "out:…" and "err:…". */
  readonly streams: readonly string[];
  readonly error: { readonly ename: string; readonly evalue: string } | undefined;
  readonly status: "ok" | "error" | "aborted";
  readonly inputs: readonly { readonly password: boolean }[];
  readonly messages: readonly FromKernel[];
}

export interface CellOptions {
  /** Answers to input_request, in order; then the end of input. */
  readonly inputs?: readonly string[];
  /** Leaves input_request unanswered. */
  readonly silent?: boolean;
  /** Interrupts when this has been printed. */
  readonly interruptAfter?: string;
  /** Called with each message. */
  readonly onMessage?: (message: FromKernel) => void;
}

/** A kernel that is ready for cells. */
export interface Cells {
  readonly channel: Channel<FromKernel, ToKernel>;
  /** Messages that came before the kernel was ready. */
  readonly starting: readonly FromKernel[];
  cell(code: string, options?: CellOptions): Promise<CellResult>;
  close(): Promise<void>;
}

/** Waits until a kernel that was just started is ready. Rejects with the reason if it dies. */
export async function cellsOf(channel: Channel<FromKernel, ToKernel>, close: () => Promise<void>): Promise<Cells> {
  const starting: FromKernel[] = [];
  await new Promise<void>((resolve, reject) => {
    const stop = channel.receive((message) => {
      starting.push(message);
      if (message.type !== "status") return;
      if (message.status === "dead") reject(new Error(message.reason));
      if (message.status === "idle") {
        stop();
        resolve();
      }
    });
  }).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  let last = 0;
  const cell = (code: string, how: CellOptions = {}): Promise<CellResult> => {
    const id = `request-${++last}`;
    const result = collect(channel, id, how);
    channel.send({ type: "execute_request", id, code });
    return result;
  };
  return { channel, starting, cell, close };
}

/** Gathers all that a request causes until it is idle. */
export function collect(
  channel: Channel<FromKernel, ToKernel>,
  id: string,
  how: CellOptions = {},
): Promise<CellResult> {
  const messages: FromKernel[] = [];
  const inputs = [...(how.inputs ?? [])];
  let printed = "";
  return new Promise((resolve) => {
    const stop = channel.receive((message) => {
      if (!("parent" in message) || message.parent !== id) return;
      messages.push(message);
      how.onMessage?.(message);
      if (message.type === "stream" && how.interruptAfter !== undefined && !printed.includes(how.interruptAfter)) {
        printed += message.text;
        if (printed.includes(how.interruptAfter)) channel.send({ type: "interrupt_request", id: `${id}-interrupt` });
      }
      if (message.type === "input_request" && !how.silent) {
        const value = inputs.shift();
        channel.send({ type: "input_reply", parent: id, ...(value === undefined ? {} : { value }) });
      }
      if (message.type !== "status" || message.status !== "idle") return;
      stop();
      resolve(summary(messages));
    });
  });
}

function summary(messages: readonly FromKernel[]): CellResult {
  const streams: string[] = [];
  const text = { stdout: "", stderr: "" };
  let before: string | undefined;
  for (const message of messages) {
    if (message.type !== "stream") continue;
    text[message.name] += message.text;
    const name = message.name === "stdout" ? "out" : "err";
    if (before === name) streams.push(`${streams.pop()}${message.text}`);
    else streams.push(`${name}:${message.text}`);
    before = name;
  }
  const error = messages.find((message) => message.type === "error");
  const reply = messages.find((message) => message.type === "execute_reply");
  return {
    ...text,
    streams,
    error: error && { ename: error.ename, evalue: error.evalue },
    status: reply?.status ?? "aborted",
    inputs: messages.filter((message) => message.type === "input_request").map(({ password }) => ({ password })),
    messages,
  };
}
