/**
 * The notebook as everyone outside the document sees it: plain, immutable data, and the operations that change it.
 * The Automerge document behind it (document.ts) is known only to the document worker.
 */
import type { CellId, Language, RunId } from "../base/ids.ts";
import type { MimeBundle } from "../kernel/mime.ts";

export type CellKind = "code" | "markdown" | "raw";

/** An output as nbformat 4.5 stores it, except that `text` and data are joined strings, never arrays. */
export type Output =
  | { readonly output_type: "stream"; readonly name: "stdout" | "stderr"; readonly text: string }
  | {
      readonly output_type: "display_data";
      readonly data: MimeBundle;
      readonly metadata: Readonly<Record<string, unknown>>;
      readonly displayId?: string;
    }
  | {
      readonly output_type: "execute_result";
      readonly data: MimeBundle;
      readonly metadata: Readonly<Record<string, unknown>>;
      readonly execution_count: number | undefined;
    }
  | {
      readonly output_type: "error";
      readonly ename: string;
      readonly evalue: string;
      readonly traceback: readonly string[];
      readonly line?: number;
    };

/** How a run ended or stands. "lost": the tab died while it ran; what it had put out by then is kept. */
export type RunStatus = "running" | "ok" | "error" | "aborted" | "lost" | "imported";

/** One run of one cell, with its outputs. There is one writer: the session that runs it. */
export interface Run {
  readonly id: RunId;
  readonly status: RunStatus;
  readonly count: number | undefined;
  /** Unix time in milliseconds; undefined for imported outputs. */
  readonly started: number | undefined;
  /** Duration in milliseconds once it ended. */
  readonly ms: number | undefined;
  /** Hash of the source that was run, to tell a stale cell from a fresh one (core/base/source-hash.ts). */
  readonly sourceHash: string;
  readonly outputs: readonly Output[];
  /** The CID of the outputs, while they are not on this machine: `outputs` is empty then. */
  readonly missing?: string;
  /** How the file wrote imported outputs where that differs from Jupyter's way; only ipynb.ts reads it. */
  readonly shape?: readonly unknown[];
}

export interface Cell {
  readonly id: CellId;
  readonly kind: CellKind;
  /** For code cells the kernel's name; "markdown" and "raw" for the others. */
  readonly language: Language;
  /** LF line ends only. */
  readonly source: string;
  /** Number of text updates applied in this opening of the document: the version of @codemirror/collab. */
  readonly textVersion: number;
  /** The .ipynb metadata of the cell, losslessly. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly attachments?: Readonly<Record<string, MimeBundle>>;
  /** The last run, with outputs. */
  readonly run: Run | undefined;
  /** How the file wrote the cell where the model does not say; only the formats read it. */
  readonly shape?: CellShape;
}

/** Facts of an imported file that a cell's other fields do not hold, kept so that an unchanged cell comes out as it went in. */
export interface CellShape {
  /** The source as the file had it, and the hash of the source for which that is still right. */
  readonly source?: { readonly hash: string; readonly value: string | readonly string[] };
  /** The language at import, and the line that said so, if one did. */
  readonly language?: string;
  readonly magic?: string;
  /** Attachments as the file had them, and the hash of the canonical ones for which that is still right. */
  readonly attachments?: { readonly hash: string; readonly value: unknown };
  /** Fields of the cell that nbformat does not name. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** The same for the notebook. */
export interface NotebookShape {
  readonly minor?: number;
  /** Title and language at import: only a change of them is written to the file. */
  readonly title?: string;
  readonly language?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Whole numbers of the file that JavaScript can't hold; in the path a cell stands by its id. */
  readonly numbers?: readonly { readonly path: readonly (string | number)[]; readonly text: string }[];
}

/** A state of the notebook that somebody gave a name. */
export interface NamedVersion {
  readonly id: string;
  /** At most 80 characters. */
  readonly name: string;
  /** Unix time in milliseconds at which it was named. */
  readonly time: number;
  /** The changes that it is made of: it has these and all that they build on. */
  readonly heads: readonly string[];
}

export interface Notebook {
  readonly title: string;
  /** Language of new cells and of the .ipynb's kernelspec. */
  readonly language: Language;
  /** The .ipynb metadata of the notebook, losslessly. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** In order. */
  readonly cells: readonly Cell[];
  /** Latest first; absent while there are none. */
  readonly versions?: readonly NamedVersion[];
  readonly shape?: NotebookShape;
}

/** A cell to be made. */
export interface NewCell {
  readonly id: CellId;
  readonly kind: CellKind;
  readonly language: Language;
  readonly source: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly attachments?: Readonly<Record<string, MimeBundle>>;
}

/**
 * A change of the notebook other than typing: plain data, may cross any boundary. One that names a cell which is
 * gone is ignored (a peer was faster). `after: undefined` means at the top.
 */
export type NotebookOperation =
  | { readonly type: "insert_cell"; readonly cell: NewCell; readonly after: CellId | undefined }
  | { readonly type: "delete_cell"; readonly cell: CellId }
  /** Brings back a deleted cell, at its old place. */
  | { readonly type: "restore_cell"; readonly cell: CellId }
  /** `position` is the exact former place, as an inverse gives it; it wins over `after`. */
  | {
      readonly type: "move_cell";
      readonly cell: CellId;
      readonly after: CellId | undefined;
      readonly position?: string;
    }
  /**
   * `at` is an offset in UTF-16 code units; the tail goes to a new cell below. One line end at the cut goes away.
   * Outputs stay with the first.
   */
  | { readonly type: "split_cell"; readonly cell: CellId; readonly at: number; readonly newCell: CellId }
  /** Appends `other` to `cell`, with `separator` (a line end if not given) between, and deletes `other`. */
  | { readonly type: "merge_cells"; readonly cell: CellId; readonly other: CellId; readonly separator?: string }
  | { readonly type: "set_language"; readonly cell: CellId; readonly kind: CellKind; readonly language: Language }
  /** undefined as a value removes the key. */
  | { readonly type: "set_cell_metadata"; readonly cell: CellId; readonly metadata: Readonly<Record<string, unknown>> }
  | { readonly type: "set_metadata"; readonly metadata: Readonly<Record<string, unknown>> }
  | { readonly type: "set_title"; readonly title: string }
  /** Names a version, or gives it another name; undefined takes the name away. */
  | { readonly type: "set_version"; readonly version: string; readonly to: Omit<NamedVersion, "id"> | undefined }
  /** Replaces all attachments of the cell. */
  | {
      readonly type: "set_attachments";
      readonly cell: CellId;
      readonly attachments: Readonly<Record<string, MimeBundle>> | undefined;
    }
  /** With `version`, `at` and `remove` are meant in the text of that textVersion and are moved along with later changes. */
  | {
      readonly type: "splice_text";
      readonly cell: CellId;
      readonly at: number;
      readonly remove: number;
      readonly insert: string;
      readonly version?: number;
    }
  /** The writer's word on a run: replaces what was said of the same run id, and becomes the cell's run. */
  | { readonly type: "set_run"; readonly cell: CellId; readonly run: Run }
  | { readonly type: "clear_run"; readonly cell: CellId };
