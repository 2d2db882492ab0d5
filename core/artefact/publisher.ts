/** Makes an artefact of what a page wants to publish: once, and what an earlier try has stored is not asked for again. */
import { KromaError } from "../base/errors.ts";
import { isWhole } from "../store/whole.ts";
import type { Pins } from "../store/pins.ts";
import type { BlockSource, BlockStore } from "../store/stores.ts";
import { throwIfAborted } from "../store/walk.ts";
import type { Signatures, Signer } from "../mesh/identity.ts";
import { FIXED_CHUNK } from "./chunks.ts";
import type { MountedFolder } from "./directory.ts";
import type { EnvelopeIndex } from "./envelope-index.ts";
import type { SourceFile } from "./files.ts";
import type { KeptModels } from "./kept-models.ts";
import { fetchImage, linuxFolder } from "./linux-folder.ts";
import { LeafLog, presentLeaves } from "./leaf-log.ts";
import { NOTEBOOK_PATH } from "./manifest.ts";
import type { Draft, DraftFile, DraftLinux, DraftRuntime, Publication } from "./messages.ts";
import type { PageSource } from "./page-source.ts";
import { LINUX_FOLDER, WORKSPACE_FOLDER } from "./places.ts";
import { type Forerunner, publishVersion } from "./publish.ts";
import type { ArtefactRecords } from "./records.ts";
import { fetchRuntime, runtimeFolder } from "./runtime-folder.ts";
import { linkModels } from "./used-models.ts";
import { askingOf, throttled, type Work } from "./work.ts";

/** What publishing works on. */
export interface PublisherParts {
  readonly blocks: BlockStore;
  readonly pins: Pins;
  readonly records: ArtefactRecords;
  readonly envelopes: EnvelopeIndex;
  readonly models: KeptModels;
  readonly page: PageSource;
  readonly signatures: Promise<Signatures>;
  /** Oneself, made with that name when there are no keys yet. */
  readonly signer: (name: string) => Promise<Signer>;
  readonly now: () => number;
}

/** Publishes what pages ask for. */
export class Publisher {
  readonly #parts: PublisherParts;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /**
   * The publication of a draft, pinned and noted; the blocks of its models come from `models`.
   * Throws `aborted`, `exhausted`, and what the page says of a file that it cannot give.
   */
  async publish(work: Work, draft: Draft, models: BlockSource): Promise<Publication> {
    const { blocks, envelopes, now, pins, records, signatures, signer } = this.#parts;
    const { signal } = work.stop;
    const { kind = "notebook" } = draft;
    // What a panel of a notebook can go on with; a model is in its own panel.
    if (kind === "notebook") await records.keepDraft(draft);
    const content: readonly SourceFile[] = [
      ...draft.made.map(({ path, bytes }) => ({ path, content: bytes })),
      ...(await Promise.all(draft.files.map((file) => this.#fileOf(file, draft, work)))),
    ];
    const known = draft.runtime && (await this.#knownRuntime(draft.runtime, signal));
    const knowsLinux = draft.linux !== undefined && (await isWhole([draft.linux.cid], blocks, signal));
    const copied = [
      ...(known || !draft.runtime ? [] : draft.runtime.files),
      ...(knowsLinux || !draft.linux ? [] : draft.linux.files),
    ].map(({ size }) => size);
    const stored = content.reduce((sum, { leaves }) => sum + (leaves?.known.length ?? 0) * FIXED_CHUNK, 0);
    const total = [
      ...draft.made.map(({ bytes }) => bytes.length),
      ...draft.files.map(({ size }) => size),
      ...copied,
    ].reduce((sum, size) => sum + size, 0);
    const tell = throttled((bytes: number, path: string) =>
      work.channel.send({ type: "progress", parent: work.id, bytes, total, path }),
    );
    const runtime = draft.runtime && (known ?? (await this.#makeRuntime(draft.runtime, signal, tell)));
    const copiedBytes = known || !draft.runtime ? 0 : draft.runtime.files.reduce((sum, { size }) => sum + size, 0);
    const linux =
      draft.linux &&
      (await this.#linuxFolder(draft.linux, knowsLinux, signal, (b, path) => tell(copiedBytes + b, path)));
    const before = copied.reduce((sum, size) => sum + size, stored);
    const { name, version, title, authors, licence, environment, capabilities, parents: given } = draft;
    const { root, envelope, directory, parents, isKnown, bytes } = await publishVersion(
      {
        name,
        version,
        title,
        authors,
        licence,
        environment,
        capabilities,
        kind,
        content,
        prompts: [],
        models: await linkModels(draft.models ?? [], blocks, models, { signal }),
        entry: kind === "model" ? (draft.files[0]?.path ?? "") : NOTEBOOK_PATH,
        parents: given,
        folders: [runtime, linux].flatMap((folder) => folder ?? []),
      },
      await this.#lastOf(draft),
      blocks,
      await signer(draft.signAs),
      {
        signal,
        progress: (now) => tell(before + now.bytes, now.path),
        known: { envelopes: (of) => envelopes.of(of), signatures: await signatures },
      },
    );
    throwIfAborted(signal);
    await pins.add(directory, title);
    await envelopes.add(root, envelope);
    const time = now();
    const publication = { root, envelope, directory, title, version, parents, bytes, time };
    const kept = { cid: directory, root, envelope, title, version, kind, isOwn: true, bytes, time } as const;
    await records.published(draft.document, publication, kept);
    if (kind === "model") await this.#parts.models.add({ cid: root, path: "" });
    return isKnown ? { ...publication, isKnown } : publication;
  }

  /** A file that goes along, from where an earlier publishing of it was cut off. */
  async #fileOf(file: DraftFile, { document, kind }: Draft, work: Work): Promise<SourceFile> {
    const { blocks, page, records } = this.#parts;
    const path = kind === "model" ? file.path : `${WORKSPACE_FOLDER}${file.path}`;
    const { modified } = file;
    if (modified === undefined) return { path, content: page.read({ ...file, from: 0 }, askingOf(work)) };
    const dated = { ...file, modified };
    const known = await presentLeaves(await records.leaves(document, dated), blocks);
    const content = page.read({ ...file, from: known.length * FIXED_CHUNK }, askingOf(work));
    return { path, content, leaves: new LeafLog(known, (cids) => records.keepLeaves(document, dated, cids)) };
  }

  /** The copy of Kroma, if one of the same files was made before and is all here. */
  async #knownRuntime({ files }: DraftRuntime, signal: AbortSignal): Promise<MountedFolder | undefined> {
    const known = await this.#parts.records.runtime(files);
    return known && (await isWhole([known.cid], this.#parts.blocks, signal)) ? known : undefined;
  }

  async #makeRuntime(
    { base, files }: DraftRuntime,
    signal: AbortSignal,
    tell: (bytes: number, path: string) => void,
  ): Promise<MountedFolder> {
    const made = await runtimeFolder(files, fetchRuntime(base, signal), this.#parts.blocks, {
      signal,
      progress: ({ bytes, path }) => tell(bytes, path),
    });
    await this.#parts.records.keepRuntime(files, made);
    return made;
  }

  /** The Linux image, from the page's host unless it is all here. */
  #linuxFolder(
    image: DraftLinux,
    isHere: boolean,
    signal: AbortSignal,
    tell: (bytes: number, path: string) => void,
  ): MountedFolder | Promise<MountedFolder> {
    const bytes = image.files.reduce((sum, { size }) => sum + size, 0);
    if (isHere) return { name: LINUX_FOLDER, cid: image.cid, bytes };
    if (image.base === undefined) throw new KromaError("unavailable", "The Linux image goes by its CID alone here.");
    return linuxFolder(image, fetchImage(image.base, signal), this.#parts.blocks, {
      signal,
      progress: (now) => tell(now.bytes, now.path),
    });
  }

  /** The latest publication of the draft's notebook: from here, or from another machine, which its metadata tells. */
  async #lastOf({ document, last }: Draft): Promise<Forerunner | undefined> {
    const [here] = await this.#parts.records.publications(document);
    return last && last.time > (here?.time ?? 0) ? { root: last.cid, parents: last.parents } : here;
  }
}
