/** The artefacts of a browser as a page reaches them, over a Channel to their host. Rejects with what the host says. */
import type { Channel } from "../base/channel.ts";
import { fromWireError, KromaError, toWireError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import { randomId } from "../base/ids.ts";
import type { KeptModel, ModelName } from "./kept-models.ts";
import type {
  ArtefactSummary,
  AskedPeers,
  Draft,
  FromArtefacts,
  Hints,
  Kept,
  Publication,
  ToArtefacts,
} from "./messages.ts";

/** How far something has come. */
export interface Told {
  readonly bytes: number;
  readonly total?: number;
  readonly path?: string;
}

export interface LongWork {
  readonly signal?: AbortSignal;
  readonly progress?: (told: Told) => void;
}

/** Gives a stretch of a file of the workspace. */
export type ReadPiece = (path: string, offset: number, length: number) => Promise<Uint8Array>;

type WithoutId<M> = M extends { readonly id: string } ? Omit<M, "id"> : never;

interface Waiting {
  readonly settle: (message: FromArtefacts) => void;
  readonly work: LongWork & { readonly read?: ReadPiece };
}

/** Asks peers for a block; undefined when none of them has it. */
export type AskPeers = (cid: string, where: AskedPeers) => Promise<Uint8Array | undefined>;

export class ArtefactClient {
  readonly #channel: Channel<FromArtefacts, ToArtefacts>;
  readonly #waiting = new Map<string, Waiting>();
  readonly #keptChanged = new Emitter<void>();
  readonly #askPeers: AskPeers | undefined;

  /** Without `askPeers` there are no peers. */
  constructor(channel: Channel<FromArtefacts, ToArtefacts>, askPeers?: AskPeers) {
    this.#channel = channel;
    this.#askPeers = askPeers;
    channel.receive((message) => this.#receive(message));
    channel.onClose(() => this.fail("The connection to the artefacts has ended."));
  }

  /** What is kept has changed, also by another page of this worker. */
  onKeptChanged(listener: () => void): () => void {
    return this.#keptChanged.on(listener);
  }

  /** Publishes; `read` gives the files' bytes, each file maybe more than once. `from` are whom to ask for its models. */
  publish(
    draft: Draft,
    work: LongWork & { readonly read: ReadPiece },
    from: readonly string[] = [],
  ): Promise<Publication> {
    return this.#call({ type: "publish", draft, from }, work);
  }

  async publications(document: string): Promise<readonly Publication[]> {
    const reply: { publications: readonly Publication[] } = await this.#call({ type: "publications", document });
    return reply.publications;
  }

  /** What a publishing that was cut off was to be. */
  async unfinished(document: string): Promise<Draft | undefined> {
    return (await this.#call<{ draft: Draft | undefined }>({ type: "unfinished", document })).draft;
  }

  async discard(document: string): Promise<void> {
    await this.#call({ type: "discard", document });
  }

  open(cid: string, hints: Hints, work?: LongWork): Promise<ArtefactSummary> {
    return this.#call({ type: "open", cid, hints }, work);
  }

  /** Brings all of it here, or only what opening it needs. */
  fetch(
    cid: string,
    hints: Hints,
    work?: LongWork & { readonly what?: "all" | "to open" },
  ): Promise<{ readonly bytes: number }> {
    return this.#call({ type: "fetch", cid, hints, what: work?.what ?? "all" }, work);
  }

  /** The bytes of a model that is named by its CID; what is not here is fetched, and kept. */
  async model(name: ModelName, hints: Hints, roots: readonly string[], work?: LongWork): Promise<Uint8Array> {
    const message = { type: "model", name, hints, roots, read: true } as const;
    return (await this.#call<{ bytes: Uint8Array }>(message, work)).bytes;
  }

  /** The same, without its bytes. */
  async fetchModel(name: ModelName, hints: Hints, roots: readonly string[], work?: LongWork): Promise<void> {
    await this.#call({ type: "model", name, hints, roots, read: false }, work);
  }

  /** A block of a model that is kept, for others; undefined when it is no such block. */
  async modelBlock(name: ModelName, cid: string): Promise<Uint8Array | undefined> {
    return (await this.#call<{ bytes?: Uint8Array }>({ type: "model_block", name, cid })).bytes;
  }

  /** Models that came by their CID, the last used first. */
  async models(): Promise<readonly KeptModel[]> {
    return (await this.#call<{ models: readonly KeptModel[] }>({ type: "models" })).models;
  }

  /** Keeps a model also when room is wanted, or not any more. */
  async pinModel(name: ModelName, isPinned: boolean): Promise<void> {
    await this.#call({ type: "pin_model", name, isPinned });
  }

  /** Forgets a model; its blocks go when they are collected. */
  async removeModel(name: ModelName): Promise<void> {
    await this.#call({ type: "remove_model", name });
  }

  async read(root: string, path: string): Promise<Uint8Array> {
    return (await this.#call<{ bytes: Uint8Array }>({ type: "read", root, path })).bytes;
  }

  /** A block that is here, for others. */
  async block(cid: string): Promise<Uint8Array | undefined> {
    return (await this.#call<{ bytes?: Uint8Array }>({ type: "block", cid })).bytes;
  }

  async pin(cid: string): Promise<void> {
    await this.#call({ type: "pin", cid });
  }

  async unpin(cid: string): Promise<void> {
    await this.#call({ type: "unpin", cid });
  }

  /** Keeps the token for a pinning service; without one the service is forgotten. */
  async setService(service: string, token: string | undefined): Promise<void> {
    await this.#call({ type: "service", service, ...(token === undefined ? {} : { token }) });
  }

  /** Has a service keep it, which is tried until it is done. */
  async pinAt(service: string, cid: string, name: string): Promise<void> {
    await this.#call({ type: "pin_at", service, cid, name });
  }

  async unpinAt(service: string, cid: string): Promise<void> {
    await this.#call({ type: "unpin_at", service, cid });
  }

  kept(): Promise<Kept> {
    return this.#call({ type: "kept" });
  }

  /** Gives back the room of what neither a pin nor one of these roots needs. */
  async collect(roots: readonly string[]): Promise<number> {
    return (await this.#call<{ removed: number }>({ type: "collect", roots })).removed;
  }

  async importCar(file: Blob, work?: LongWork): Promise<readonly string[]> {
    return (await this.#call<{ cids: readonly string[] }>({ type: "import_car", file }, work)).cids;
  }

  async exportCar(cid: string): Promise<Blob> {
    return (await this.#call<{ file: Blob }>({ type: "export_car", cid })).file;
  }

  /** Remembers an author under a name of one's own; undefined forgets them. */
  async remember(author: string, claimed: string, petname: string | undefined): Promise<void> {
    await this.#call({ type: "remember", author, claimed, ...(petname === undefined ? {} : { petname }) });
  }

  /** Ends everything under way as `unavailable`. */
  fail(reason: string): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [parent, { settle }] of waiting)
      settle({ type: "failed", parent, error: { code: "unavailable", message: reason } });
  }

  #call<T>(message: WithoutId<ToArtefacts>, work: LongWork & { readonly read?: ReadPiece } = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const id = randomId();
      if (work.signal?.aborted) return reject(new KromaError("aborted", "This was stopped."));
      const stop = (): void => this.#channel.send({ type: "cancel", parent: id });
      work.signal?.addEventListener("abort", stop);
      this.#waiting.set(id, {
        work,
        settle(answer) {
          work.signal?.removeEventListener("abort", stop);
          if (answer.type === "failed") reject(fromWireError(answer.error));
          else if (answer.type === "reply") resolve(answer.value as T);
        },
      });
      this.#channel.send({ ...message, id } as ToArtefacts);
    });
  }

  #receive(message: FromArtefacts): void {
    if (message.type === "kept_changed") return this.#keptChanged.emit();
    const waiting = this.#waiting.get(message.parent);
    switch (message.type) {
      case "progress": {
        const { parent: _parent, type: _type, ...told } = message;
        waiting?.work.progress?.(told);
        return;
      }
      case "content_request":
        void this.#give(message.id, () => this.#piece(message, waiting?.work.read));
        return;
      case "block_request":
        void this.#give(message.id, async () => this.#askPeers?.(message.cid, message.where));
        return;
      default:
        this.#waiting.delete(message.parent);
        waiting?.settle(message);
    }
  }

  async #piece(
    { path, offset, length }: Extract<FromArtefacts, { readonly type: "content_request" }>,
    read: ReadPiece | undefined,
  ): Promise<Uint8Array> {
    if (!read) throw new KromaError("missing", `The file ${path} is not here.`);
    return read(path, offset, length);
  }

  async #give(parent: string, find: () => Promise<Uint8Array | undefined>): Promise<void> {
    try {
      const bytes = await find();
      if (!bytes) return this.#channel.send({ type: "content", parent });
      const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
      this.#channel.send({ type: "content", parent, bytes: own }, [own.buffer as ArrayBuffer]);
    } catch (error) {
      this.#channel.send({ type: "content", parent, error: toWireError(error) });
    }
  }
}
