/** Widget messages between the page and whichever kernel owns the comm. They pass through; nothing is kept. */
import type { Channel } from "../base/channel.ts";
import { Emitter } from "../base/events.ts";
import type { Language } from "../base/ids.ts";
import type { CommClose, CommMessage, CommOpen } from "../kernel/messages.ts";

export type CommTraffic = CommOpen | CommMessage | CommClose;

/** Knows which kernel each comm lives in. */
export class CommRouter {
  readonly #owners = new Map<string, Language>();
  readonly #fromKernels = new Emitter<CommTraffic>();
  readonly #ended = new Emitter<string | undefined>();
  readonly #send: (language: Language, message: CommTraffic, transfer: readonly Transferable[]) => void;
  readonly #home: () => Language | undefined;

  /** `home` names the kernel that gets comms which the page opens. */
  constructor(
    send: (language: Language, message: CommTraffic, transfer: readonly Transferable[]) => void,
    home: () => Language | undefined,
  ) {
    this.#send = send;
    this.#home = home;
  }

  /** The page's end. */
  readonly channel: Channel<CommTraffic, CommTraffic> = {
    send: (message, transfer = []) => {
      const language = this.#owners.get(message.comm) ?? (message.type === "comm_open" ? this.#home() : undefined);
      if (language === undefined) return;
      if (message.type === "comm_open") this.#owners.set(message.comm, language);
      if (message.type === "comm_close") this.#owners.delete(message.comm);
      this.#send(language, message, transfer);
    },
    receive: (listener) => this.#fromKernels.on(listener),
    close: () => undefined,
    onClose: (listener) => this.#ended.on(listener),
  };

  /** A kernel's message for the page. */
  take(language: Language, message: CommTraffic): void {
    if (message.type === "comm_close") this.#owners.delete(message.comm);
    else this.#owners.set(message.comm, language);
    this.#fromKernels.emit(message);
  }

  /** A kernel ended: so did its comms. */
  closeAll(language: Language): void {
    for (const [comm, owner] of this.#owners) {
      if (owner !== language) continue;
      this.#owners.delete(comm);
      this.#fromKernels.emit({ type: "comm_close", comm });
    }
  }

  end(): void {
    this.#ended.emit(undefined);
  }
}
