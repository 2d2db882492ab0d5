/** What the command line keeps of artefacts: their blocks, pins and envelopes, and who signs, all in one folder. */
import { mkdirSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { EnvelopeIndex } from "#core/artefact/envelope-index.ts";
import { KeptModels } from "#core/artefact/kept-models.ts";
import { fitName, type NameSigner, type Signer } from "#core/mesh/identity.ts";
import { collectGarbage, Pins, type Collected } from "#core/store/pins.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { FolderBlockStore } from "#plugins/folder/block-store.node.ts";
import { FolderIdentityStore } from "#plugins/identity/folder-store.node.ts";
import { createIdentity, loadIdentity } from "#plugins/identity/own-identity.ts";
import { NameBook } from "#plugins/names/book.ts";
import { SqliteStores } from "#plugins/sqlite/stores.node.ts";
import { dataFolder } from "../paths.ts";
import { withStoreLock } from "./store-lock.ts";

const LARGEST_MODEL = 16 * 1024 ** 3;

/** The folder, opened. */
export interface Home {
  readonly folder: string;
  readonly blocks: BlockStore;
  readonly pins: Pins;
  readonly envelopes: EnvelopeIndex;
  /** Models that came by their CID. */
  readonly models: KeptModels;
  /** What is known of names, one's own and others'. */
  readonly names: NameBook;
  /** Who publishes here; made at the first time. */
  signer(name?: string): Promise<Signer & NameSigner>;
  /** Work that writes blocks and pins them at its end: nobody collects garbage meanwhile. */
  writing<T>(work: () => Promise<T>): Promise<T>;
  /** Removes what no pin reaches, when nobody writes. */
  collect(): Promise<Collected>;
  close(): void;
}

/** Opens the folder, and makes it when it isn't there. A KromaError says what is wrong with it. */
export function openHome(folder: string = dataFolder()): Home {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const blocks = new FolderBlockStore(join(folder, "blocks"));
  const stores = new SqliteStores(join(folder, "artefacts.db"));
  const pins = new Pins(stores.documents, () => blocks.settle());
  const lock = join(folder, "blocks.lock");
  const models = new KeptModels({
    blocks,
    documents: stores.documents,
    now: Date.now,
    room: async () => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
    largest: LARGEST_MODEL,
  });
  return {
    folder,
    blocks,
    pins,
    envelopes: new EnvelopeIndex(stores.documents),
    models,
    names: new NameBook(stores.documents),
    async signer(name) {
      const store = new FolderIdentityStore(folder);
      const known = await loadIdentity(store);
      return known ?? createIdentity(store, name ?? fitName(userInfo().username) ?? "Somebody");
    },
    writing: (work) => withStoreLock(lock, "shared", work),
    collect: () => withStoreLock(lock, "exclusive", async () => collectGarbage(blocks, pins, await models.roots())),
    close: () => stores.close(),
  };
}
