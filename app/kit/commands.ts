/**
 * The one command table. Palette, menus, keys and the shortcut help all read it; a plugin adds to it through the
 * facet. A command is data plus `run`; what it may touch is the `CommandContext`, never the page's components.
 */
import type { CellId, Language } from "#core/base/ids.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import type { Cell, CellKind, NotebookOperation } from "#core/notebook/model.ts";
import type { Session } from "#core/session/session.ts";
import { Facet } from "#core/plugin/facet.ts";
import type { Artefacts } from "./artefacts.ts";
import type { Comments } from "./comments.ts";
import type { Models, ModelUse } from "./models.ts";
import type { NameAccess } from "./names.ts";
import type { Network } from "./network.ts";
import type { SharedFilesView } from "./shared-files.ts";
import type { Question } from "./question.tsx";

/** Jupyter's two modes: keys act on cells, or go into the text. */
export type Mode = "command" | "edit";
/** Where a command makes sense and its keys count. "notebook" is both modes, "panel" a panel that has the keys for itself. */
export type When = "command" | "edit" | "notebook" | "panel" | "library" | "always";

/** Where the caret goes when an editor gets the focus: a place, an offset, or where it was. */
export type Caret = "start" | "end" | number | undefined;

/** The Linux machine of a notebook as it is kept from one visit to the next. */
export interface KeptMachine {
  /** Bytes that it takes in this browser's storage. */
  usage(): Promise<number>;
  /** The disks that are kept, each as a gzipped image of an ext4 file system; none if nothing is. */
  export(): Promise<readonly { readonly name: string; readonly image: Blob }[]>;
  /** Has the machine begin anew: what it changed is gone. If it runs it is restarted. */
  reset(): Promise<void>;
}

/** An open notebook as a command sees it. */
export interface NotebookView {
  readonly client: NotebookClient;
  readonly session: Session;
  readonly machine: KeptMachine;
  readonly mode: () => Mode;
  readonly cells: () => readonly Cell[];
  readonly active: () => CellId | undefined;
  /** The chosen cells in notebook order; the active one is among them. */
  readonly selected: () => readonly CellId[];
  /** The caret of the active cell's editor, in UTF-16 units. */
  readonly caret: () => number | undefined;
  indexOf(cell: CellId): number;
  cell(id: CellId): Cell | undefined;
  /** Makes a cell the active one; `extend` keeps the other end of the selection. */
  choose(cell: CellId, options?: { readonly extend?: boolean; readonly mode?: Mode; readonly caret?: Caret }): void;
  setMode(mode: Mode, caret?: Caret): void;
  /** Why nothing of it can be run here, a sentence; undefined when it can. Tracks. */
  readonly runRefusal: () => string | undefined;
  /** Why the notebook can't be changed here, a sentence; undefined when it can. Tracks. */
  readonly refusal: () => string | undefined;
  /** Changes the notebook; the change can be taken back by `undo`. `denied` where there is a refusal. */
  change(operations: readonly NotebookOperation[], label: string): Promise<void>;
  undo(): Promise<void>;
  redo(): Promise<void>;
  /** Runs cells; markdown among them is rendered. For oneself alone where there is a refusal. */
  run(cells: readonly CellId[]): void;
  clipboard: readonly Cell[];
  insert(after: CellId | undefined, kind: CellKind, language: Language, source?: string): Promise<CellId>;
  readonly comments: Comments;
  readonly sharedFiles: SharedFilesView;
  /** What its models take in memory; undefined while its cells have loaded none. */
  modelUse(): Promise<ModelUse | undefined>;
  readonly lineNumbers: () => boolean;
  setLineNumbers(on: boolean): void;
  scroll(pages: number): void;
  /** The list of cells on the page, once it is there. */
  readonly list: { scrollTo(cell: CellId, align?: "nearest" | "start"): void } | undefined;
}

/** What the page can do besides the notebook. */
export interface PageActions {
  openPalette(): void;
  openShortcuts(): void;
  openFind(): void;
  /** Opens a panel by id, or closes it if it is open. */
  togglePanel(id: string): void;
  /** Opens a panel by id, if it is not. */
  openPanel(id: string): void;
  /** Says something for a few seconds, with at most one thing to do about it. */
  toast(text: string, action?: { readonly label: string; readonly run: () => void }): void;
  /** Asks before something is lost; false if the person says no. */
  ask(question: Question): Promise<boolean>;
  /** Says something to screen readers only. */
  announce(text: string): void;
  goToLibrary(): void;
  newNotebook(): Promise<void>;
  openDocument(document: string): void;
  importFiles(): void;
  /** Asks which published notebook to open: an address, or a .car file. */
  openArtefact(): void;
  download(name: string, content: Uint8Array | Blob, mimeType: string): void;
  setTheme(theme: "system" | "light" | "dark" | "contrast"): void;
  /** The way to other people. */
  readonly network: Network;
  /** What was published, here and elsewhere. */
  readonly artefacts: Artefacts;
  /** Names that stand for the newest version of something; loaded when first asked for. */
  names(): Promise<NameAccess>;
  /** What is kept of models; loaded when first asked for. */
  models(): Promise<Models>;
}

export interface CommandContext {
  readonly page: PageActions;
  /** Undefined on the library page. */
  readonly view: NotebookView | undefined;
}

export interface Command {
  readonly id: string;
  /** Sentence case, as it stands in the palette. */
  readonly title: string;
  /** "Shift-Enter", "Mod-Shift-p" (Mod is Ctrl, on a Mac Cmd), or a sequence "d d". */
  readonly keys: readonly string[];
  readonly when: When;
  /** Heading in the shortcut help. */
  readonly group: string;
  /** Absent: always possible where `when` allows. */
  isEnabled?(context: CommandContext): boolean;
  run(context: CommandContext): void | Promise<void>;
}

/** All commands, in the order their plugins are listed. */
export const commands = Facet.define<readonly Command[], readonly Command[]>("commands", (lists) => lists.flat());

/** True when the command's keys and its palette entry count in this context. */
export function isPossible(command: Command, context: CommandContext): boolean {
  const { view } = context;
  const place = command.when === "always" || (command.when === "library" ? view === undefined : view !== undefined);
  return place && (command.isEnabled?.(context) ?? true);
}
