/**
 * Output on its way from the machine to the page: decoded, gathered for a moment so that a thousand small writes are a
 * few messages, and counted, so that the machine may only write more when the page has taken what there was.
 */

const MILLISECONDS = 8;
const CHARACTERS = 32 * 1024;

export type StreamName = "stdout" | "stderr";

/** A piece for the page. `size` comes back through `taken` when the page has it. */
export interface OutputPiece {
  readonly name: StreamName;
  readonly text: string;
  readonly size: number;
}

/** Gathers output in the order it was written, the two streams told apart. */
export class OutputGatherer {
  readonly #send: (piece: OutputPiece) => void;
  readonly #decoders: Record<StreamName, TextDecoder> = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  #name: StreamName = "stdout";
  #text = "";
  #size = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What to call, in order, as bytes are taken. */
  readonly #waiting: { size: number; readonly used: () => void }[] = [];

  constructor(send: (piece: OutputPiece) => void) {
    this.#send = send;
  }

  /** Adds bytes; `used` is called when the page has taken them. */
  add(name: StreamName, bytes: Uint8Array, used: () => void): void {
    this.#waiting.push({ size: bytes.length, used });
    this.#put(name, this.#decoders[name].decode(bytes, { stream: true }), bytes.length);
  }

  /** Adds a sentence of our own. */
  note(text: string): void {
    this.#put("stderr", text, 0);
  }

  /** Sends what is gathered, and what a cut-off character leaves. */
  flush(): void {
    for (const name of ["stdout", "stderr"] as const) {
      const rest = this.#decoders[name].decode();
      if (rest !== "") this.#put(name, rest, 0);
    }
    this.#sendNow();
  }

  /** The page has taken so many bytes. */
  taken(size: number): void {
    let left = size;
    for (let first = this.#waiting[0]; first && left > 0; first = this.#waiting[0]) {
      const part = Math.min(first.size, left);
      first.size -= part;
      left -= part;
      if (first.size > 0) return;
      this.#waiting.shift();
      first.used();
    }
  }

  #put(name: StreamName, text: string, size: number): void {
    if (name !== this.#name) {
      this.#sendNow();
      this.#name = name;
    }
    this.#text += text;
    this.#size += size;
    if (this.#text.length >= CHARACTERS) this.#sendNow();
    else this.#timer ??= setTimeout(() => this.#sendNow(), MILLISECONDS);
  }

  #sendNow(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#text === "" && this.#size === 0) return;
    const piece = { name: this.#name, text: this.#text, size: this.#size };
    this.#text = "";
    this.#size = 0;
    this.#send(piece);
  }
}
