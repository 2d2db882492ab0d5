/** Files that a page has and gives piece by piece, so that neither side ever holds a whole one. */
import { fromWireError, KromaError } from "../base/errors.ts";
import { randomId } from "../base/ids.ts";
import type { FromArtefacts, ToArtefacts } from "./messages.ts";

/** What a page is asked for at once. */
const PIECE = 1024 * 1024;

type Answer = Extract<ToArtefacts, { readonly type: "content" }>;

/** Asks pages for pieces, and takes their answers. */
export class PageFiles {
  readonly #asked = new Map<string, (answer: Answer) => void>();

  /** An answer has come. */
  take(answer: Answer): void {
    this.#asked.get(answer.parent)?.(answer);
  }

  /** The bytes of a file of a publishing, read anew each time. `unavailable` when it is not as long as was said. */
  async *read(
    file: { readonly path: string; readonly size: number },
    asking: { readonly parent: string; readonly signal: AbortSignal; readonly send: (message: FromArtefacts) => void },
  ): AsyncGenerator<Uint8Array> {
    const { path, size } = file;
    for (let offset = 0; offset < size;) {
      const bytes = await this.#piece({ path, offset, length: Math.min(PIECE, size - offset) }, asking);
      if (bytes.length === 0 || offset + bytes.length > size)
        throw new KromaError("unavailable", `The file ${path} changed while it was published. Publish it again.`);
      offset += bytes.length;
      yield bytes;
    }
  }

  #piece(
    piece: { readonly path: string; readonly offset: number; readonly length: number },
    { parent, signal, send }: Parameters<PageFiles["read"]>[1],
  ): Promise<Uint8Array> {
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
      this.#asked.set(id, ({ bytes, error }) => {
        end();
        if (bytes) resolve(bytes);
        else reject(error ? fromWireError(error) : new KromaError("missing", `The file ${piece.path} is gone.`));
      });
      send({ type: "content_request", parent, id, ...piece });
    });
  }
}
