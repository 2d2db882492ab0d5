/** Which envelopes there are of a root: a root can't name them, so whoever keeps blocks keeps this list beside them. */
import { parseCid } from "../store/cid.ts";
import type { DocStore } from "../store/stores.ts";
import type { WalkedBlock } from "../store/walk.ts";
import { decodeEnvelope, ENVELOPE_SCHEMA, MOST_ENVELOPE_BYTES } from "./envelope.ts";

const KEY = "envelopes";
const SCHEMA_BYTES = new TextEncoder().encode(ENVELOPE_SCHEMA);

/** The list in a document store. It says what to look at, never what to believe. */
export class EnvelopeIndex {
  readonly #documents: DocStore;

  constructor(documents: DocStore) {
    this.#documents = documents;
  }

  async add(root: string, envelope: string): Promise<void> {
    await this.#documents.write({ put: [[[KEY, nameOf(root), nameOf(envelope)], new Uint8Array()]] });
  }

  /** Adds the block if it is an envelope. */
  async notice({ cid, bytes }: WalkedBlock): Promise<void> {
    const root = rootOfEnvelope(bytes);
    if (root !== undefined) await this.add(root, cid);
  }

  /** In the order of their CIDs. */
  async of(root: string): Promise<readonly string[]> {
    const entries = await this.#documents.loadRange([KEY, nameOf(root)]);
    return entries.map(([key]) => key[2] as string);
  }

  async remove(root: string, envelope: string): Promise<void> {
    await this.#documents.write({ remove: [[KEY, nameOf(root), nameOf(envelope)]] });
  }
}

/** The root that a block is an envelope of; undefined for every other block. */
export function rootOfEnvelope(bytes: Uint8Array): string | undefined {
  // Most blocks are bytes of files: those are told by a glance.
  if (bytes.length > MOST_ENVELOPE_BYTES || !includes(bytes, SCHEMA_BYTES)) return undefined;
  try {
    return decodeEnvelope(bytes).root;
  } catch {
    return undefined;
  }
}

const nameOf = (cid: string): string => parseCid(cid).toV1().toString();

function includes(bytes: Uint8Array, wanted: Uint8Array): boolean {
  const [first] = wanted as unknown as readonly [number];
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
