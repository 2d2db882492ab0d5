/** The shared files of an open notebook as a page holds them: a plain list, kept up to date from the document host. */
import { Emitter } from "../base/events.ts";
import { NO_FILES, type FileOperation, type SharedFiles } from "./files.ts";

/** What shared files ask of the document host. */
export interface FilesCalls {
  /** The files; `onReply` is called in the message's own turn, so that no event that follows is missed. */
  load(onReply: (shared: SharedFiles) => void): Promise<void>;
  perform(operation: FileOperation): Promise<void>;
  read(path: string): Promise<Uint8Array>;
}

export class FilesClient {
  readonly #calls: FilesCalls;
  readonly #changed = new Emitter<void>();
  #shared: SharedFiles = NO_FILES;
  #loading: Promise<void> | undefined;
  #isLoaded = false;

  constructor(calls: FilesCalls) {
    this.#calls = calls;
  }

  /** What is shared; nothing before `load`. */
  get shared(): SharedFiles {
    return this.#shared;
  }

  /** Asks for the files, once; from then on they are kept up to date, and their bytes are fetched from the others. */
  load(): Promise<void> {
    this.#loading ??= this.#calls
      .load((shared) => {
        this.#isLoaded = true;
        this.receive(shared);
      })
      .catch((error: unknown) => {
        this.#loading = undefined;
        throw error;
      });
    return this.#loading;
  }

  /** Puts a file there or takes one away, for everyone; fails in words where it may not be. */
  perform(operation: FileOperation): Promise<void> {
    return this.#calls.perform(operation);
  }

  /** The bytes of a file that is here. `missing` or `corrupt` where it is not. */
  read(path: string): Promise<Uint8Array> {
    return this.#calls.read(path);
  }

  onChange(listener: () => void): () => void {
    return this.#changed.on(listener);
  }

  /** For NotebookClient only: an event of this document. */
  receive(shared: SharedFiles): void {
    // What is told before is in the answer to `load`.
    if (!this.#isLoaded) return;
    this.#shared = shared;
    this.#changed.emit();
  }
}
