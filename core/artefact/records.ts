/** What a browser remembers of artefacts beside their blocks: what was published from which notebook, and what is kept. */
import * as v from "valibot";
import { blockCid } from "../store/cid.ts";
import type { DocStore } from "../store/stores.ts";
import type { MountedFolder } from "./directory.ts";
import { ARTEFACT_KINDS } from "./manifest.ts";
import type { Draft, DraftFile, KeptArtefact, Publication } from "./messages.ts";
import type { RuntimeFile } from "./runtime.ts";

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
  isOwn: v.boolean(),
  time: size,
});

const leavesSchema = v.object({ size, modified: v.number(), leaves: v.array(text) });
const folderSchema = v.object({ name: text, cid: text, bytes: size });

/** A file of a draft of which it is known when it was written. */
type DatedFile = Required<DraftFile>;

export type KeptRecord = Omit<KeptArtefact, "isWhole">;

const PUBLISHED = "published";
const KEPT = "kept";
const DRAFT = "draft";
const RUNTIME = "runtime";
const LEAVES = "leaves";
/** The two parts of a draft: what is said, and the files that were made. */
const SAID = "said";
const MADE = "made";

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
    await this.discardDraft(document);
    await this.#store.write({
      put: [
        [[PUBLISHED, document, publication.root], json(record)],
        [[KEPT, kept.cid], json(kept)],
      ],
    });
  }

  async keep(record: KeptRecord): Promise<void> {
    await this.#store.write({ put: [[[KEPT, record.cid], json(record)]] });
  }

  async drop(cid: string): Promise<void> {
    await this.#store.write({ remove: [[KEPT, cid]] });
  }

  /** Keeps what is being published, until it is published or discarded. */
  async keepDraft({ made, ...said }: Draft): Promise<void> {
    const before = await this.#store.loadRange([DRAFT, said.document]);
    await this.#store.write({ remove: before.map(([key]) => key) });
    const files = made.map(({ path, bytes }) => [[DRAFT, said.document, MADE, path], bytes] as const);
    await this.#store.write({ put: [[[DRAFT, said.document, SAID], json(said)], ...files] });
  }

  async draft(document: string): Promise<Draft | undefined> {
    const [said, made] = await Promise.all([
      this.#store.load([DRAFT, document, SAID]),
      this.#store.loadRange([DRAFT, document, MADE]),
    ]);
    if (!said) return undefined;
    // It was written by this program and is looked at by the publisher again.
    const files = made.flatMap(([[, , , path], bytes]) => (path === undefined ? [] : [{ path, bytes }]));
    return { ...(parse(said) as Draft), made: files };
  }

  async discardDraft(document: string): Promise<void> {
    const [stored, leaves] = await Promise.all([
      this.#store.loadRange([DRAFT, document]),
      this.#store.loadRange([LEAVES, document]),
    ]);
    await this.#store.write({ remove: [...stored, ...leaves].map(([key]) => key) });
  }

  /** Leaves of a file of a draft that were stored when it was as long and as old as this. */
  async leaves(document: string, file: DatedFile): Promise<readonly string[]> {
    const bytes = await this.#store.load([LEAVES, document, file.path]);
    const found = bytes && read(leavesSchema, bytes);
    return found && found.size === file.size && found.modified === file.modified ? found.leaves : [];
  }

  async keepLeaves(
    document: string,
    { path, size: length, modified }: DatedFile,
    leaves: readonly string[],
  ): Promise<void> {
    await this.#store.write({ put: [[[LEAVES, document, path], json({ size: length, modified, leaves })]] });
  }

  /** Leaves of all drafts, which nothing else names yet. */
  async allLeaves(): Promise<readonly string[]> {
    const stored = await this.#store.loadRange([LEAVES]);
    return stored.flatMap(([, bytes]) => read(leavesSchema, bytes)?.leaves ?? []);
  }

  /** The folder that was made of these files of Kroma; whether its blocks are still here is another question. */
  async runtime(files: readonly RuntimeFile[]): Promise<MountedFolder | undefined> {
    const bytes = await this.#store.load([RUNTIME, await keyOf(files)]);
    return bytes && read(folderSchema, bytes);
  }

  /** Only the last is remembered: those before it were made of older builds. */
  async keepRuntime(files: readonly RuntimeFile[], folder: MountedFolder): Promise<void> {
    const before = await this.#store.loadRange([RUNTIME]);
    const key = [RUNTIME, await keyOf(files)];
    await this.#store.write({
      remove: before.map(([old]) => old).filter((old) => old[1] !== key[1]),
      put: [[key, json(folder)]],
    });
  }

  /** Notebooks of which a draft is kept. */
  async drafts(): Promise<readonly { readonly document: string; readonly title: string }[]> {
    const schema = v.object({ document: text, title: text });
    const stored = await this.#store.loadRange([DRAFT]);
    return stored.flatMap(([key, bytes]) => (key[2] === SAID ? (read(schema, bytes) ?? []) : []));
  }
}

const keyOf = (files: readonly RuntimeFile[]): Promise<string> =>
  blockCid(json(files.map(({ path, sha256 }) => [path, sha256])));

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
