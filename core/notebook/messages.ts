/**
 * What a page (or the CLI) says to the document worker and hears from it. The page holds no Automerge: it sends
 * operations, and typing against a version, and gets patches of the plain view in model.ts.
 *
 * Typing follows @codemirror/collab: the worker is the authority, each cell's text has a version that counts updates.
 * `edit` against an old version is ignored (reply `accepted: false`): the page will already have been sent the newer
 * updates, rebases over them and sends again. Updates from peers are updates like any other, of client "".
 *
 * Every request gets exactly one `reply` or `failed`. Those that change a document are answered when applied;
 * `durable` follows when everything up to that `seq` is on disk.
 */
import type { CellId, DocumentId } from "../base/ids.ts";
import type { WireError } from "../base/errors.ts";
import type { CommentOperation, CommentThread } from "./comments.ts";
import type { FileOperation, SharedFiles } from "./files.ts";
import type { Cell, Notebook, NotebookOperation, Run } from "./model.ts";

/** An update of @codemirror/collab in JSON: `changes` is ChangeSet.toJSON(). */
export interface TextUpdate {
  readonly client: string;
  readonly changes: readonly (number | readonly [number, ...string[]])[];
}

export interface LibraryEntry {
  readonly document: DocumentId;
  readonly title: string;
  /** First words of the notebook, at most 160 characters. */
  readonly excerpt: string;
  readonly cells: number;
  readonly languages: readonly string[];
  /** Unix time in milliseconds of the last change. */
  readonly changed: number;
  /** Where it came from, if it was imported: "notebooks/welcome.ipynb" or a URL. One entry per origin. */
  readonly origin?: string;
  /** The notebook that this one was branched off from, and where. */
  readonly branchOf?: { readonly document: DocumentId; readonly heads: readonly string[] };
  /** The published notebook that it was opened from. */
  readonly artefact?: ArtefactOrigin;
  /** True when it came from elsewhere and nobody has trusted it yet. */
  readonly foreign: boolean;
}

/** Which published notebook one of the library is: itself as it was published, or a fork, which is one's own. */
export interface ArtefactOrigin {
  /** The CID of its root. */
  readonly root: string;
  readonly isFork: boolean;
}

/** Some changes: the last ones of a state, or those that came after one and were made by a time, in milliseconds. */
export type WhichChanges =
  | { readonly heads: readonly string[]; readonly changes: number }
  | { readonly since: readonly string[]; readonly until?: number };

export type ImportFormat = "ipynb" | "percent";

interface Request {
  readonly id: string;
}
interface OnDocument extends Request {
  readonly document: DocumentId;
}

export type ToDocument =
  | (Request & { readonly type: "list" })
  /** reply: { document } */
  | (Request & { readonly type: "create"; readonly title: string; readonly language?: string })
  /** Deterministic: the same file makes the same change hash. reply: { document, warnings: string[] } */
  | (Request & {
      readonly type: "import";
      readonly name: string;
      readonly bytes: Uint8Array;
      readonly origin?: string;
      readonly foreign?: boolean;
      readonly artefact?: ArtefactOrigin;
      /** True: if a document of this origin exists, give it back instead of importing again. */
      readonly once?: boolean;
    })
  | (OnDocument & { readonly type: "duplicate" })
  /** A new notebook of a state, with the history up to there. reply: { document } */
  | (OnDocument & { readonly type: "branch"; readonly heads: readonly string[]; readonly title: string })
  /** What merging this branch back would change. reply: MergePreview */
  | (OnDocument & { readonly type: "preview_merge" })
  /** Merges this branch back. reply: { document }, the notebook it was taken from */
  | (OnDocument & { readonly type: "merge_back" })
  | (OnDocument & { readonly type: "remove" })
  | (OnDocument & { readonly type: "undelete" })
  | (OnDocument & { readonly type: "trust" })
  /** reply: { notebook, heads, entry, readonly fromCache: boolean }; after it the changed/text events of this document flow. */
  | (OnDocument & { readonly type: "open" })
  | (OnDocument & { readonly type: "close" })
  /** Several operations as one change. reply: { inverse: NotebookOperation[] } which undoes exactly this. */
  | (OnDocument & { readonly type: "change"; readonly operations: readonly NotebookOperation[] })
  /** reply: { accepted: boolean } */
  | (OnDocument & {
      readonly type: "edit";
      readonly cell: CellId;
      readonly version: number;
      readonly updates: readonly TextUpdate[];
    })
  /** Output of a run under way, kept for a crash but not in the document. No reply is waited for. */
  | (OnDocument & { readonly type: "run_progress"; readonly cell: CellId; readonly run: Run })
  /** The sessions of work that led to a state (to the present without one), latest first. reply: HistoryPage */
  | (OnDocument & { readonly type: "history"; readonly from?: readonly string[]; readonly sessions: number })
  /** The notebook as it was, with what differs from an earlier state. reply: PastState */
  | (OnDocument & { readonly type: "past"; readonly heads: readonly string[]; readonly before?: readonly string[] })
  /** Who changed which cells: in the last changes of a state, or since one. reply: ChangedBy */
  | (OnDocument & { readonly type: "changed_by"; readonly which: WhichChanges })
  /** What was made between the visit of a page before this one and this one. reply: Away, or undefined */
  | (OnDocument & { readonly type: "away" })
  /** How much history the present document has in it. reply: HistorySize */
  | (OnDocument & { readonly type: "history_size" })
  /** reply: { bytes: Uint8Array } */
  | (OnDocument & { readonly type: "export"; readonly format: ImportFormat })
  /** Goes on without the history, which is kept as a block. reply: {} */
  | (OnDocument & { readonly type: "reseed" })
  /** Passes `payload` to every other page that has the document open. */
  | (OnDocument & { readonly type: "relay"; readonly payload: unknown })
  /** reply: { threads: CommentThread[] }; after it, and whenever anybody asked before, the comments events flow. */
  | (OnDocument & { readonly type: "open_comments" })
  | (OnDocument & { readonly type: "comment"; readonly operation: CommentOperation })
  /** reply: SharedFiles; after it, and whenever anybody asked before, the files events flow. Their bytes are fetched. */
  | (OnDocument & { readonly type: "open_files" })
  | (OnDocument & { readonly type: "change_files"; readonly operation: FileOperation })
  /** reply: { bytes: Uint8Array } of a file that is here */
  | (OnDocument & { readonly type: "read_file"; readonly path: string })
  /** Resolves when all is durable. */
  | (Request & { readonly type: "flush" });

export type FromDocument =
  | { readonly type: "reply"; readonly parent: string; readonly value: unknown }
  | { readonly type: "failed"; readonly parent: string; readonly error: WireError }
  | { readonly type: "library"; readonly entries: readonly LibraryEntry[] }
  /** Changed or new cells (whole, but for `source`, which is right at `textVersion`), the order if it changed. */
  | {
      readonly type: "changed";
      readonly document: DocumentId;
      readonly seq: number;
      readonly cells: readonly Cell[];
      readonly order?: readonly CellId[];
      readonly notebook?: Omit<Notebook, "cells">;
    }
  /** Text updates that bring the cell from `version` to `version + updates.length`, one's own included. */
  | {
      readonly type: "text";
      readonly document: DocumentId;
      readonly seq: number;
      readonly cell: CellId;
      readonly version: number;
      readonly updates: readonly TextUpdate[];
    }
  /** Threads that are new or differ, also in their place only, and those that are gone. */
  | {
      readonly type: "comments";
      readonly document: DocumentId;
      readonly changed: readonly CommentThread[];
      readonly removed: readonly string[];
    }
  /** All that is shared by now, and how much of it has come. */
  | { readonly type: "files"; readonly document: DocumentId; readonly shared: SharedFiles }
  /** A member has signed changes: the history names more. */
  | { readonly type: "signed"; readonly document: DocumentId }
  /** Everything up to `seq` is on disk. */
  | { readonly type: "durable"; readonly document: DocumentId; readonly seq: number }
  /** It goes on as another document, without the history up to here: `begun` on this machine, or after a peer. */
  | { readonly type: "reseeded"; readonly document: DocumentId; readonly begun: boolean }
  /** Storage is denied, full or broken: work goes on in memory. A sentence for a person. */
  | { readonly type: "storage"; readonly state: "ok" | "memory" | "full"; readonly message: string }
  | { readonly type: "relayed"; readonly document: DocumentId; readonly payload: unknown };
