/** A running chat kernel: one answer after the other, each told to the page as it comes. */
import type { Channel } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import type { ChatDriver } from "#core/chat/driver.ts";
import { KernelEnd } from "#core/kernel/kernel-end.ts";
import type { KernelStart } from "#core/kernel/kernel.ts";
import type { CompleteRequest, ExecuteRequest, FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { completeOptions } from "./complete.ts";
import { contextOf } from "./context.ts";
import { readOptions } from "./options.ts";
import { RunView } from "./run-view.ts";
import { misfit } from "./schema.ts";
import { splitSource } from "./source.ts";
import { runTurn } from "./turn.ts";

/** Starts one; its channel. */
export function startChat(start: KernelStart): Channel<FromKernel, ToKernel> {
  return new RunningChat(start).channel;
}

/** A failure of a cell with the name that it is shown under. */
const NAMES: Readonly<Record<KromaError["code"], string>> = {
  invalid: "ChatInvalid",
  missing: "ChatMissing",
  denied: "ChatDenied",
  unavailable: "ChatUnavailable",
  exhausted: "ChatExhausted",
  corrupt: "ChatCorrupt",
  aborted: "KeyboardInterrupt",
};

class RunningChat {
  readonly #start: KernelStart;
  readonly #end: KernelEnd;
  readonly #queue: ExecuteRequest[] = [];
  #running: { readonly view: RunView; readonly abort: AbortController } | undefined;
  #count = 0;

  constructor(start: KernelStart) {
    this.#start = start;
    this.#end = new KernelEnd(start.signal, {
      receive: (message) => this.#receive(message),
      ping: () => this.#end.heard(),
      ended: () => {
        this.#queue.length = 0;
        this.#running?.abort.abort();
      },
    });
    this.#end.say({ type: "status", status: "starting", stage: "Starting the chat" });
    this.#end.say({ type: "status", status: "idle" });
  }

  get channel(): Channel<FromKernel, ToKernel> {
    return this.#end.channel;
  }

  #receive(message: ToKernel): void {
    switch (message.type) {
      case "execute_request":
        this.#queue.push(message);
        if (!this.#running) void this.#drain();
        return;
      case "interrupt_request":
        return this.#running?.abort.abort();
      case "input_reply":
      case "kernel_output":
      case "kernel_reply":
        return this.#running?.view.hear(message);
      case "complete_request":
        return this.#complete(message);
      case "inspect_request":
        return this.#end.say({ type: "inspect_reply", parent: message.id, data: undefined });
      default:
    }
  }

  #complete({ id, code, cursor }: CompleteRequest): void {
    this.#end.say({ type: "complete_reply", parent: id, ...completeOptions(code, cursor) });
  }

  async #drain(): Promise<void> {
    for (let request = this.#queue.shift(); request; request = this.#queue.shift()) {
      const abort = new AbortController();
      const view = new RunView(request.id, abort.signal, (message) => this.#end.say(message));
      this.#running = { view, abort };
      await this.#run(request, view, abort.signal);
      this.#running = undefined;
    }
  }

  /** Answers one request (K1, K2); never rejects. */
  async #run(request: ExecuteRequest, view: RunView, signal: AbortSignal): Promise<void> {
    const { id: parent } = request;
    const isCounted = request.silent !== true && request.storeHistory !== false;
    if (isCounted) this.#count += 1;
    this.#end.say({ type: "status", status: "busy", parent });
    let status: "ok" | "error" = "ok";
    try {
      await this.#answer(request, view, signal);
    } catch (error) {
      status = "error";
      this.#fail(parent, signal.aborted ? new KromaError("aborted", "The answer was stopped.") : error);
    }
    this.#end.say({ type: "execute_reply", parent, status, count: isCounted ? this.#count : undefined });
    this.#end.say({ type: "status", status: "idle", parent });
  }

  async #answer(request: ExecuteRequest, view: RunView, signal: AbortSignal): Promise<void> {
    const source = splitSource(request.code);
    if (source.prompt === "" && Object.keys(source.fields).length === 0) return;
    const options = readOptions(source);
    if (source.prompt === "") throw new KromaError("invalid", "There is no prompt below the options.");
    const driver = this.#driver(options.model);
    const cells = this.#start.cells ?? (() => []);
    const all = cells();
    const at = all.findIndex(({ id }) => id === request.cell);
    const { messages, dropped } = contextOf(all.slice(0, Math.max(at, 0)), source.prompt, options);
    const model = options.model ?? driver.model;
    view.begin({ model, place: driver.place, dropped }, options.schema !== undefined);
    const place = { cells, ...view.tools };
    const onState = view.show;
    const turn = { driver, messages, options, place, signal, now: () => performance.now(), onState };
    let text: string;
    try {
      ({ text } = await runTurn(turn));
    } catch (error) {
      // What came before a failure stays.
      view.finish(true);
      throw error;
    }
    view.finish(false);
    if (options.schema !== undefined) view.showValue(readJson(text, options.schema));
  }

  #driver(model: string | undefined): ChatDriver {
    const { foreign, chat } = this.#start.host;
    if (foreign) {
      throw new KromaError(
        "denied",
        "This notebook came from elsewhere: nothing of it is sent to a language model until you trust it.",
      );
    }
    const driver = chat?.open(model);
    if (!driver)
      throw new KromaError("missing", `No language model is set up. ${chat?.howTo ?? "This Kroma has none."}`);
    return driver;
  }

  #fail(parent: string, error: unknown): void {
    const ename = error instanceof KromaError ? NAMES[error.code] : "ChatError";
    const evalue = error instanceof Error ? error.message : String(error);
    this.#end.say({ type: "error", parent, ename, evalue, traceback: [`\u001b[31m${ename}\u001b[39m: ${evalue}`] });
  }
}

/** The value that an answer is, if it fits. */
function readJson(text: string, schema: Readonly<Record<string, unknown>>): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new KromaError(
      "corrupt",
      "The answer is not JSON, though the cell asks for it. The model may not know response_format.",
    );
  }
  const wrong = misfit(value, schema);
  if (wrong !== undefined) throw new KromaError("corrupt", `The answer does not fit the schema: ${wrong}.`);
  return value;
}
