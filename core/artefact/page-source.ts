/**
 * What only a page can give: files of a notebook, piece by piece, so that neither side ever holds a whole one, and blocks from
 * peers.
 */
import { fromWireError, KromaError } from "../base/errors.ts";
import { randomId } from "../base/ids.ts";
import type { NamedSource } from "../store/gateway.ts";
import type { AskedPeers, FromArtefacts, ToArtefacts } from "./messages.ts";

/** What a page is asked for at once. */
const PIECE = 1024 * 1024;
/** So many pieces are asked for before the first of them has been used. */
const AHEAD = 4;

type Answer = Extract<ToArtefacts, { readonly type: "content" }>;

/** The page that is asked, and what for. */
export interface Asking {
  readonly parent: string;
  readonly signal: AbortSignal;
  readonly send: (message: FromArtefacts) => void;
}

/** Asks pages, and takes their answers. */
export class PageSource {
  readonly #asked = new Map<string, (answer: Answer) => void>();

  /** An answer has come. */
  take(answer: Answer): void {
    this.#asked.get(answer.parent)?.(answer);
  }

  /** The bytes of a file of a publishing, from a place in it on, read anew each time. `unavailable` when it is not as long as was said. */
  async *read(
    file: { readonly path: string; readonly size: number; readonly from: number },
    asking: Asking,
  ): AsyncGenerator<Uint8Array> {
    const { path, size, from } = file;
    const ahead: Promise<Uint8Array>[] = [];
    let asked = from;
    for (let offset = from; offset < size; offset += PIECE) {
      for (; asked < size && ahead.length < AHEAD; asked += PIECE) {
        const piece = this.#piece({ path, offset: asked, length: Math.min(PIECE, size - asked) }, asking);
        // Whoever fails first is heard when its turn comes; the others are of no interest then.
        piece.catch(() => undefined);
        ahead.push(piece);
      }
      const bytes = (await ahead.shift()) as Uint8Array;
      if (bytes.length !== Math.min(PIECE, size - offset))
        throw new KromaError("unavailable", `The file ${path} changed while it was published. Publish it again.`);
      yield bytes;
    }
  }

  /** Peers, whom the page reaches. `came` is told what they gave. */
  peers(where: AskedPeers, asking: Asking, came?: (bytes: number) => void): NamedSource {
    return {
      name: "notebook" in where ? "the people of the notebook" : "the peers that the link names",
      get: async (cid) => {
        const { bytes, error } = await this.#ask(
          (id) => ({ type: "block_request", ...asked(asking, id), cid, where }),
          asking,
        );
        if (error) throw fromWireError(error);
        if (bytes) came?.(bytes.length);
        return bytes;
      },
    };
  }

  async #piece(
    piece: { readonly path: string; readonly offset: number; readonly length: number },
    asking: Asking,
  ): Promise<Uint8Array> {
    const { bytes, error } = await this.#ask(
      (id) => ({ type: "content_request", ...asked(asking, id), ...piece }),
      asking,
    );
    if (bytes) return bytes;
    throw error ? fromWireError(error) : new KromaError("missing", `The file ${piece.path} is gone.`);
  }

  #ask(question: (id: string) => FromArtefacts, { signal, send }: Asking): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const id = randomId();
      const end = (): void => {
        this.#asked.delete(id);
        signal.removeEventListener("abort", stop);
      };
      const stop = (): void => {
        end();
        reject(new KromaError("aborted", "This was stopped."));
      };
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop);
      this.#asked.set(id, (answer) => {
        end();
        resolve(answer);
      });
      send(question(id));
    });
  }
}

const asked = ({ parent }: Asking, id: string) => ({ parent, id });
