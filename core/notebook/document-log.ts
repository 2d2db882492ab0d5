/**
 * The bytes of one document in a DocStore: a snapshot and what came after it, appended piece by piece, and now and
 * then made into one again. Each call is one batch, so a crash leaves either the old or the new state.
 */
import type { DocumentId } from "../base/ids.ts";
import type { DocStore, StoreKey } from "../store/stores.ts";
import type { Part } from "./parts.ts";

/** Other writes and removals that belong into the same batch. */
export interface Batch {
  readonly put: readonly (readonly [StoreKey, Uint8Array])[];
  readonly remove: readonly StoreKey[];
}

// Many small pieces make opening slow, one big piece makes each save slow: by count, and when they outgrow the snapshot.
const PIECES = 200;
const SMALLEST = 256 * 1024;

const ROOTS: Readonly<Record<Part, string>> = { notebook: "document", comments: "comments", files: "files" };

/** What the keys of a part's pieces begin with. */
export const partPrefix = (document: DocumentId, part: Part): StoreKey => [ROOTS[part], document];

/** The key of the small JSON view for the first screen. */
export const viewKey = (document: DocumentId): StoreKey => ["view", document];
/** The key of the state in which a page last had it open. */
export const visitKey = (document: DocumentId): StoreKey => ["visit", document];
/** The keys of runs under way. */
export const progressPrefix = (document: DocumentId): StoreKey => ["progress", document];

/** One document's pieces. Calls must not overlap. */
export class DocumentLog {
  readonly #store: DocStore;
  readonly #root: StoreKey;
  #snapshots: StoreKey[] = [];
  #increments: StoreKey[] = [];
  #snapshotBytes = 0;
  #incrementBytes = 0;
  #next = 0;

  constructor(store: DocStore, document: DocumentId, part: Part) {
    this.#store = store;
    this.#root = partPrefix(document, part);
  }

  /** True when the pieces should be replaced by one snapshot. */
  get wantsSnapshot(): boolean {
    return (
      this.#snapshots.length === 0 ||
      this.#increments.length >= PIECES ||
      this.#incrementBytes > Math.max(SMALLEST, this.#snapshotBytes)
    );
  }

  /** All pieces: snapshots first, then what came after in order. */
  async load(): Promise<readonly Uint8Array[]> {
    const snapshots: Uint8Array[] = [];
    const increments: Uint8Array[] = [];
    for (const [key, bytes] of await this.#store.loadRange(this.#root)) {
      if (key[2] === "snapshot") {
        this.#snapshots.push(key);
        this.#snapshotBytes += bytes.length;
        snapshots.push(bytes);
      } else if (key[2] === "increment") {
        this.#increments.push(key);
        this.#incrementBytes += bytes.length;
        increments.push(bytes);
        this.#next = Math.max(this.#next, Number(key[3]) + 1);
      }
    }
    return [...snapshots, ...increments];
  }

  /** Adds a piece (none when it is empty) and the rest of the batch; durable when it resolves. */
  async append(increment: Uint8Array, batch: Batch): Promise<void> {
    if (increment.length === 0) {
      if (batch.put.length > 0 || batch.remove.length > 0) await this.#store.write(batch);
      return;
    }
    const key = [...this.#root, "increment", String(this.#next).padStart(10, "0"), this.#mark()];
    this.#next += 1;
    await this.#store.write({ ...batch, put: [[key, increment], ...batch.put] });
    this.#increments.push(key);
    this.#incrementBytes += increment.length;
  }

  /** Puts one snapshot in the place of all pieces. */
  async replace(snapshot: Uint8Array, batch: Batch): Promise<void> {
    const key = [...this.#root, "snapshot", this.#mark()];
    const remove = [...this.#snapshots, ...this.#increments, ...batch.remove];
    await this.#store.write({ put: [[key, snapshot], ...batch.put], remove });
    this.#snapshots = [key];
    this.#increments = [];
    this.#snapshotBytes = snapshot.length;
    this.#incrementBytes = 0;
  }

  // Two workers on one store (a browser without SharedWorker) must not write over each other's pieces.
  #mark(): string {
    return crypto.randomUUID();
  }
}
