/**
 * What a blocking client remembers about names and attributes. It is coherent: an entry counts only while the
 * header's generation words equal ours (one atomic load tells). A change of our own moves words and copy in step,
 * so a client that works alone never loses its memory, and anybody else's change empties it.
 * After each request the client must call `settle` before it adds what it learnt.
 */
import { type DirectoryEntry, HEADER, SLOT, type Stat } from "./protocol.ts";

interface Names {
  /** Inode, or ABSENT. */
  readonly known: Map<string, number>;
  /** True: a name that is not in `known` does not exist. */
  complete: boolean;
  misses: number;
}

const ABSENT = -1;
const MOST_STATS = 50_000;
/** After so many names looked up one by one, a listing of the directory is cheaper. */
const MISSES_BEFORE_LISTING = 3;

/** What the cache knows about a name: its inode, that it is absent, nothing, or that a listing should be asked for. */
export type Knowledge = number | "absent" | "unknown" | "list";

export class NameCache {
  readonly #header: Int32Array;
  readonly #words: Int32Array;
  readonly #enabled: boolean;
  readonly #directories = new Map<number, Names>();
  readonly #stats = new Map<number, Stat>();
  #names = -1;
  #data = -1;

  constructor(header: Int32Array, words: Int32Array, enabled: boolean) {
    this.#header = header;
    this.#words = words;
    this.#enabled = enabled;
  }

  /** False: nothing is ever remembered. */
  get enabled(): boolean {
    return this.#enabled;
  }

  /** Forgets what may be stale. Call it before asking the cache, and before a request. */
  revalidate(): void {
    if (!this.#enabled) return;
    const names = Atomics.load(this.#header, HEADER.names);
    const data = Atomics.load(this.#header, HEADER.data);
    if (names !== this.#names) {
      this.#directories.clear();
      this.#stats.clear();
    } else if (data !== this.#data) {
      this.#stats.clear();
    }
    this.#names = names;
    this.#data = data;
  }

  /** After an answer: true if nobody else changed anything since `revalidate`, so its content may be remembered. */
  settle(): boolean {
    if (!this.#enabled) return false;
    const names = this.#words[SLOT.names] ?? 0;
    const data = this.#words[SLOT.data] ?? 0;
    const moved = this.#words[SLOT.moved] ?? 0;
    // Int32 words wrap around: so does this sum.
    if (names === ((this.#names + (moved & 1)) | 0) && data === ((this.#data + ((moved >> 1) & 1)) | 0)) {
      this.#names = names;
      this.#data = data;
      return true;
    }
    this.forget();
    return false;
  }

  /** Forgets everything. */
  forget(): void {
    this.#directories.clear();
    this.#stats.clear();
    this.#names = Atomics.load(this.#header, HEADER.names);
    this.#data = Atomics.load(this.#header, HEADER.data);
  }

  /** Whether the last answer's operation changed names: it may have found what it was to make. */
  get movedNames(): boolean {
    return ((this.#words[SLOT.moved] ?? 0) & 1) === 1;
  }

  /** A name was added to a directory at this time: so that walking through it again needs no question. */
  touch(directory: number, time: number): void {
    const stat = this.#stats.get(directory);
    if (stat) this.keep({ ...stat, modified: time, changed: time, version: stat.version + 1 });
  }

  stat(inode: number): Stat | undefined {
    return this.#stats.get(inode);
  }

  keep(stat: Stat): void {
    if (this.#stats.size > MOST_STATS) this.#stats.clear();
    this.#stats.set(stat.inode, stat);
  }

  forgetStat(inode: number): void {
    this.#stats.delete(inode);
  }

  name(parent: number, name: string): Knowledge {
    if (!this.#enabled) return "unknown";
    const names = this.#of(parent);
    const inode = names.known.get(name);
    if (inode === ABSENT) return "absent";
    if (inode !== undefined) return inode;
    if (names.complete) return "absent";
    names.misses += 1;
    return names.misses > MISSES_BEFORE_LISTING && names.misses * 64 > names.known.size ? "list" : "unknown";
  }

  keepName(parent: number, name: string, inode: number | undefined): void {
    this.#of(parent).known.set(name, inode ?? ABSENT);
  }

  /** The name may or may not exist now. */
  forgetName(parent: number, name: string): void {
    const names = this.#of(parent);
    names.known.delete(name);
    names.complete = false;
  }

  keepListing(parent: number, entries: readonly DirectoryEntry[]): void {
    for (const { name: _, ...stat } of entries) this.keep(stat);
    this.#directories.set(parent, {
      known: new Map(entries.map((entry) => [entry.name, entry.inode])),
      complete: true,
      misses: 0,
    });
  }

  forgetDirectory(inode: number): void {
    this.#directories.delete(inode);
  }

  #of(parent: number): Names {
    let names = this.#directories.get(parent);
    if (!names) {
      names = { known: new Map(), complete: false, misses: 0 };
      this.#directories.set(parent, names);
    }
    return names;
  }
}
