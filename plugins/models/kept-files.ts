/** What the store of models needs of a place that keeps files: the browser's private file system, or a folder. */

/** An open file. Nobody else has it open. */
export interface KeptFile {
  readonly size: number;
  /** Reads into all of `into`; the file must have as many bytes from `at` on. */
  read(into: Uint8Array, at: number): void;
  write(bytes: Uint8Array, at: number): void;
  truncate(size: number): void;
  /** What was written outlives a crash from here on. */
  flush(): void;
  close(): void;
}

export interface KeptFiles {
  /** Opens a file, empty if it is new. Throws `unavailable` when another tab has it. */
  open(name: string): Promise<KeptFile>;
  /** Bytes of a file, also of one that is open elsewhere; 0 if it is not there. */
  size(name: string): Promise<number>;
  names(): Promise<readonly string[]>;
  /** No error if it is not there. */
  remove(name: string): Promise<void>;
  /** Bytes that still fit, if that can be known. */
  room(): Promise<number | undefined>;
  /** Runs `work` while no other tab or process does so for the same name. */
  alone<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
  /** The same if nobody does so now; else nothing, and false. */
  ifIdle(name: string, work: () => Promise<void>): Promise<boolean>;
}
