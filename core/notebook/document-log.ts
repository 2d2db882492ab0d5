/**
 * The bytes of one document in a DocStore: a snapshot and what came after it, appended piece by piece, and now and
 * then made into one again. Each call is one batch, so a crash leaves either the old or the new state.
 *
 * A document that goes on as another one, without its long history (core/notebook/reseed), has its pieces under the name
 * of that one's first change, so that pieces of the two never get mixed: another worker on the same store may still
 * write into the former one.
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

// What stands third in a key: the pieces of the first document have their kind there.
const SEED = "seed";
const PRESENT = "present";

const ROOTS: Readonly<Record<Part, string>> = { notebook: "document", comments: "comments", files: "files" };

/** What the keys of a part's pieces begin with. */
export const partPrefix = (document: DocumentId, part: Part): StoreKey => [ROOTS[part], document];

/** The key of the small JSON view for the first screen. */
export const viewKey = (document: DocumentId): StoreKey => ["view", document];
/** The key of the state in which a page last had it open. */
export const visitKey = (document: DocumentId): StoreKey => ["visit", document];
/** The keys of runs under way. */
export const progressPrefix = (document: DocumentId): StoreKey => ["progress", document];

/** Pieces that are stored of another document than the present one, which it took the place of. */
export interface LeftPieces {
  /** Its first change, if it took the place of another one itself. */
  readonly seed: string | undefined;
  readonly pieces: readonly Uint8Array[];
  readonly keys: readonly StoreKey[];
}

/** One document's pieces. Calls must not overlap. */
export class DocumentLog {
  readonly #store: DocStore;
  readonly #prefix: StoreKey;
  #seed: string | undefined;
  #left: readonly LeftPieces[] = [];
  /** Keys that go when a snapshot has what is in them. */
  #taken: readonly StoreKey[] = [];
  #snapshots: StoreKey[] = [];
  #increments: StoreKey[] = [];
  #snapshotBytes = 0;
  #incrementBytes = 0;
  #next = 0;

  constructor(store: DocStore, document: DocumentId, part: Part) {
    this.#store = store;
    this.#prefix = partPrefix(document, part);
  }

  /** The first change of the present document, if it took the place of another one. */
  get seed(): string | undefined {
    return this.#seed;
  }

  /** What `load` found of others. */
  get left(): readonly LeftPieces[] {
    return this.#left;
  }

  /** True when the pieces should be replaced by one snapshot. */
  get wantsSnapshot(): boolean {
    return (
      this.#snapshots.length === 0 ||
      this.#taken.length > 0 ||
      this.#increments.length >= PIECES ||
      this.#incrementBytes > Math.max(SMALLEST, this.#snapshotBytes)
    );
  }

  /** All pieces of the present document: snapshots first, then what came after in order. */
  async load(): Promise<readonly Uint8Array[]> {
    const snapshots: Uint8Array[] = [];
    const increments: Uint8Array[] = [];
    const stored = await this.#store.loadRange(this.#prefix);
    const present = stored.find(([key]) => key[2] === PRESENT);
    this.#seed = present && new TextDecoder().decode(present[1]);
    const left = new Map<string | undefined, { pieces: Uint8Array[]; keys: StoreKey[] }>();
    for (const [key, bytes] of stored) {
      const seed = key[2] === SEED ? key[3] : undefined;
      const [kind, number] = key.slice(seed === undefined ? 2 : 4);
      if (kind !== "snapshot" && kind !== "increment") continue;
      if (seed !== this.#seed) {
        const { pieces, keys } = left.get(seed) ?? { pieces: [], keys: [] };
        left.set(seed, { pieces, keys });
        // Snapshots come last in the order of keys, and have to be read first.
        if (kind === "snapshot") pieces.unshift(bytes);
        else pieces.push(bytes);
        keys.push(key);
      } else if (kind === "snapshot") {
        this.#snapshots.push(key);
        this.#snapshotBytes += bytes.length;
        snapshots.push(bytes);
      } else {
        this.#increments.push(key);
        this.#incrementBytes += bytes.length;
        increments.push(bytes);
        this.#next = Math.max(this.#next, Number(number) + 1);
      }
    }
    this.#left = [...left].map(([seed, { pieces, keys }]) => ({ seed, pieces, keys }));
    return [...snapshots, ...increments];
  }

  /** What was left of another document is in the present one now: it goes with the next snapshot, which is wanted. */
  takeLeft(left: LeftPieces): void {
    this.#left = this.#left.filter((one) => one !== left);
    this.#taken = [...this.#taken, ...left.keys];
  }

  /** Adds a piece (none when it is empty) and the rest of the batch; durable when it resolves. */
  async append(increment: Uint8Array, batch: Batch): Promise<void> {
    if (increment.length === 0) {
      if (batch.put.length > 0 || batch.remove.length > 0) await this.#store.write(batch);
      return;
    }
    const key = [...this.#root(this.#seed), "increment", String(this.#next).padStart(10, "0"), this.#mark()];
    this.#next += 1;
    await this.#store.write({ ...batch, put: [[key, increment], ...batch.put] });
    this.#increments.push(key);
    this.#incrementBytes += increment.length;
  }

  /** Puts one snapshot in the place of all pieces: of the present document, or of another one with that first change. */
  async replace(seed: string | undefined, snapshot: Uint8Array, batch: Batch): Promise<void> {
    const key = [...this.#root(seed), "snapshot", this.#mark()];
    const present: readonly [StoreKey, Uint8Array][] =
      seed === this.#seed ? [] : [[[...this.#prefix, PRESENT], new TextEncoder().encode(seed)]];
    const remove = [...this.#snapshots, ...this.#increments, ...this.#taken, ...batch.remove];
    await this.#store.write({ put: [[key, snapshot], ...present, ...batch.put], remove });
    this.#seed = seed;
    this.#snapshots = [key];
    this.#increments = [];
    this.#taken = [];
    this.#snapshotBytes = snapshot.length;
    this.#incrementBytes = 0;
  }

  #root(seed: string | undefined): StoreKey {
    return seed === undefined ? this.#prefix : [...this.#prefix, SEED, seed];
  }

  // Two workers on one store (a browser without SharedWorker) must not write over each other's pieces.
  #mark(): string {
    return crypto.randomUUID();
  }
}
