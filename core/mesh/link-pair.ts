/** Two joined links within one thread, with the rules of those that cross a network. */
import { ByteLink, type BytePipe } from "./byte-link.ts";

/** So much is under way at most, as in a network's buffers. */
const UNDER_WAY_BYTES = 64 * 1024;

/** The two ends; `names` are what each end is called by the other. The first end is the one that dialled. */
export function linkPair(names: readonly [string, string] = ["left", "right"]): [ByteLink, ByteLink] {
  const left = new Wire();
  const right = new Wire();
  const [leftName, rightName] = names;
  const end = (out: Wire, into: Wire, local: string, remote: string, dialled: boolean): ByteLink =>
    new ByteLink({
      pipe: pipeOver(out, into),
      path: "direct",
      local,
      remote,
      dialled,
      now: () => performance.now(),
    });
  const first = end(left, right, leftName, rightName, true);
  const second = end(right, left, rightName, leftName, false);
  left.connect(first, second);
  right.connect(second, first);
  return [first, second];
}

function pipeOver(out: Wire, into: Wire): BytePipe {
  return {
    write: (bytes) => out.write(bytes),
    isReady: () => out.isReady(),
    pause: () => into.pause(),
    resume: () => into.resume(),
    end: async () => out.end(),
    abort: (reason) => {
      out.cut(reason);
      into.cut(reason);
    },
  };
}

/** One direction. */
class Wire {
  #from: ByteLink | undefined;
  #to: ByteLink | undefined;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #paused = false;
  #full = false;
  #ending = false;
  #over = false;

  connect(from: ByteLink, to: ByteLink): void {
    this.#from = from;
    this.#to = to;
  }

  isReady(): boolean {
    if (this.#bytes >= UNDER_WAY_BYTES) this.#full = true;
    return !this.#full && !this.#over;
  }

  write(bytes: Uint8Array): void {
    // What is under way is not what the sender may still change.
    this.#pieces.push(bytes.slice());
    this.#bytes += bytes.byteLength;
    this.#later();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#later();
  }

  end(): void {
    this.#ending = true;
    this.#later();
  }

  cut(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#pieces = [];
    queueMicrotask(() => this.#to?.ended(reason));
  }

  #later(): void {
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    if (this.#over || this.#paused) return;
    const piece = this.#pieces.shift();
    if (piece) {
      this.#bytes -= piece.byteLength;
      this.#to?.received(piece);
      if (this.#full && this.#bytes === 0) {
        this.#full = false;
        this.#from?.ready();
      }
    }
    if (this.#pieces.length === 0 && this.#ending) {
      this.#over = true;
      this.#to?.ended();
    }
  }
}
