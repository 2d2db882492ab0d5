/** The editors of one open notebook: one CellText per cell that has been seen, kept until the notebook closes. */
import type { Extension } from "@codemirror/state";
import type { EditorView } from "@codemirror/view";
import { randomId, type CellId } from "#core/base/ids.ts";
import type { Cell } from "#core/notebook/model.ts";
import { CellText, type TextAuthority } from "./editor/cell-text.ts";
import type { comforts, Completer } from "./editor/comforts.ts";
import { grammar, grammarName, grammarNow } from "./editor/languages.ts";
import { editorName, editorSetup, numbered, slots, writable, type EditorEvents } from "./editor/setup.ts";

/** What is loaded late. */
interface Comforts {
  readonly comforts: typeof comforts;
}

/** Slots that something of the page fills while it is there. */
type LateSlot = "presence" | "people" | "comments";

interface Entry {
  readonly text: CellText;
  language: string;
  /** Of which language the grammar is: that of the cell, or of the program that its first line names. */
  grammar: string;
  label: string;
}

export interface EditorsOptions {
  readonly authority: TextAuthority;
  /** The confirmed text that an editor has to start from. */
  readonly confirmed: (cell: CellId) => { readonly text: string; readonly version: number } | undefined;
  readonly complete: Completer;
  readonly events: (cell: CellId) => EditorEvents;
  readonly onError: (error: unknown) => void;
}

export class Editors {
  readonly #options: EditorsOptions;
  readonly #client = randomId();
  readonly #texts = new Map<CellId, Entry>();
  #comforts: Comforts | undefined;
  #lineNumbers = false;
  #writable = true;
  readonly #late = new Map<LateSlot, (cell: CellId) => Extension>();

  constructor(options: EditorsOptions) {
    this.#options = options;
  }

  /** Loads what editors do without at first paint, and gives it to those that are open. */
  async enrich(): Promise<void> {
    this.#comforts = await import("./editor/comforts.ts");
    for (const [cell, { text, language }] of this.#texts) {
      text.dispatch({
        effects: slots.comforts.reconfigure(this.#comforts.comforts(cell, language, this.#options.complete)),
      });
    }
  }

  /** The cell's text if it has been opened. */
  find(cell: CellId): CellText | undefined {
    return this.#texts.get(cell)?.text;
  }

  /** Shows a cell's editor in `parent`; the result takes it away again. */
  mount(cell: Cell, label: string, parent: HTMLElement): { readonly view: EditorView; readonly unmount: () => void } {
    let entry = this.#texts.get(cell.id);
    if (!entry) {
      const confirmed = this.#options.confirmed(cell.id);
      const name = grammarName(cell.language, confirmed?.text ?? cell.source);
      const text = new CellText({
        authority: this.#options.authority,
        cell: {
          id: cell.id,
          source: confirmed?.text ?? cell.source,
          textVersion: confirmed?.version ?? cell.textVersion,
        },
        client: this.#client,
        onError: this.#options.onError,
        extensions: editorSetup({
          language: cell.language,
          label,
          grammar: grammarNow(name) ?? [],
          onFirstLine: (line) => this.#followLine(cell.id, line),
          comforts: this.#comforts?.comforts(cell.id, cell.language, this.#options.complete) ?? [],
          lineNumbers: this.#lineNumbers,
          writable: this.#writable,
          presence: this.#late.get("presence")?.(cell.id) ?? [],
          people: this.#late.get("people")?.(cell.id) ?? [],
          comments: this.#late.get("comments")?.(cell.id) ?? [],
          events: this.#options.events(cell.id),
        }),
      });
      entry = { text, language: cell.language, grammar: name, label };
      this.#texts.set(cell.id, entry);
    }
    const { text } = entry;
    const view = text.mount(parent);
    this.rename(cell.id, label);
    this.setLanguage(cell.id, cell.language);
    this.#followLine(cell.id, text.text);
    if (grammarNow(entry.grammar) === undefined) this.#loadGrammar(cell.id, entry.grammar);
    return {
      view,
      unmount: () => {
        if (text.view === view) text.unmount();
      },
    };
  }

  /** Gives the editor of a cell another accessible name ("Cell 4, python"). */
  rename(cell: CellId, label: string): void {
    const entry = this.#texts.get(cell);
    if (!entry || entry.label === label) return;
    entry.label = label;
    entry.text.dispatch({ effects: slots.name.reconfigure(editorName(label)) });
  }

  /** Changes the grammar of a cell's editor. */
  setLanguage(cell: CellId, language: string): void {
    const entry = this.#texts.get(cell);
    if (!entry || entry.language === language) return;
    entry.language = language;
    entry.grammar = grammarName(language, entry.text.text);
    const comforts = this.#comforts?.comforts(cell, language, this.#options.complete);
    entry.text.dispatch({
      effects: [
        slots.grammar.reconfigure(grammarNow(entry.grammar) ?? []),
        ...(comforts ? [slots.comforts.reconfigure(comforts)] : []),
      ],
    });
    this.#loadGrammar(cell, entry.grammar);
  }

  /** The first line of a shell cell may name another program, whose grammar the cell then has. */
  #followLine(cell: CellId, line: string): void {
    const entry = this.#texts.get(cell);
    const name = entry && grammarName(entry.language, line);
    if (!entry || name === undefined || entry.grammar === name) return;
    entry.grammar = name;
    this.#loadGrammar(cell, name);
  }

  setLineNumbers(on: boolean): void {
    this.#lineNumbers = on;
    for (const { text } of this.#texts.values())
      text.dispatch({ effects: slots.lineNumbers.reconfigure(numbered(on)) });
  }

  /** Whether what is written in the editors can be changed. */
  setWritable(on: boolean): void {
    if (this.#writable === on) return;
    this.#writable = on;
    for (const { text } of this.#texts.values()) text.dispatch({ effects: slots.access.reconfigure(writable(on)) });
  }

  /** Gives every editor, also of later cells, something for one of its slots; the result takes it away. */
  extend(slot: LateSlot, make: (cell: CellId) => Extension): () => void {
    const put = (extension: (cell: CellId) => Extension): void => {
      for (const [cell, { text }] of this.#texts) text.dispatch({ effects: slots[slot].reconfigure(extension(cell)) });
    };
    this.#late.set(slot, make);
    put(make);
    return () => {
      this.#late.delete(slot);
      put(() => []);
    };
  }

  close(): void {
    for (const { text } of this.#texts.values()) text.close();
    this.#texts.clear();
  }

  #loadGrammar(cell: CellId, name: string): void {
    void grammar(name).then((extension) => {
      const entry = this.#texts.get(cell);
      if (entry?.grammar === name) entry.text.dispatch({ effects: slots.grammar.reconfigure(extension) });
    });
  }
}
