/**
 * A notebook that is still coming from a peer: nothing of it is here, and it is kept only once it is whole, so that
 * nobody has half of one. What is shown meanwhile is in first-view.ts.
 */
import * as Automerge from "@automerge/automerge/slim";
import { TaskQueue } from "../base/task-queue.ts";
import { Contradictions } from "./contradictions.ts";
import type { NotebookDocument } from "./document.ts";
import type { Apply, SyncedDocument } from "./document-sync.ts";
import { SyncMessages } from "./sync-messages.ts";

export class BlankDocument implements SyncedDocument {
  readonly messages = new SyncMessages();
  readonly contradictions = new Contradictions();
  /** What comes has this first change, if it is one that took another's place. */
  readonly seed: string | undefined;
  #document: Automerge.Doc<unknown> = Automerge.init();
  readonly #queue = new TaskQueue();

  constructor(seed?: string) {
    this.seed = seed;
  }

  /** True when nothing of it has come. */
  get isEmpty(): boolean {
    return Automerge.getHeads(this.#document).length === 0;
  }

  /** True when the notebook's first change has come, and with it all that was there. */
  get isWhole(): boolean {
    const { schema, cells } = this.#document as { schema?: unknown; cells?: unknown };
    return typeof schema === "number" && typeof cells === "object";
  }

  /** Tells whether something has come since it was told before. */
  get heads(): string {
    return Automerge.getHeads(this.#document).join();
  }

  /** Another document of the same, for its keeper: to copy it costs a hundredth of what it costs to load it. */
  copy(): NotebookDocument {
    return Automerge.clone(this.#document) as NotebookDocument;
  }

  sync<T>(work: (document: Automerge.Doc<unknown>, apply: Apply) => T | Promise<T>): Promise<T> {
    return this.#queue.run(() =>
      work(this.#document, async (document) => {
        this.#document = document;
      }),
    );
  }
}
