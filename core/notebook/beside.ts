/** The documents beside the notebooks that a host has open: comments and shared files. They live as long as their notebook. */
import type { DocumentId } from "../base/ids.ts";
import type { DocStore } from "../store/stores.ts";
import type { NotebookBlocks } from "./notebook-blocks.ts";
import type { FromDocument } from "./messages.ts";
import { OpenComments, type OpenCommentsOptions } from "./open-comments.ts";
import { OpenFiles } from "./open-files.ts";
import type { Part } from "./parts.ts";

/** What all of them need, and whom they tell. */
export interface BesideOptions {
  readonly store: DocStore;
  readonly fileBlocks: NotebookBlocks;
  readonly automerge: Promise<void>;
  readonly now: () => number;
  readonly keepsFiles: boolean;
  /** Who writes here in a notebook; undefined while it is not shared. */
  me(id: DocumentId): string | undefined;
  /** The first change of a notebook's document, if it took the place of another one. */
  seed(id: DocumentId): string | undefined;
  /** Reads a notebook. */
  notebook(id: DocumentId): OpenCommentsOptions["notebook"];
  /** An event for every page that has the notebook open. */
  emit(id: DocumentId, event: FromDocument): void;
  changed(id: DocumentId, part: Part): void;
  durable(id: DocumentId): void;
  stored(id: DocumentId, error: unknown): void;
}

type Beside = OpenComments | OpenFiles;

export class BesideDocuments {
  readonly #options: BesideOptions;
  readonly #comments = new Map<DocumentId, OpenComments>();
  readonly #files = new Map<DocumentId, OpenFiles>();

  constructor(options: BesideOptions) {
    this.#options = options;
  }

  /** The comments of a notebook; opened when they are not yet. */
  comments(id: DocumentId): OpenComments {
    return this.#open(this.#comments, id, () => {
      const { me, seed, notebook } = this.#options;
      const common = this.#common(id, "comments");
      const options = { ...common, me: () => me(id), seed: () => seed(id), notebook: notebook(id) };
      return new OpenComments({ ...options, failed: () => void this.#comments.delete(id) });
    });
  }

  /** The shared files of a notebook; opened when they are not yet. */
  files(id: DocumentId): OpenFiles {
    return this.#open(this.#files, id, () => {
      const { fileBlocks: blocks, keepsFiles } = this.#options;
      const options = { ...this.#common(id, "files"), blocks, keepsFiles };
      return new OpenFiles({ ...options, failed: () => void this.#files.delete(id) });
    });
  }

  /** The notebook has changed. */
  notebookChanged(id: DocumentId, event: FromDocument): void {
    this.#comments.get(id)?.notebookChanged(event);
  }

  /** No page has the notebook open any more. */
  left(id: DocumentId): void {
    this.#files.get(id)?.unwant();
  }

  /** Resolves when everything is on disk; the answer tells whether they can go now. */
  async settle(id: DocumentId): Promise<() => boolean> {
    const open = this.#of(id);
    await Promise.all(open.map((one) => one.flush()));
    return () => {
      const now = this.#of(id);
      return now.length === open.length && now.every((one, index) => one === open[index] && one.isIdle);
    };
  }

  /** Lets go of what is open of a notebook. Only when it can go. */
  close(id: DocumentId): void {
    for (const one of this.#of(id)) one.close();
    this.#comments.delete(id);
    this.#files.delete(id);
  }

  /** Resolves when everything of all notebooks is on disk. */
  async flush(): Promise<void> {
    await Promise.all(this.#all().map((one) => one.flush()));
  }

  closeAll(): void {
    for (const one of this.#all()) one.close();
    this.#comments.clear();
    this.#files.clear();
  }

  #open<One extends Beside>(all: Map<DocumentId, One>, id: DocumentId, make: () => One): One {
    const made = all.get(id) ?? make();
    all.set(id, made);
    return made;
  }

  #of(id: DocumentId): readonly Beside[] {
    return [this.#comments.get(id), this.#files.get(id)].filter((one) => one !== undefined);
  }

  #all(): readonly Beside[] {
    return [...this.#comments.values(), ...this.#files.values()];
  }

  #common(id: DocumentId, part: Part) {
    const { store, automerge, now } = this.#options;
    return {
      id,
      store,
      automerge,
      now,
      emit: (event: FromDocument) => this.#options.emit(id, event),
      changed: () => this.#options.changed(id, part),
      durable: () => this.#options.durable(id),
      stored: (error: unknown) => this.#options.stored(id, error),
    };
  }
}
