/**
 * The list of notebooks: what a shelf shows of each, without opening it. A removed one stays, marked, for a month, so
 * that removing can be undone. When the store fails the list goes on in memory and is written later.
 */
import type { DocumentId } from "../base/ids.ts";
import type { DocStore } from "../store/stores.ts";
import { isSameJson } from "../base/canonical-json.ts";
import { partPrefix, progressPrefix, viewKey, visitKey } from "./document-log.ts";
import type { LibraryEntry } from "./messages.ts";
import type { Notebook } from "./model.ts";
import { PARTS } from "./parts.ts";

interface StoredEntry extends LibraryEntry {
  /** Unix time in milliseconds of removal. */
  readonly removed?: number;
}

const KEPT_FOR = 30 * 24 * 60 * 60 * 1000;
const EXCERPT_LENGTH = 160;

/** What the library says of a notebook's content. */
export function describeNotebook(notebook: Notebook): Pick<LibraryEntry, "title" | "excerpt" | "cells" | "languages"> {
  let excerpt = "";
  const languages = new Set<string>();
  for (const cell of notebook.cells) {
    if (cell.kind === "code" && cell.source.trim() !== "") languages.add(cell.language);
    if (excerpt.length >= EXCERPT_LENGTH || cell.kind === "raw") continue;
    // The title itself tells nothing new.
    const start = cell.source.slice(0, 4 * EXCERPT_LENGTH);
    const words = (cell.kind === "markdown" ? wordsOf(start) : start).replaceAll(/\s+/g, " ").trim();
    if (words !== "" && words !== notebook.title) excerpt += excerpt === "" ? words : ` ${words}`;
  }
  return {
    title: notebook.title,
    excerpt: excerpt.slice(0, EXCERPT_LENGTH).toWellFormed(),
    cells: notebook.cells.length,
    languages: [...languages],
  };
}

/** Markdown without its marks: what a reader would see in one line. */
function wordsOf(markdown: string): string {
  return markdown
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/^\s*(?:[-=|: ]{3,}$|#{1,6}\s|>\s?|[-*+]\s(?:\[[ xX]\]\s)?)/gm, "")
    .replaceAll(/<\/?[a-z][^>]*>|\*+|~~|`+|\|/gi, "")
    .replaceAll(/(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu, "");
}

/** The list, over a store. */
export class Library {
  readonly #store: DocStore;
  readonly #now: () => number;
  readonly #changed: () => void;
  readonly #stored: (error: unknown) => void;
  readonly #purging: (document: DocumentId) => Promise<void>;
  readonly #entries = new Map<DocumentId, StoredEntry>();
  readonly #dirty = new Set<DocumentId>();
  #loaded = false;
  #loading: Promise<void> | undefined;
  #writing: Promise<void> | undefined;

  constructor(options: {
    readonly store: DocStore;
    readonly now: () => number;
    readonly changed: () => void;
    readonly stored: (error: unknown) => void;
    /** A removed notebook goes for good: what else is kept for it goes first. If that fails it is tried again later. */
    readonly purging?: (document: DocumentId) => Promise<void>;
  }) {
    this.#store = options.store;
    this.#now = options.now;
    this.#changed = options.changed;
    this.#stored = options.stored;
    this.#purging = options.purging ?? (() => Promise.resolve());
  }

  /** Resolves when the stored list has been read, or can't be. Tries again each time until it could. */
  load(): Promise<void> {
    if (this.#loaded) return Promise.resolve();
    return (this.#loading ??= this.#read().finally(() => {
      this.#loading = undefined;
    }));
  }

  /** Latest changed first, without removed ones. */
  get entries(): readonly LibraryEntry[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.removed === undefined)
      .sort((left, right) => right.changed - left.changed || (left.document < right.document ? -1 : 1));
  }

  get(document: DocumentId): LibraryEntry | undefined {
    return this.#entries.get(document);
  }

  byOrigin(origin: string): LibraryEntry | undefined {
    return this.entries.find((entry) => entry.origin === origin);
  }

  add(entry: LibraryEntry): void {
    this.#set(entry);
  }

  /** Takes over what a changed notebook says of itself. */
  describe(document: DocumentId, notebook: Notebook): void {
    const entry = this.#entries.get(document);
    if (entry === undefined) return;
    this.#set({ ...entry, ...describeNotebook(notebook), changed: this.#now() });
  }

  remove(document: DocumentId): void {
    const entry = this.#entries.get(document);
    if (entry) this.#set({ ...entry, removed: this.#now() });
  }

  undelete(document: DocumentId): void {
    const entry = this.#entries.get(document);
    if (entry === undefined) return;
    const { removed: _, ...kept } = entry;
    this.#set(kept);
  }

  trust(document: DocumentId): void {
    const entry = this.#entries.get(document);
    if (entry) this.#set({ ...entry, foreign: false });
  }

  /** Resolves when the list is on disk; fails when it can't be put there. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
    if (this.#dirty.size > 0) await this.#write();
  }

  #set(entry: StoredEntry): void {
    const former = this.#entries.get(entry.document);
    if (former && isSameJson(former, entry)) return;
    this.#entries.set(entry.document, entry);
    this.#dirty.add(entry.document);
    this.#changed();
    // The store's refusal is told through `stored`, and a later flush tries again.
    this.flush().catch(() => undefined);
  }

  async #read(): Promise<void> {
    const expired: DocumentId[] = [];
    try {
      for (const [, bytes] of await this.#store.loadRange(["library"])) {
        const entry = parseEntry(bytes);
        if (entry === undefined || this.#entries.has(entry.document)) continue;
        if (entry.removed !== undefined && this.#now() - entry.removed > KEPT_FOR) expired.push(entry.document);
        else this.#entries.set(entry.document, entry);
      }
      this.#loaded = true;
      this.#stored(undefined);
    } catch (error) {
      this.#stored(error);
    }
    this.#changed();
    // Nobody waits for it. Where it fails the notebook is still marked, and the next start tries again.
    for (const document of expired) this.#purge(document).catch(() => undefined);
  }

  async #purge(document: DocumentId): Promise<void> {
    await this.#purging(document);
    const parts = await Promise.all(PARTS.map((part) => this.#store.loadRange(partPrefix(document, part))));
    const progress = await this.#store.loadRange(progressPrefix(document));
    const keys = [...parts.flat(), ...progress].map(([key]) => key);
    await this.#store.write({ remove: [...keys, viewKey(document), visitKey(document), ["library", document]] });
  }

  #write(): Promise<void> {
    const documents = [...this.#dirty];
    this.#dirty.clear();
    const put = documents.map(
      (document) =>
        [["library", document], new TextEncoder().encode(JSON.stringify(this.#entries.get(document)))] as const,
    );
    this.#writing = this.#store
      .write({ put })
      .then(
        () => this.#stored(undefined),
        (error: unknown) => {
          for (const document of documents) this.#dirty.add(document);
          this.#stored(error);
          throw error;
        },
      )
      .finally(() => {
        this.#writing = undefined;
      });
    return this.#writing;
  }
}

function parseEntry(bytes: Uint8Array): StoredEntry | undefined {
  try {
    const entry = JSON.parse(new TextDecoder().decode(bytes)) as StoredEntry;
    return typeof entry.document === "string" && typeof entry.title === "string" ? entry : undefined;
  } catch {
    return undefined;
  }
}
