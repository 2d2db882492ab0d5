/**
 * The text of one cell between its editor and the document worker, by the scheme of @codemirror/collab: the worker is
 * the authority, typing is sent against a version, what others typed comes as updates and one's own unconfirmed
 * typing is rebased over it. The EditorState lives on while the cell is scrolled out of view, so undo survives that.
 * Undo takes back one's own typing only, because foreign updates are kept out of the history by collab itself.
 * While an input method composes, foreign updates wait: touching the text then would tear the composition apart.
 */
import { collab, getSyncedVersion, receiveUpdates, sendableUpdates } from "@codemirror/collab";
import { ChangeSet, EditorState, type Extension, type Transaction, type TransactionSpec } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import type { CellId } from "#core/base/ids.ts";
import type { TextUpdate } from "#core/notebook/messages.ts";
import type { Cell } from "#core/notebook/model.ts";

/** The part of NotebookClient that typing needs. */
export interface TextAuthority {
  onText(cell: CellId, listener: (version: number, updates: readonly TextUpdate[]) => void): () => void;
  edit(cell: CellId, version: number, updates: readonly TextUpdate[], text: () => string): Promise<boolean>;
}

export interface CellTextOptions {
  readonly authority: TextAuthority;
  readonly cell: Pick<Cell, "id" | "source" | "textVersion">;
  /** Unique to this page. */
  readonly client: string;
  readonly extensions: Extension;
  /** Called when an edit could not be sent: the text is safe on the page only. */
  readonly onError?: (error: unknown) => void;
}

/** How often a waiting update asks whether the composition has ended, in milliseconds. */
const COMPOSITION_POLL = 30;

export class CellText {
  readonly cell: CellId;
  readonly #authority: TextAuthority;
  readonly #onError: (error: unknown) => void;
  readonly #stop: () => void;
  #state: EditorState;
  #view: EditorView | undefined;
  #sending = false;
  #closed = false;
  /** Confirmed updates that wait for the end of a composition, or for the ones before them. */
  #waiting: { readonly version: number; readonly updates: readonly TextUpdate[] }[] = [];
  #poll: ReturnType<typeof setTimeout> | undefined;
  #settledListeners: (() => void)[] = [];

  constructor(options: CellTextOptions) {
    this.cell = options.cell.id;
    this.#authority = options.authority;
    this.#onError = options.onError ?? (() => undefined);
    this.#state = EditorState.create({
      doc: options.cell.source,
      extensions: [
        // The document holds LF only; a carriage return that gets in by the clipboard is made one.
        EditorState.lineSeparator.of("\n"),
        EditorView.clipboardInputFilter.of((text) => text.replace(/\r\n?/g, "\n")),
        collab({ startVersion: options.cell.textVersion, clientID: options.client }),
        options.extensions,
      ],
    });
    this.#stop = options.authority.onText(this.cell, (version, updates) => this.#receive(version, updates));
  }

  get state(): EditorState {
    return this.#state;
  }

  get view(): EditorView | undefined {
    return this.#view;
  }

  get text(): string {
    return this.#state.doc.toString();
  }

  /** True when every keystroke has been confirmed. */
  get settled(): boolean {
    return sendableUpdates(this.#state).length === 0 && this.#waiting.length === 0;
  }

  /** Resolves when the authority knows every keystroke made so far, or the text is closed. */
  whenSettled(): Promise<void> {
    if (this.settled || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#settledListeners.push(resolve));
  }

  /** Shows the text in `parent`. One view at a time. */
  mount(parent: HTMLElement): EditorView {
    this.unmount();
    this.#view = new EditorView({
      state: this.#state,
      parent,
      dispatchTransactions: (transactions, view) => this.#dispatch(transactions, view),
    });
    return this.#view;
  }

  /** Takes the view away and keeps text, caret and undo. */
  unmount(): void {
    if (!this.#view) return;
    this.#state = this.#view.state;
    this.#view.destroy();
    this.#view = undefined;
    this.#drain();
  }

  /** Applies a change of ours (from a command) whether or not the text is in view. */
  dispatch(spec: TransactionSpec): void {
    if (this.#view) this.#view.dispatch(spec);
    else this.#dispatch([this.#state.update(spec)]);
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    clearTimeout(this.#poll);
    this.unmount();
    this.#tellSettled();
  }

  #tellSettled(): void {
    const listeners = this.#settledListeners;
    this.#settledListeners = [];
    for (const listener of listeners) listener();
  }

  #dispatch(transactions: readonly Transaction[], view?: EditorView): void {
    view?.update(transactions);
    this.#state = view?.state ?? transactions.at(-1)?.state ?? this.#state;
    if (transactions.some((transaction) => transaction.docChanged)) void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#sending || this.#closed) return;
    this.#sending = true;
    try {
      for (;;) {
        const pending = sendableUpdates(this.#state);
        if (pending.length === 0 || this.#closed) return;
        const version = getSyncedVersion(this.#state);
        const updates = pending.map((update) => ({
          client: update.clientID,
          changes: update.changes.toJSON() as TextUpdate["changes"],
        }));
        await this.#authority.edit(this.cell, version, updates, () => this.text);
        // Accepted or refused, the authority is ahead of `version` now: what confirms or overtakes this typing is
        // here already, or on its way and will send the rest when it comes.
        if (getSyncedVersion(this.#state) === version) return;
      }
    } catch (error) {
      if (!this.#closed) this.#onError(error);
    } finally {
      this.#sending = false;
    }
  }

  #receive(version: number, updates: readonly TextUpdate[]): void {
    this.#waiting.push({ version, updates });
    this.#drain();
  }

  #drain(): void {
    clearTimeout(this.#poll);
    if (this.#closed || this.#waiting.length === 0) return;
    if (this.#view?.composing) {
      this.#poll = setTimeout(() => this.#drain(), COMPOSITION_POLL);
      return;
    }
    const batches = this.#waiting;
    this.#waiting = [];
    for (const { version, updates } of batches) {
      // An update seen twice (the text was opened between its event and its reply) is skipped by its number.
      const known = getSyncedVersion(this.#state) - version;
      const fresh = known > 0 ? updates.slice(known) : updates;
      if (fresh.length === 0) continue;
      const transaction = receiveUpdates(
        this.#state,
        fresh.map((update) => ({ clientID: update.client, changes: ChangeSet.fromJSON(update.changes) })),
      );
      if (this.#view) this.#view.dispatch(transaction);
      else this.#state = transaction.state;
      this.#state = this.#view?.state ?? this.#state;
    }
    if (this.settled) this.#tellSettled();
    else void this.#send();
  }
}
