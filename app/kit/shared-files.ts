/** The files that a notebook's people have in common, as panels and views see them. */
import type { SharedFile } from "#core/notebook/files.ts";

/** All functions that return a promise reject with a KromaError whose message is a sentence for a person. */
export interface SharedFilesView {
  /** True while the notebook is shared, and its files are here to be shared. Tracks. */
  isOn(): boolean;
  /** True when what is done to files here is done for everyone. Tracks. */
  mayWrite(): boolean;
  /** True of a file that the others have too. Tracks. */
  isShared(path: string): boolean;
  /** Files of the others that are not here yet. Tracks. */
  coming(): readonly Pick<SharedFile, "path" | "size" | "here">[];
  /** Why files are not shared, or can't be had: sentences. Tracks. */
  leftOut(): readonly string[];
  /** Has the others get a file that no cell names. */
  share(path: string): Promise<void>;
  /** Takes a file out: what the others have of it is theirs from now on. */
  withhold(path: string): Promise<void>;
  /** Resolves when what cells may read is here, as far as somebody is there who has it; never rejects. */
  arrived(): Promise<void>;
}

/** Of a notebook whose files nobody shares. */
export const NO_SHARED_FILES: SharedFilesView = {
  isOn: () => false,
  mayWrite: () => false,
  isShared: () => false,
  coming: () => [],
  leftOut: () => [],
  share: () => Promise.resolve(),
  withhold: () => Promise.resolve(),
  arrived: () => Promise.resolve(),
};
