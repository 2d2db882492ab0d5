/** What a browser remembers of artefacts beside their blocks: what was published from which notebook, and what is kept. */
import * as v from "valibot";
import type { DocStore, StoreKey } from "../store/stores.ts";
import { ARTEFACT_KINDS } from "./manifest.ts";
import type { Draft, KeptArtefact, Publication } from "./messages.ts";

const text = v.pipe(v.string(), v.maxLength(2000));
const size = v.pipe(v.number(), v.minValue(0));

const publicationSchema = v.object({
  root: text,
  envelope: text,
  directory: text,
  title: text,
  version: text,
  parents: v.array(text),
  bytes: size,
  time: size,
});

/** What is remembered of something that is pinned; the rest is seen from its blocks. */
const keptSchema = v.object({
  cid: text,
  root: text,
  envelope: v.exactOptional(text),
  title: text,
  version: text,
  kind: v.picklist(ARTEFACT_KINDS),
  bytes: size,
  blocks: size,
  isOwn: v.boolean(),
  time: size,
});

export type KeptRecord = Omit<KeptArtefact, "isWhole">;

const PUBLISHED = "published";
const KEPT = "kept";
const DRAFT = "draft";
const ENVELOPE = "envelope";

/** The records in a document store. A record that can't be read is as if it were not there. */
export class ArtefactRecords {
  readonly #store: DocStore;

  constructor(store: DocStore) {
    this.#store = store;
  }

  /** What was published of a notebook, latest first. */
  async publications(document: string): Promise<readonly Publication[]> {
    const stored = await this.#store.loadRange([PUBLISHED, document]);
    return stored
      .flatMap(([, bytes]) => read(publicationSchema, bytes) ?? [])
      .sort((left, right) => right.time - left.time);
  }

  async kept(): Promise<readonly KeptRecord[]> {
    const stored = await this.#store.loadRange([KEPT]);
    return stored
      .flatMap(([, bytes]) => {
        const record = read(keptSchema, bytes);
        return record ? [record] : [];
      })
      .sort((left, right) => right.time - left.time);
  }

  /** All that a publication leaves behind, at once, and the draft that it was made of is gone. */
  async published(document: string, publication: Publication, kept: KeptRecord): Promise<void> {
    const { isKnown: _, ...record } = publication;
    await this.#store.write({
      put: [
        [[PUBLISHED, document, publication.root], json(record)],
        [[KEPT, kept.cid], json(kept)],
        [[ENVELOPE, publication.root, publication.envelope], new Uint8Array()],
      ],
      remove: draftKeys(document),
    });
  }

  async keep(record: KeptRecord): Promise<void> {
    await this.#store.write({ put: [[[KEPT, record.cid], json(record)]] });
  }

  async drop(cid: string): Promise<void> {
    await this.#store.write({ remove: [[KEPT, cid]] });
  }

  /** Envelopes that are known to belong to a root, or to say so. */
  async envelopes(root: string): Promise<readonly string[]> {
    return (await this.#store.loadRange([ENVELOPE, root])).flatMap(([[, , cid]]) => cid ?? []);
  }

  async addEnvelope(root: string, envelope: string): Promise<void> {
    await this.#store.write({ put: [[[ENVELOPE, root, envelope], new Uint8Array()]] });
  }

  /** Keeps what is being published, until it is published or discarded. */
  async keepDraft({ notebook, page, ...said }: Draft): Promise<void> {
    const [draft, file, shown] = draftKeys(said.document);
    await this.#store.write({
      put: [
        [draft, json(said)],
        [file, notebook],
        [shown, new TextEncoder().encode(page)],
      ],
    });
  }

  async draft(document: string): Promise<Draft | undefined> {
    const [said, notebook, page] = await Promise.all(draftKeys(document).map((key) => this.#store.load(key)));
    if (!said || !notebook || !page) return undefined;
    // It was written by this program and is looked at by the publisher again.
    return { ...(parse(said) as Draft), notebook, page: new TextDecoder().decode(page) };
  }

  async discardDraft(document: string): Promise<void> {
    await this.#store.write({ remove: draftKeys(document) });
  }

  /** Notebooks of which a draft is kept. */
  async drafts(): Promise<readonly { readonly document: string; readonly title: string }[]> {
    const schema = v.object({ document: text, title: text });
    const stored = await this.#store.loadRange([DRAFT]);
    return stored.flatMap(([key, bytes]) => (key[2] === "said" ? (read(schema, bytes) ?? []) : []));
  }
}

const draftKeys = (document: string): readonly [StoreKey, StoreKey, StoreKey] => [
  [DRAFT, document, "said"],
  [DRAFT, document, "notebook"],
  [DRAFT, document, "page"],
];

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function read<T extends v.GenericSchema>(schema: T, bytes: Uint8Array): v.InferOutput<T> | undefined {
  const parsed = v.safeParse(schema, parse(bytes));
  return parsed.success ? parsed.output : undefined;
}
