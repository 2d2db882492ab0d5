/**
 * Which notebooks are shared, their members' entries and their signatures under changes, in a DocStore: keys
 * ["share", document], ["member", document, n] and ["signature", document, name].
 */
import * as v from "valibot";
import { randomId, type DocumentId } from "../base/ids.ts";
import type { DocStore, StoreKey } from "../store/stores.ts";
import type { ReadChangeSignature } from "./change-signature.ts";
import type { EntryHash } from "./entry.ts";
import { fromBase64Url, toBase64Url } from "./encoding.ts";

export interface StoredShare {
  readonly document: DocumentId;
  readonly genesis: EntryHash;
  /** The entry by which oneself comes in, for as long as one has only a link. */
  readonly join: Uint8Array | undefined;
  readonly entries: readonly Uint8Array[];
  readonly signatures: readonly Uint8Array[];
}

const Record = v.object({ genesis: v.string(), join: v.optional(v.string()) });
const signaturesKey = (document: DocumentId): StoreKey => ["signature", document];
const shareKey = (document: DocumentId): StoreKey => ["share", document];

/** All shares; one that can't be read is left out. */
export async function readShares(store: DocStore): Promise<readonly StoredShare[]> {
  const shares: StoredShare[] = [];
  for (const [key, bytes] of await store.loadRange(["share"])) {
    const document = key[1] as DocumentId;
    try {
      const { genesis, join } = v.parse(Record, JSON.parse(new TextDecoder().decode(bytes)));
      const entries = (await store.loadRange(["member", document])).map(([, entry]) => entry);
      shares.push({
        document,
        genesis: genesis as EntryHash,
        entries,
        signatures: (await store.loadRange(signaturesKey(document))).map(([, signature]) => signature),
        join: join === undefined ? undefined : fromBase64Url(join),
      });
    } catch {
      // Whoever has the link can join again.
    }
  }
  return shares;
}

export class ShareStore {
  readonly #store: DocStore;

  constructor(store: DocStore) {
    this.#store = store;
  }

  async add(document: DocumentId, genesis: EntryHash, join: Uint8Array | undefined): Promise<void> {
    const record = { genesis, ...(join ? { join: toBase64Url(join) } : {}) };
    await this.#store.write({ put: [[shareKey(document), new TextEncoder().encode(JSON.stringify(record))]] });
  }

  /** Durable when it resolves. */
  async keep(document: DocumentId, entries: readonly Uint8Array[]): Promise<void> {
    await this.#store.write({ put: entries.map((bytes) => [["member", document, randomId(16)], bytes] as const) });
  }

  /** Keeps some signatures in the place of others. Durable when it resolves. */
  async keepSignatures(
    document: DocumentId,
    added: readonly ReadChangeSignature[],
    replaced: readonly ReadChangeSignature[],
  ): Promise<void> {
    const keyOf = ({ hash }: ReadChangeSignature): StoreKey => [...signaturesKey(document), hash];
    await this.#store.write({
      put: added.map((read) => [keyOf(read), read.bytes] as const),
      remove: replaced.map(keyOf),
    });
  }

  async remove(document: DocumentId): Promise<void> {
    const entries = await this.#store.loadRange(["member", document]);
    const signatures = await this.#store.loadRange(signaturesKey(document));
    await this.#store.write({ remove: [shareKey(document), ...[...entries, ...signatures].map(([key]) => key)] });
  }
}
