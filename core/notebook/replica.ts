/** A notebook as peers take part in it: its documents to be synced, and the blocks with its outputs and files. */
import * as Automerge from "@automerge/automerge/slim";
import { blockCid } from "../store/cid.ts";
import type { BlockStore } from "../store/stores.ts";
import { DocumentSync } from "./document-sync.ts";
import { type FirstView, firstViewOf } from "./first-view.ts";
import type { OpenComments } from "./open-comments.ts";
import type { OpenFiles } from "./open-files.ts";
import type { OpenDocument } from "./open-document.ts";
import type { Chain } from "./reseed/chain.ts";
import type { Part } from "./parts.ts";
import type { ChangeMark, SignedBy } from "./signed-changes.ts";

/** Fewer operations are loaded in a tenth of a second: nobody has to be shown anything before, which can't be changed yet. */
const LEAST_OPERATIONS = 20_000;

/** A notebook that peers take part in. */
export interface Replica {
  /** The documents that it was and is. */
  readonly chain: Chain;
  /** A peer has gone on as that document: so does this one, once it has what it needs, with all that was made here. */
  follow(chain: Chain): Promise<void>;
  /** A view of one peer, who is `from`, on one part: one for each link. Undefined when that part can't be read here. */
  sync(part: Part, mayWrite: boolean, from: string): DocumentSync | undefined;
  /** The view of a peer from whom the notebook has just come. */
  goOn(before: DocumentSync): DocumentSync;
  /** What somebody sees first who joins; undefined when it is too much, or the notebook itself is there as soon. */
  view(): Promise<FirstView | undefined>;
  /** CIDs of outputs, and of files that somebody wants, that are not here. */
  missing(): Promise<readonly string[]>;
  /** A block with outputs or files of this notebook; undefined when it is not here, or another's. */
  block(cid: string): Promise<Uint8Array | undefined>;
  /** A block of a document that the notebook was before, once somebody has given it; undefined for any other. */
  formerBlock(cid: string): Promise<Uint8Array | undefined>;
  /** Takes in a block that a peer sent; false when it is not the one of that name. */
  take(cid: string, bytes: Uint8Array): Promise<boolean>;
  /** What was made here and is not signed yet, by member. */
  ownChanges(): Promise<readonly SignedBy[]>;
  /** Of changes that somebody made: those that are here, and what those that have moved are now. */
  marks(changes: readonly ChangeMark[]): Promise<readonly ChangeMark[]>;
  /** These are signed now, and that is kept. */
  signed(changes: readonly ChangeMark[]): Promise<void>;
  release(): void;
}

/** A replica of a notebook that its host keeps loaded until `release`. Comments and files are absent when they can't be read. */
export function replicaOf(parts: {
  readonly open: () => OpenDocument;
  readonly comments: () => OpenComments | undefined;
  readonly files: () => OpenFiles | undefined;
  readonly blocks: BlockStore;
  readonly release: () => void;
}): Replica {
  const { open, comments, files, blocks, release } = parts;
  return {
    get chain() {
      return open().reseeds.chain;
    },
    follow: (chain) => open().reseeds.follow(chain),
    sync: (part, mayWrite, from) =>
      part === "notebook"
        ? new DocumentSync(open(), mayWrite, undefined, from)
        : (part === "comments" ? comments() : files())?.syncWith(mayWrite, from),
    goOn: (before) => before.continueOn(open()),
    view: () =>
      open().read((document, { notebook }) =>
        Automerge.stats(document).numOps < LEAST_OPERATIONS ? undefined : firstViewOf(notebook),
      ),
    missing: async () => [...new Set([...(await open().missingBlocks()), ...((await files()?.missingBlocks()) ?? [])])],
    block: async (cid) => ((await open().hasBlock(cid)) ? await blocks.get(cid) : await files()?.block(cid)),
    formerBlock: async (cid) => ((await open().reseeds.isFormer(cid)) ? await open().reseeds.wanted(cid) : undefined),
    async take(cid, bytes) {
      if ((await blockCid(bytes)) !== cid) return false;
      await files()?.take(cid, bytes);
      if (!(await open().missingBlocks()).includes(cid)) return true;
      await blocks.put(bytes);
      await open().blocksCame(new Set([cid]));
      return true;
    },
    ownChanges: () => open().ownChanges(),
    marks: (changes) =>
      open().read((document) =>
        changes.flatMap((mark) =>
          Automerge.getBackend(document).getChangeMetaByHash(mark.hash)
            ? [mark]
            : open().contradictions.marksOf(mark.hash),
        ),
      ),
    signed: (changes) => open().signed(changes),
    release,
  };
}
