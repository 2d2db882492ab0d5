/**
 * Output on its way from the machine to the page: decoded, gathered for a moment so that a thousand small writes are a
 * few messages, and counted, so that the machine may only write more when the page has taken what there was.
 */

const MILLISECONDS = 8;
const CHARACTERS = 32 * 1024;

export type StreamName = "stdout" | "stderr";

/**
 * What bash says when a background job of an interactive shell ends; a script would not say it, and a cell is one. (Debian's
 * says nothing of SIGTERM in a script, but of other signals.)
 */
const JOB_ENDED = /^\[\d+\][-+ ] +(?:Done|Exit \d+|Terminated)(?:\([^\n]*\))?(?: [^\n]*)?\n/;
/** A notice whose command goes on in further lines, and the line that ends such a command, as bash prints it. */
const COMPOUND = /^\[\d+\].{20,}? (?:for|while|until|if|case|select|\{|\()[^\n]*\n$/;
const COMPOUND_END = /^(?:done|fi|esac|\}|\))(?:[^\w-][^\n]*)?\n$/;
/** The beginning of such a line. */
const MAYBE_JOB_ENDED =
  /^\[(?:\d*|\d+\](?:[-+ ](?: *(?:D(?:o(?:n(?:e[^\n]*)?)?)?|E(?:x(?:i(?:t[^\n]*)?)?)?|T(?:e(?:r(?:m(?:i(?:n(?:a(?:t(?:e(?:d[^\n]*)?)?)?)?)?)?)?)?)?)?)?)?)$/;
const LONGEST_HELD = 4096;

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
  /** Text of stderr that may become a job's notice. */
  #held = "";
  #lineStart = true;
  /** Inside the command of a notice that takes several lines. */
  #inNotice = false;
  /** What to call, in order, as bytes are taken. */
  readonly #waiting: { size: number; readonly used: () => void }[] = [];

  constructor(send: (piece: OutputPiece) => void) {
    this.#send = send;
  }

  /** Adds bytes; `used` is called when the page has taken them. */
  add(name: StreamName, bytes: Uint8Array, used: () => void): void {
    this.#waiting.push({ size: bytes.length, used });
    const text = this.#decoders[name].decode(bytes, { stream: true });
    this.#put(name, name === "stderr" ? this.#withoutNotices(text) : text, bytes.length);
  }

  /** Adds a sentence of our own. */
  note(text: string): void {
    this.#put("stderr", text, 0);
  }

  /** Sends what is gathered, and what a cut-off character leaves. */
  flush(): void {
    for (const name of ["stdout", "stderr"] as const) {
      const rest = (name === "stderr" ? this.#held : "") + this.#decoders[name].decode();
      if (rest !== "") this.#put(name, rest, 0);
    }
    this.#held = "";
    this.#lineStart = true;
    this.#inNotice = false;
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

  #withoutNotices(text: string): string {
    let rest = this.#held + text;
    let shown = "";
    this.#held = "";
    while (rest !== "") {
      if (this.#inNotice) {
        const end = rest.indexOf("\n") + 1;
        if (end === 0) {
          this.#held = rest;
          return shown;
        }
        this.#inNotice = !COMPOUND_END.test(rest.slice(0, end));
        rest = rest.slice(end);
        continue;
      }
      if (this.#lineStart && rest.startsWith("[")) {
        const notice = JOB_ENDED.exec(rest);
        if (notice) {
          rest = rest.slice(notice[0].length);
          this.#inNotice = COMPOUND.test(notice[0]) && !/(?:done|fi|esac|[)}])\s*$/.test(notice[0]);
          continue;
        }
        if (rest.length < LONGEST_HELD && MAYBE_JOB_ENDED.test(rest)) {
          this.#held = rest;
          return shown;
        }
      }
      const end = rest.indexOf("\n") + 1;
      shown += end > 0 ? rest.slice(0, end) : rest;
      this.#lineStart = end > 0;
      rest = end > 0 ? rest.slice(end) : "";
    }
    return shown;
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
