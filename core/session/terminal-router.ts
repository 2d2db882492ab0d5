/**
 * Terminals between the page and the kernel whose machine they are on. They pass through; nothing is kept but which are
 * open, so that each gets its end even when its kernel is stopped or dies without a word (K10).
 */
import type { Channel } from "../base/channel.ts";
import { Emitter } from "../base/events.ts";
import type { Language } from "../base/ids.ts";
import { type FromTerminal, type ToTerminal, readToTerminal } from "../kernel/terminals.ts";

/** What the router needs of the session. */
export interface TerminalHome {
  /** The kernel that has terminals, started if it was off; or a sentence why there is none. */
  find(): { readonly language: Language } | { readonly reason: string };
  send(language: Language, message: ToTerminal): void;
}

/** Knows which kernel each terminal is on. */
export class TerminalRouter {
  readonly #home: TerminalHome;
  readonly #owners = new Map<string, Language>();
  /** Questions without an answer: the question's id, and its terminal. */
  readonly #questions = new Map<string, string>();
  readonly #fromKernels = new Emitter<FromTerminal>();
  readonly #ended = new Emitter<string | undefined>();

  constructor(home: TerminalHome) {
    this.#home = home;
  }

  /** The page's end. What is not of the schema is passed over. */
  readonly channel: Channel<FromTerminal, ToTerminal> = {
    send: (sent) => {
      const message = readToTerminal(sent);
      if (message) this.#send(message);
    },
    receive: (listener) => this.#fromKernels.on(listener),
    close: () => undefined,
    onClose: (listener) => this.#ended.on(listener),
  };

  /** A kernel's message for the page. */
  take(message: FromTerminal): void {
    if (message.type === "terminal_jobs_reply" && !this.#questions.delete(message.parent)) return;
    if (message.type === "terminal_exit" && !this.#owners.delete(message.terminal)) return;
    this.#fromKernels.emit(message);
  }

  /** A kernel ended: so did its terminals. */
  closeAll(language: Language, reason: string): void {
    for (const [terminal, owner] of this.#owners) {
      if (owner !== language) continue;
      for (const [parent, asked] of this.#questions) if (asked === terminal) this.#answerNone(parent, terminal);
      this.take({ type: "terminal_exit", terminal, reason });
    }
  }

  end(): void {
    this.#ended.emit(undefined);
  }

  #send(message: ToTerminal): void {
    const { terminal } = message;
    let language = this.#owners.get(terminal);
    if (message.type === "terminal_open" && language === undefined) {
      const home = this.#home.find();
      if ("reason" in home) {
        // Later, as if it had come from afar: who asks may still be busy asking.
        queueMicrotask(() => this.#fromKernels.emit({ type: "terminal_exit", terminal, reason: home.reason }));
        return;
      }
      language = home.language;
      this.#owners.set(terminal, language);
    }
    if (message.type === "terminal_jobs_request") {
      this.#questions.set(message.id, terminal);
      if (language === undefined) return queueMicrotask(() => this.#answerNone(message.id, terminal));
    }
    if (language !== undefined) this.#home.send(language, message);
  }

  #answerNone(parent: string, terminal: string): void {
    this.take({ type: "terminal_jobs_reply", parent, terminal, names: [] });
  }
}
