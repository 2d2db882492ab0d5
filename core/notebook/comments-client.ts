/** The comments of an open notebook as a page holds them: plain threads, kept up to date from the document host. */
import { Emitter } from "../base/events.ts";
import type { CommentOperation, CommentThread } from "./comments.ts";

/** What comments ask of the document host. */
export interface CommentsCalls {
  /** All threads; `onReply` is called in the message's own turn, so that no event that follows is missed. */
  load(onReply: (threads: readonly CommentThread[]) => void): Promise<void>;
  perform(operation: CommentOperation): Promise<void>;
}

export class CommentsClient {
  readonly #calls: CommentsCalls;
  readonly #changed = new Emitter<void>();
  #threads: ReadonlyMap<string, CommentThread> = new Map();
  #loading: Promise<void> | undefined;
  #isLoaded = false;

  constructor(calls: CommentsCalls) {
    this.#calls = calls;
  }

  /** Every thread, in no order; none before `load`. Those that did not change are the same objects as before. */
  get threads(): readonly CommentThread[] {
    return [...this.#threads.values()];
  }

  /** Asks for the threads, once; from then on they are kept up to date. Fails when they can't be read. */
  load(): Promise<void> {
    this.#loading ??= this.#calls
      .load((threads) => {
        this.#threads = new Map(threads.map((thread) => [thread.id, thread]));
        this.#isLoaded = true;
        this.#changed.emit();
      })
      .catch((error: unknown) => {
        this.#loading = undefined;
        throw error;
      });
    return this.#loading;
  }

  /** Changes the comments; fails in words where it may not be. */
  perform(operation: CommentOperation): Promise<void> {
    return this.#calls.perform(operation);
  }

  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** For NotebookClient only: an event of this document. */
  receive(changed: readonly CommentThread[], removed: readonly string[]): void {
    // What is told before is in the answer to `load`.
    if (!this.#isLoaded) return;
    const next = new Map(this.#threads);
    for (const id of removed) next.delete(id);
    for (const thread of changed) next.set(thread.id, thread);
    this.#threads = next;
    this.#changed.emit();
  }
}
