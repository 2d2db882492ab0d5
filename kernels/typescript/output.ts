/**
 * What a kernel says, in order: streams gathered into few messages, displays whose data must be waited for (a Blob) kept
 * in their place. Streams are cut nowhere inside a character.
 */
import type { FromKernel } from "#core/kernel/messages.ts";

const MOST_TEXT = 32_768;
const MOST_WAIT = 12;

export class Output {
  readonly #post: (message: FromKernel) => void;
  readonly #later: (callback: () => void, milliseconds: number) => unknown;
  readonly #now: () => number;
  readonly #queue: (FromKernel | Promise<FromKernel | undefined>)[] = [];
  #draining: Promise<void> | undefined;
  #text = "";
  #name: "stdout" | "stderr" = "stdout";
  #parent = "";
  #since = 0;
  #scheduled = false;

  constructor(
    post: (message: FromKernel) => void,
    later: (callback: () => void, milliseconds: number) => unknown,
    now: () => number,
  ) {
    this.#post = post;
    this.#later = later;
    this.#now = now;
  }

  /** Writes text; it is sent soon, at the latest before the next message. */
  write(name: "stdout" | "stderr", text: string, parent: string): void {
    if (text === "") return;
    if (this.#text !== "" && (name !== this.#name || parent !== this.#parent)) this.#cut();
    if (this.#text === "") {
      this.#since = this.#now();
      this.#name = name;
      this.#parent = parent;
    }
    this.#text += text;
    if (this.#text.length >= MOST_TEXT || this.#now() - this.#since > MOST_WAIT) return this.#cut();
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#later(() => {
      this.#scheduled = false;
      this.#cut();
    }, 2);
  }

  /** Sends a message after all that was said before. */
  send(message: FromKernel | Promise<FromKernel | undefined>): void {
    this.#cut();
    this.#enqueue(message);
  }

  /** Resolves when all that was said so far is sent. */
  async flush(): Promise<void> {
    this.#cut();
    while (this.#draining) await this.#draining;
  }

  #cut(): void {
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    this.#enqueue({ type: "stream", name: this.#name, text, parent: this.#parent });
  }

  #enqueue(message: FromKernel | Promise<FromKernel | undefined>): void {
    if (!this.#draining && !(message instanceof Promise)) return this.#post(message);
    this.#queue.push(message);
    this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      const message = await next;
      if (message !== undefined) this.#post(message);
    }
    this.#draining = undefined;
  }
}
