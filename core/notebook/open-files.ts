/**
 * The shared files of one notebook while they are open: their list, which of their blocks are here, and their bytes as
 * they go in and out. Blocks are asked of others only while somebody here wants the files (SPEC.md, F6).
 */
import type { DocumentId } from "../base/ids.ts";
import { concatenate } from "../base/bytes.ts";
import { isSameJson } from "../base/canonical-json.ts";
import { KromaError } from "../base/errors.ts";
import { blockCid } from "../store/cid.ts";
import type { DocStore } from "../store/stores.ts";
import type { NotebookBlocks } from "./notebook-blocks.ts";
import { DocumentSync } from "./document-sync.ts";
import {
  applyFile,
  blankFiles,
  FILES_CHUNK_LIMITS,
  readFiles,
  type FilesRecord,
  type ListedFiles,
  type StoredFile,
} from "./files-document.ts";
import { FILE_BLOCK_BYTES, MOST_FILE_BYTES, NO_FILES, type FileOperation, type SharedFiles } from "./files.ts";
import type { FromDocument } from "./messages.ts";
import { PartDocument } from "./part-document.ts";

/** What open files need, and whom they tell. */
export interface OpenFilesOptions {
  readonly id: DocumentId;
  readonly store: DocStore;
  readonly blocks: NotebookBlocks;
  /** Automerge's WASM is ready. */
  readonly automerge: Promise<void>;
  readonly now: () => number;
  /** True: whatever is shared is fetched, as somebody who keeps notebooks for others does. */
  readonly keepsFiles: boolean;
  /** They are others than were told before. */
  emit(event: Extract<FromDocument, { readonly type: "files" }>): void;
  /** The document has changed, here or by a peer, or other blocks are wanted. */
  changed(): void;
  /** All is on disk. */
  durable(): void;
  /** A write succeeded, or failed with this. */
  stored(error: unknown): void;
  /** They could not be loaded: whoever asks next begins anew. */
  failed(): void;
}

/** Blocks that come are told at most so often, in milliseconds. */
const TELL_EVERY = 100;

export class OpenFiles {
  readonly #options: OpenFilesOptions;
  readonly #document: PartDocument<FilesRecord>;
  #listed: ListedFiles = { files: [], deleted: [], withheld: [], leftOut: [] };
  #blocks: ReadonlySet<string> = new Set();
  /** Of them, those that are here. */
  readonly #here = new Set<string>();
  #told: SharedFiles = NO_FILES;
  #isWanted: boolean;
  #telling: ReturnType<typeof setTimeout> | undefined;

  constructor(options: OpenFilesOptions) {
    this.#options = options;
    this.#isWanted = options.keepsFiles;
    this.#document = new PartDocument<FilesRecord>({
      ...options,
      part: "files",
      blank: blankFiles,
      isWhole: (record) => record.files !== undefined,
      loaded: async () => {
        await this.#read();
        this.#told = this.#shown();
      },
      merged: () => this.#refresh(),
    });
  }

  /** True when nothing is waiting, under way or unsaved: they can go. */
  get isIdle(): boolean {
    return this.#document.isIdle;
  }

  /** Calls `reply` with the files, in the same turn from which on changes are told; from then on they are fetched. */
  async open(reply: (files: SharedFiles) => void): Promise<void> {
    await this.#document.enqueue(() => reply(this.#told));
    this.#want(true);
  }

  /** Nobody here wants them any more. */
  unwant(): void {
    this.#want(this.#options.keepsFiles);
  }

  /** False when what is stored of them is broken. */
  isReadable(): Promise<boolean> {
    return this.#document.isReadable();
  }

  /** Applies an operation. Fails in words where it may not be. */
  async perform(operation: FileOperation): Promise<void> {
    const { path } = operation;
    const entry =
      operation.type === "put_file"
        ? await this.#store(operation)
        : ({ state: operation.type === "delete_file" ? "deleted" : "withheld" } as const);
    await this.#document.enqueue(async () => {
      this.#document.replace(applyFile(this.#document.present, path, entry, this.#options.now()));
      await this.#refresh();
    });
  }

  /** The bytes of the file at a path. `missing` when there is none or it has not come, `corrupt` when it is another one. */
  async read(path: string): Promise<Uint8Array> {
    const file = await this.#document.enqueue(() => this.#listed.files.find((one) => one.path === path));
    if (!file) throw new KromaError("missing", `“${path}” is not shared any more.`);
    const pieces = await Promise.all(file.blocks.map((cid) => this.#options.blocks.get(cid)));
    if (pieces.some((piece) => piece === undefined)) throw new KromaError("missing", `“${path}” has not come yet.`);
    const bytes = concatenate(pieces.filter((piece) => piece !== undefined));
    // Each block was checked; whether together they are the file, only the whole tells.
    if (bytes.length !== file.size || (await blockCid(bytes)) !== file.cid)
      throw new KromaError("corrupt", `“${path}” is not what it is said to be, and was left out.`);
    return bytes;
  }

  /** A view of one peer. */
  syncWith(mayWrite: boolean, from: string): DocumentSync {
    return new DocumentSync(this.#document, mayWrite, FILES_CHUNK_LIMITS, from);
  }

  /** CIDs of blocks that are wanted and not here. */
  async missingBlocks(): Promise<readonly string[]> {
    await this.#document.enqueue(() => undefined);
    return this.#isWanted ? [...this.#blocks].filter((cid) => !this.#here.has(cid)) : [];
  }

  /** True when a shared file consists of this block: whoever may read the notebook may have it. */
  async #hasBlock(cid: string): Promise<boolean> {
    await this.#document.enqueue(() => undefined);
    return this.#blocks.has(cid);
  }

  /** A block of a shared file; undefined when it is not here, or of no file of this notebook. */
  async block(cid: string): Promise<Uint8Array | undefined> {
    return (await this.#hasBlock(cid)) ? await this.#options.blocks.get(cid) : undefined;
  }

  /** Takes in a block, whose name was checked; false when no shared file has it. */
  async take(cid: string, bytes: Uint8Array): Promise<boolean> {
    if (!(await this.#hasBlock(cid))) return false;
    await this.#options.blocks.put(this.#options.id, bytes);
    this.#here.add(cid);
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      this.#tell();
    }, TELL_EVERY);
    return true;
  }

  /** Resolves when everything so far is on disk; fails when it can't be put there. */
  flush(): Promise<void> {
    return this.#document.flush();
  }

  /** Lets go of the memory. Only after a flush, or what is not saved is lost. */
  close(): void {
    clearTimeout(this.#telling);
    this.#document.close();
  }

  #want(isWanted: boolean): void {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    this.#options.changed();
  }

  async #store(file: Extract<FileOperation, { readonly type: "put_file" }>): Promise<StoredFile> {
    const { path, bytes, modified, executable } = file;
    if (bytes.length > MOST_FILE_BYTES)
      throw new KromaError(
        "exhausted",
        `“${path}” is not shared: it has ${Math.ceil(bytes.length / 2 ** 20)} MiB, and at most ${MOST_FILE_BYTES >> 20} MiB can be.`,
      );
    const blocks: string[] = [];
    for (let at = 0; at === 0 || at < bytes.length; at += FILE_BLOCK_BYTES) {
      const cid = await this.#options.blocks.put(this.#options.id, bytes.slice(at, at + FILE_BLOCK_BYTES));
      blocks.push(cid);
    }
    const [first = ""] = blocks;
    return {
      cid: blocks.length === 1 ? first : await blockCid(bytes),
      size: bytes.length,
      modified: Math.max(0, Math.floor(modified)),
      ...(executable ? { executable: true as const } : {}),
      ...(blocks.length === 1 ? {} : { blocks }),
    };
  }

  async #refresh(): Promise<void> {
    await this.#read();
    this.#tell();
    this.#options.changed();
  }

  async #read(): Promise<void> {
    this.#listed = readFiles(this.#document.present);
    const before = this.#blocks;
    this.#blocks = new Set(this.#listed.files.flatMap(({ blocks }) => blocks));
    const { id, blocks } = this.#options;
    const unknown = [...this.#blocks].filter((cid) => !this.#here.has(cid));
    for (const cid of await blocks.keep(id, unknown)) this.#here.add(cid);
    const gone = [...before].filter((cid) => !this.#blocks.has(cid));
    for (const cid of gone) this.#here.delete(cid);
    await blocks.letGo(id, gone);
  }

  #tell(): void {
    const shown = this.#shown();
    if (isSameJson(shown, this.#told)) return;
    this.#told = shown;
    this.#options.emit({ type: "files", document: this.#options.id, shared: shown });
  }

  #shown(): SharedFiles {
    const { files, ...paths } = this.#listed;
    return {
      ...paths,
      files: files.map(({ blocks, ...file }) => ({ ...file, here: hereOf(file.size, blocks, this.#here) })),
    };
  }
}

/** How many bytes of a file have come. */
function hereOf(size: number, blocks: readonly string[], here: ReadonlySet<string>): number {
  let bytes = 0;
  for (const [index, cid] of blocks.entries()) {
    if (!here.has(cid)) continue;
    bytes += index === blocks.length - 1 ? size - index * FILE_BLOCK_BYTES : FILE_BLOCK_BYTES;
  }
  return bytes;
}
