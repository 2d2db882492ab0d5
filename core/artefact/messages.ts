/**
 * What a page and the worker that holds its artefacts say to each other. Each request gets one `reply` or `failed`; long
 * ones tell their `progress`, and can be ended by `cancel`. Publishing asks the page for the files, piece by piece.
 */
import type { WireError } from "../base/errors.ts";
import type { LinuxImage } from "./linux-note.ts";
import type { ModelName } from "./kept-models.ts";
import type { ArtefactKind, Author, Environment } from "./manifest.ts";
import type { RuntimeFile } from "./runtime.ts";
import type { PublishedVersion } from "./versions.ts";

/** A file that was made to be published, by its path in the artefact. */
export interface MadeFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** A file that goes along. */
export interface DraftFile {
  readonly path: string;
  readonly size: number;
  /** Unix time in milliseconds, where it is known: then what was stored before counts as long as it was not written since. */
  readonly modified?: number;
}

/** What is published of a notebook or a model, but for the bytes of its files. */
export interface Draft {
  /** A notebook without it. Of a model, the first of its files is the entry. */
  readonly kind?: "model";
  /** The notebook that it is made of, or the model's address. */
  readonly document: string;
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly authors: readonly Author[];
  readonly licence: string;
  readonly environment: Environment;
  readonly capabilities: readonly string[];
  /** What it comes from when it was never published. */
  readonly parents: readonly string[];
  /** Its latest publication, as the notebook itself knows it. */
  readonly last?: PublishedVersion;
  /** What was made of it: "notebook.ipynb", and the page that shows it without Kroma. */
  readonly made: readonly MadeFile[];
  /** Files of the workspace, by their paths there; of a model, its own. */
  readonly files: readonly DraftFile[];
  /** Models that a notebook loads by their CID; they belong to it. */
  readonly models?: readonly ModelName[];
  /** The name under which the author's keys are made, when there are none yet. */
  readonly signAs: string;
  /** A copy of Kroma that goes along. */
  readonly runtime?: DraftRuntime;
  /** The Linux image for that copy. */
  readonly linux?: DraftLinux;
}

/** The copy of Kroma in a draft: files that its host gives. */
export interface DraftRuntime {
  /** The address of the built app, which ends with a slash. */
  readonly base: string;
  readonly files: readonly RuntimeFile[];
}

/** A Linux image in a draft. */
export interface DraftLinux extends LinuxImage {
  /** The address of its files, which ends with a slash; undefined for one that goes by its CID alone and can't be taken along. */
  readonly base: string | undefined;
}

/** What was published. */
export interface Publication {
  readonly root: string;
  readonly envelope: string;
  readonly directory: string;
  readonly title: string;
  readonly version: string;
  readonly parents: readonly string[];
  /** Of its files. */
  readonly bytes: number;
  /** Unix time in milliseconds. */
  readonly time: number;
  /** True when the same was published before. */
  readonly isKnown?: boolean;
}

/** Who signed an artefact, as one knows them here. */
export interface Signed {
  /** The id of the author's keys. */
  readonly author: string;
  /** What the author calls themself. */
  readonly claimed: string;
  /** What one calls them oneself. */
  readonly petname?: string;
  /** "impostor": the name of somebody who is known here, and other keys than theirs. */
  readonly standing: "you" | "known" | "new" | "impostor";
}

/** What an artefact says of itself, once everything said of it here has been checked. */
export interface ArtefactSummary {
  readonly root: string;
  readonly envelope?: string;
  readonly kind: ArtefactKind;
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly authors: readonly Author[];
  readonly licence: string;
  readonly entry: string;
  readonly environment: Environment;
  readonly capabilities: readonly string[];
  readonly parents: readonly string[];
  /** But for those of a copy of Kroma in it. */
  readonly files: readonly { readonly path: string; readonly size: number }[];
  /** What the copy of Kroma in it takes; absent when there is none. */
  readonly runtimeBytes?: number;
  /** Those whose signatures hold. */
  readonly signed: readonly Signed[];
  /** How many signatures were found that do not hold. */
  readonly broken: number;
  /** Every block that opening it needs is in this browser: all but those of a copy of Kroma in it. */
  readonly isHere: boolean;
  readonly isPinned: boolean;
}

/** Something that this browser keeps. */
export interface KeptArtefact {
  /** What is pinned: a published directory, or a root. */
  readonly cid: string;
  readonly root: string;
  readonly envelope?: string;
  readonly title: string;
  readonly version: string;
  readonly kind: ArtefactKind;
  /** Of its files. */
  readonly bytes: number;
  /** False when blocks under it are missing. */
  readonly isWhole: boolean;
  /** It was published here. */
  readonly isOwn: boolean;
  /** Unix time in milliseconds. */
  readonly time: number;
}

/** Something that a service on another machine is to keep, and how that stands. */
export interface KeptElsewhere {
  readonly cid: string;
  /** The service's address. */
  readonly service: string;
  /** What it is, for a person. */
  readonly name: string;
  readonly state: "waiting" | "queued" | "pinning" | "pinned" | "refused";
  /** What there is to say about it, for a person. */
  readonly details: string;
}

/** What is kept. */
export interface Kept {
  readonly artefacts: readonly KeptArtefact[];
  /** At services, also what is no longer kept here. */
  readonly elsewhere: readonly KeptElsewhere[];
  /** Addresses of the services that may be asked. */
  readonly services: readonly string[];
  /** Bytes of all blocks, kept and not; undefined where nobody knows. */
  readonly used?: number;
  /** Where the blocks are. */
  readonly storage: "opfs" | "indexeddb" | "memory";
  /** Publishing that was cut off, with the title of each. */
  readonly unfinished: readonly { readonly document: string; readonly title: string }[];
}

/** Where blocks may be had besides this browser. */
export interface Hints {
  /** The CID of an envelope. */
  readonly envelope?: string;
  /** Addresses of trustless gateways, such as a mirror's, and of peers. */
  readonly from: readonly string[];
  /** A shared notebook whose other members are asked first. */
  readonly notebook?: string;
}

/** Who is asked for a block: peers at these addresses, or the members of a notebook. */
export type AskedPeers = { readonly from: readonly string[] } | { readonly notebook: string };

interface Request {
  readonly id: string;
}

export type ToArtefacts =
  /** `from` may have its models. reply: Publication */
  | (Request & { readonly type: "publish"; readonly draft: Draft; readonly from: readonly string[] })
  /** A piece of a file or a block that was asked for, or why there is none; neither for a block that nobody has. */
  | { readonly type: "content"; readonly parent: string; readonly bytes?: Uint8Array; readonly error?: WireError }
  /** What was published of a notebook here, latest first. reply: { publications } */
  | (Request & { readonly type: "publications"; readonly document: string })
  /** The draft of a notebook whose publishing was cut off. reply: { draft } */
  | (Request & { readonly type: "unfinished"; readonly document: string })
  | (Request & { readonly type: "discard"; readonly document: string })
  /** reply: ArtefactSummary */
  | (Request & { readonly type: "open"; readonly cid: string; readonly hints: Hints })
  /** Fetches what is missing of an artefact: all of it, or what opening it needs. reply: { bytes } */
  | (Request & {
      readonly type: "fetch";
      readonly cid: string;
      readonly hints: Hints;
      readonly what: "all" | "to open";
    })
  /**
   * A model by its CID, whose blocks are kept from then on; `roots` are not given up for room. With `read`, reply: { bytes }, else {}
   */
  | (Request & {
      readonly type: "model";
      readonly name: ModelName;
      readonly hints: Hints;
      readonly roots: readonly string[];
      readonly read: boolean;
    })
  /** A block of a model that is kept, for a peer that asks for it. reply: { bytes }, or {} when it is no such block */
  | (Request & { readonly type: "model_block"; readonly name: ModelName; readonly cid: string })
  /** reply: { models } */
  | (Request & { readonly type: "models" })
  /** Keeps a model also when room is wanted, or not any more. reply: {} */
  | (Request & { readonly type: "pin_model"; readonly name: ModelName; readonly isPinned: boolean })
  /** Forgets a model; its blocks go when they are collected. reply: {} */
  | (Request & { readonly type: "remove_model"; readonly name: ModelName })
  /** A file of an artefact. reply: { bytes } */
  | (Request & { readonly type: "read"; readonly root: string; readonly path: string })
  /** A block, for a peer that asks for it. reply: { bytes }, or {} when it is not here */
  | (Request & { readonly type: "block"; readonly cid: string })
  /** Keeps an artefact of which everything is here. reply: {} */
  | (Request & { readonly type: "pin"; readonly cid: string })
  | (Request & { readonly type: "unpin"; readonly cid: string })
  /** A service and the token for it; without a token it is asked no more. reply: {} */
  | (Request & { readonly type: "service"; readonly service: string; readonly token?: string })
  /** Wants it kept by a service, or no more. It is tried until it is done. reply: {} */
  | (Request & { readonly type: "pin_at"; readonly service: string; readonly cid: string; readonly name: string })
  | (Request & { readonly type: "unpin_at"; readonly service: string; readonly cid: string })
  /** reply: Kept */
  | (Request & { readonly type: "kept" })
  /** Removes blocks that neither a pin nor one of these needs. reply: { removed } */
  | (Request & { readonly type: "collect"; readonly roots: readonly string[] })
  /** reply: { cids }, what the file says that it holds */
  | (Request & { readonly type: "import_car"; readonly file: Blob })
  /** reply: { file: Blob } */
  | (Request & { readonly type: "export_car"; readonly cid: string })
  /** Remembers an author under a name; without one, forgets them. */
  | (Request & {
      readonly type: "remember";
      readonly author: string;
      readonly claimed: string;
      readonly petname?: string;
    })
  | { readonly type: "cancel"; readonly parent: string };

export type FromArtefacts =
  | { readonly type: "reply"; readonly parent: string; readonly value: unknown }
  | { readonly type: "failed"; readonly parent: string; readonly error: WireError }
  | {
      readonly type: "progress";
      readonly parent: string;
      readonly bytes: number;
      /** Undefined while nobody knows. */
      readonly total?: number;
      readonly path?: string;
    }
  /** For a piece of a file of what is being published; answered by `content` with this `id` as its parent. */
  | {
      readonly type: "content_request";
      readonly parent: string;
      readonly id: string;
      readonly path: string;
      readonly offset: number;
      readonly length: number;
    }
  /** For a block that peers may have, whom only the page can reach; answered by `content` as well. */
  | {
      readonly type: "block_request";
      readonly parent: string;
      readonly id: string;
      readonly cid: string;
      readonly where: AskedPeers;
    }
  /** What is kept has changed. */
  | { readonly type: "kept_changed" };
