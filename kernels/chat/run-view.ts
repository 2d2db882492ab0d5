/** One run of a chat cell towards the session: its displays, and the questions that tools have for others. */
import type { KernelOutput, FromKernel, InputReply, KernelReply } from "#core/kernel/messages.ts";
import { KromaError } from "#core/base/errors.ts";
import { shorten } from "./context.ts";
import { ANSWER_MARK, SEEN_MARK } from "./marks.ts";
import { answerBundle, type Place, seenBundle } from "./show.ts";
import type { ToolPlace } from "./tools.ts";
import type { TurnState } from "./turn.ts";

/** Milliseconds between two pictures of a short answer; a long one is drawn less often, for each is the whole. */
const PACE = 100;
const CHARACTERS_PER_MILLISECOND = 1000;
/** Characters of what a program prints for a tool. */
const MAX_PRINTED = 100_000;

type Shown = "seen" | "answer";

export class RunView {
  readonly #parent: string;
  readonly #signal: AbortSignal;
  readonly #say: (message: FromKernel) => void;
  #place: Place = { model: "", place: "", dropped: 0 };
  #isJson = false;
  #state: TurnState | undefined;
  /** How much of the conversation the folded part shows. */
  #seen = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #shown = new Set<Shown>();
  #input: ((line: string | undefined) => void) | undefined;
  #program: { readonly id: string; text: string; readonly resolve: (text: string) => void } | undefined;
  #requests = 0;

  constructor(parent: string, signal: AbortSignal, say: (message: FromKernel) => void) {
    this.#parent = parent;
    this.#signal = signal;
    this.#say = say;
  }

  /** Says where the words will go. */
  begin(place: Place, isJson: boolean): void {
    this.#place = place;
    this.#isJson = isJson;
  }

  /** Shows how far it is: at once when the model is told something, otherwise now and then. */
  readonly show = (state: TurnState): void => {
    this.#state = state;
    if (state.messages.length !== this.#seen) this.#drawSeen(state);
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#draw(), PACE + state.text.length / CHARACTERS_PER_MILLISECOND);
  };

  /** Shows the end; `isBroken`: it came too early. */
  finish(isBroken: boolean): void {
    clearTimeout(this.#timer);
    if (!this.#state) return;
    this.#state = { ...this.#state, isDone: true, isBroken };
    if (this.#state.text !== "" || this.#shown.has("answer")) this.#draw();
    this.#drawSeen(this.#state);
  }

  /** Shows an answer that is JSON as the value that it is. */
  showValue(value: unknown): void {
    this.#say({
      type: "display_data",
      parent: this.#parent,
      data: { "application/json": value, "text/plain": JSON.stringify(value) },
      metadata: {},
    });
  }

  /** What tools reach through here. */
  get tools(): Pick<ToolPlace, "python" | "show" | "ask"> {
    return {
      python: (code) => this.#python(code),
      show: (markdown) =>
        this.#say({
          type: "display_data",
          parent: this.#parent,
          data: { "text/markdown": markdown, "text/plain": markdown },
          metadata: { kroma: { chat: SEEN_MARK, loads: false } },
        }),
      ask: (prompt) => this.#ask(prompt),
    };
  }

  /** Takes what others answer. */
  hear(message: InputReply | KernelOutput | KernelReply): void {
    if (message.type === "input_reply") {
      if (message.parent !== this.#parent) return;
      this.#input?.(message.value);
      this.#input = undefined;
      return;
    }
    const program = this.#program;
    if (message.parent !== program?.id) return;
    if (message.type === "kernel_output") {
      program.text = shorten(program.text + message.text, MAX_PRINTED);
      return;
    }
    this.#program = undefined;
    const ends = { ok: "", error: "\n(It failed.)", aborted: "\n(It was stopped.)" } as const;
    program.resolve(program.text + ends[message.status]);
  }

  #python(code: string): Promise<string> {
    this.#requests += 1;
    const id = `${this.#parent}-tool-${this.#requests}`;
    return this.#answered((resolve) => {
      this.#program = { id, text: "", resolve };
      this.#say({
        type: "kernel_request",
        id,
        parent: this.#parent,
        language: "python",
        code,
        capture: false,
        streams: true,
        name: "chat tool",
      });
      return () => this.#say({ type: "kernel_cancel", request: id });
    });
  }

  #ask(prompt: string): Promise<string | undefined> {
    return this.#answered((resolve) => {
      this.#input = resolve;
      this.#say({ type: "input_request", parent: this.#parent, prompt, password: false });
      return () => undefined;
    });
  }

  /** A promise of somebody's answer, which an interrupt gives up by what `begin` returned. */
  #answered<T>(begin: (resolve: (value: T) => void) => () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      let giveUp = (): void => undefined;
      const stop = (): void => {
        giveUp();
        reject(new KromaError("aborted", "The answer was stopped."));
      };
      this.#signal.addEventListener("abort", stop, { once: true });
      giveUp = begin((value) => {
        this.#signal.removeEventListener("abort", stop);
        resolve(value);
      });
    });
  }

  #draw(): void {
    this.#timer = undefined;
    if (this.#state) this.#put("answer", answerBundle(this.#state, this.#isJson), ANSWER_MARK);
  }

  #drawSeen(state: TurnState): void {
    this.#seen = state.messages.length;
    this.#put("seen", seenBundle(state, this.#place), SEEN_MARK);
  }

  #put(what: Shown, data: ReturnType<typeof answerBundle>, chat: string): void {
    const displayId = `${this.#parent}-${what}`;
    const display = { parent: this.#parent, data, metadata: { kroma: { chat, loads: false } }, displayId };
    this.#say({ type: this.#shown.has(what) ? "update_display_data" : "display_data", ...display });
    this.#shown.add(what);
  }
}
