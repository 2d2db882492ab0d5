/** Models as panels reach them: what this browser keeps of them, wherever they came from, and what is on its way. */
import type { Author } from "#core/artefact/manifest.ts";
import type { Publication } from "#core/artefact/messages.ts";
import type { DocumentId } from "#core/base/ids.ts";

/** A model that is kept, whole or in part. */
export interface StoredModel {
  /** Where it came from: "https://…" or "ipfs://CID/path". */
  readonly address: string;
  /** Its file's name. */
  readonly name: string;
  /** What its artefact is called; undefined for others. */
  readonly title: string | undefined;
  /** Of the whole file; undefined while nobody knows. */
  readonly size: number | undefined;
  /** Bytes that are here; undefined where blocks are not counted. */
  readonly here: number | undefined;
  readonly isWhole: boolean;
  readonly licence: string | undefined;
  /** Its content as IPFS names it; undefined while it is not whole. */
  readonly cid: string | undefined;
  /** When it was last wanted, in milliseconds since 1970. */
  readonly used: number;
  /** It is not given up when room is wanted. */
  readonly isPinned: boolean;
  /** Files that belong to it, which count in all of this. */
  readonly parts: readonly string[];
  /** People of a shared notebook gave it, or some of it. */
  readonly isFromPeople: boolean;
}

/** A download of this page. */
export interface ModelDownload {
  readonly address: string;
  readonly name: string;
  /** The file of it that comes now, where it has several. */
  readonly part: string | undefined;
  readonly bytes: number;
  readonly total: number | undefined;
  /** It stopped because its hub wants a token: the hub's origin. */
  readonly wantsToken: string | undefined;
  /** Why it stopped, a sentence; undefined while it goes on. */
  readonly trouble: string | undefined;
}

/** What the models of the open notebook take in memory. */
export interface ModelUse {
  readonly budget: number;
  readonly used: number;
  readonly models: readonly {
    readonly names: readonly string[];
    /** Where they were fetched from; none for files of the workspace and what ships. */
    readonly addresses: readonly string[];
    readonly memory: number;
    /** How many in its cells hold it. */
    readonly holders: number;
    /** What runs it, "wasm" or "webgpu", and why; undefined of those that are not for `kroma.ml.load`. */
    readonly device?: string;
    readonly deviceReason?: string;
  }[];
}

/** A file that is published as a model. */
export interface ModelFile {
  /** Tells it from others: an address, or the notebook and the path in it. */
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
}

/** What a person says of a model that they publish. */
export interface ModelSaid {
  readonly title: string;
  readonly version: string;
  readonly licence: string;
  readonly authors: readonly Author[];
  /** The name under which keys are made, when there are none yet. */
  readonly signAs: string;
}

/** All that return a promise reject with a KromaError whose message is a sentence for a person. */
export interface Models {
  /** The last used first. */
  list(): Promise<readonly StoredModel[]>;
  /** Those under way, and those that stopped by a failure. Tracks (a Solid signal). */
  downloads(): readonly ModelDownload[];
  /**
   * Fetches what a text means (an address, "hub:owner/name/file", a CID), on from where it stopped. Throws `invalid` when it means
   * nothing; the rest is told in `downloads`. The people of a shared notebook that is named are asked first, and can have it too.
   */
  download(source: string, notebook?: DocumentId): void;
  /** Stops a download, or takes one off the list that has failed; what came of it is kept. */
  pause(address: string): void;
  setPinned(address: string, isPinned: boolean): Promise<void>;
  remove(address: string): Promise<void>;
  /** A model that is kept, to be published; all of it is in memory then. */
  file(address: string, signal: AbortSignal): Promise<ModelFile>;
  /** A block of a model from the web that is kept whole, for people of a notebook; undefined when it is none of it. */
  block(address: string, cid: string): Promise<Uint8Array | undefined>;
  /** Makes a signed artefact of a model, and pins it. The people of a notebook that is named can have it from here. */
  publish(
    file: ModelFile,
    said: ModelSaid,
    work: {
      readonly signal: AbortSignal;
      readonly progress: (told: { readonly bytes: number; readonly total: number | undefined }) => void;
      readonly notebook: DocumentId | undefined;
    },
  ): Promise<Publication>;
  /** Keeps a token for a hub, in this browser only; an empty one is forgotten. Throws `invalid` for what is none. */
  setToken(hub: string, token: string): void;
  /** True when models of a shared notebook are given to its people. Tracks. */
  givesModels(): boolean;
  setGivesModels(gives: boolean): void;
  /** What is kept has changed. */
  onChange(listener: () => void): () => void;
}
