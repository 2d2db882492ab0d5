/**
 * What the page and a kernel's machine say to each other beside cells and terminals (K16 to K18): it passes through.
 * Nothing is kept but which requests are open, so that each gets its end even when its kernel dies without a word.
 */
import type { Channel } from "../base/channel.ts";
import { Emitter } from "../base/events.ts";
import type { Language } from "../base/ids.ts";
import { type FromMachine, type ToMachine, readToMachine } from "../kernel/machine.ts";

/** What the router needs of the session. */
export interface MachineHome {
  /** The kernel that has a machine and runs; or a sentence why there is none. Nothing is started: a server needs one that runs. */
  find(): { readonly language: Language } | { readonly reason: string };
  send(language: Language, message: ToMachine): void;
}

/** Knows which kernel each request went to. */
export class MachineRouter {
  readonly #home: MachineHome;
  readonly #open = new Map<string, Language>();
  readonly #fromKernels = new Emitter<FromMachine>();
  readonly #ended = new Emitter<string | undefined>();

  constructor(home: MachineHome) {
    this.#home = home;
  }

  /** The page's end. What is not of the schema is passed over; a request that is not gets its end. */
  readonly channel: Channel<FromMachine, ToMachine> = {
    send: (sent) => {
      const message = readToMachine(sent);
      if (message) return this.#send(message);
      if (sent.type === "http_request") this.#refuse(sent.id, "This is not a request that a server could be asked.");
    },
    receive: (listener) => this.#fromKernels.on(listener),
    close: () => undefined,
    onClose: (listener) => this.#ended.on(listener),
  };

  /** A kernel's message for the page. */
  take(message: FromMachine): void {
    if ("parent" in message && !this.#open.has(message.parent)) return;
    if (message.type === "http_end") this.#open.delete(message.parent);
    this.#fromKernels.emit(message);
  }

  /** A kernel ended: so did what it was asked. */
  closeAll(language: Language, reason: string): void {
    for (const [parent, owner] of this.#open) {
      if (owner === language) this.take({ type: "http_end", parent, error: reason });
    }
  }

  end(): void {
    this.#ended.emit(undefined);
  }

  #send(message: ToMachine): void {
    if (message.type === "http_request") {
      if (this.#open.has(message.id)) return;
      const home = this.#home.find();
      if ("reason" in home) return this.#refuse(message.id, home.reason);
      this.#open.set(message.id, home.language);
      return this.#home.send(home.language, message);
    }
    if (message.type === "job_end" || message.type === "web_hosts") {
      const home = this.#home.find();
      if ("language" in home) this.#home.send(home.language, message);
      return;
    }
    const language = this.#open.get(message.parent);
    if (language !== undefined) this.#home.send(language, message);
  }

  /** Later, as if it had come from afar: who asks may still be busy asking. */
  #refuse(parent: string, error: string): void {
    queueMicrotask(() => this.#fromKernels.emit({ type: "http_end", parent, error }));
  }
}
