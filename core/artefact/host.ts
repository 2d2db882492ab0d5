/**
 * Where a browser's artefacts live: publishes, opens, fetches and keeps them for the pages that are connected. Runs in a worker,
 * over a block store and a document store that are passed in; cryptography and network too, so that it runs in Node as well.
 *
 * What is published or fetched is pinned as soon as it is whole. Collecting garbage waits for both, and they for it, also in
 * other tabs: `together` and `alone` are one lock, shared and exclusive.
 */
import type { Channel } from "../base/channel.ts";
import { KromaError, toWireError } from "../base/errors.ts";
import type { Signatures, Signer } from "../mesh/identity.ts";
import { blobOf } from "../store/blob.ts";
import { importCar, exportCar } from "../store/car.ts";
import { parseCid } from "../store/cid.ts";
import { fetchBlocks, KeptSource, SeveralSources } from "../store/fetch-blocks.ts";
import { isPeerAddress } from "./address.ts";
import { GatewaySource, type GatewayOptions } from "../store/gateway.ts";
import { collectGarbage, Pins } from "../store/pins.ts";
import type { BlockSource, BlockStore, DocStore } from "../store/stores.ts";
import { walkBlocks } from "../store/walk.ts";
import { isWhole } from "../store/whole.ts";
import { KnownAuthors, signedBy } from "./authors.ts";
import { publishedDirectory } from "./directory.ts";
import type { Elsewhere } from "./elsewhere.ts";
import { EnvelopeIndex } from "./envelope-index.ts";
import { KeptModels } from "./kept-models.ts";
import { decodeRoot, MOST_ROOT_BYTES } from "./manifest.ts";
import { ModelBlocks } from "./model-blocks.ts";
import type { ArtefactSummary, FromArtefacts, Hints, Kept, KeptArtefact, ToArtefacts } from "./messages.ts";
import { openArtefact, type OpenedArtefact } from "./open.ts";
import { notNeeded, openingParts } from "./opening-parts.ts";
import { PageSource } from "./page-source.ts";
import { Publisher } from "./publisher.ts";
import { ArtefactRecords } from "./records.ts";
import { askingOf, throttled, type Work } from "./work.ts";

/** What a host is made of. */
export interface ArtefactHostOptions {
  readonly blocks: BlockStore;
  readonly documents: DocStore;
  readonly storage: Kept["storage"];
  readonly signatures: Promise<Signatures>;
  /** Oneself, made with that name when there are no keys yet. */
  readonly signer: (name: string) => Promise<Signer>;
  /** Oneself if there are keys. */
  readonly self: () => Promise<Signer | undefined>;
  /** Pins on other machines; absent: there are none. */
  readonly elsewhere?: Elsewhere;
  /** Hears that what is kept has changed elsewhere, and tells it there when it has here. */
  readonly others?: { tell(): void; onTold(listener: () => void): void };
  readonly now?: () => number;
  /** Bytes that still fit; undefined where nobody can tell. */
  readonly room?: () => Promise<number | undefined>;
  readonly gateway?: GatewayOptions;
  /** Does the work while nobody collects garbage. */
  readonly together?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Does the work while nobody publishes or fetches; `unavailable` when somebody does. */
  readonly alone?: <T>(work: () => Promise<T>) => Promise<T>;
}

type Job = Extract<ToArtefacts, { readonly id: string }>;

/** A file that is opened whole for a person is at most as large. */
const MOST_READ = 512 * 1024 * 1024;
/** WebAssembly has no room for a larger model. */
const MOST_MODEL = 4 * 1024 ** 3;
/** Holds artefacts, and does what pages ask. */
export class ArtefactHost {
  readonly #options: Required<Omit<ArtefactHostOptions, "elsewhere" | "others">> &
    Pick<ArtefactHostOptions, "elsewhere" | "others">;
  readonly #pins: Pins;
  readonly #records: ArtefactRecords;
  readonly #envelopes: EnvelopeIndex;
  readonly #authors: KnownAuthors;
  readonly #models: KeptModels;
  readonly #modelBlocks: ModelBlocks;
  readonly #channels = new Set<Channel<ToArtefacts, FromArtefacts>>();
  readonly #work = new Map<string, Work>();
  /** Notebooks that are being published from here. */
  readonly #publishing = new Set<string>();
  readonly #page = new PageSource();
  readonly #publisher: Publisher;

  constructor(options: ArtefactHostOptions) {
    const directly = <T>(work: () => Promise<T>): Promise<T> => work();
    const room = () => Promise.resolve(undefined);
    this.#options = { now: Date.now, gateway: {}, room, together: directly, alone: directly, ...options };
    this.#pins = new Pins(options.documents);
    this.#records = new ArtefactRecords(options.documents);
    this.#envelopes = new EnvelopeIndex(options.documents);
    this.#authors = new KnownAuthors(options.documents);
    this.#models = new KeptModels({ ...this.#options, largest: MOST_MODEL });
    this.#modelBlocks = new ModelBlocks(options.blocks);
    this.#publisher = new Publisher({
      ...this.#options,
      pins: this.#pins,
      records: this.#records,
      envelopes: this.#envelopes,
      models: this.#models,
      page: this.#page,
    });
    options.elsewhere?.onChange(() => this.#keptChanged());
    options.others?.onTold(() => this.#tellPages());
  }

  /** Serves one page until its channel closes. */
  connect(channel: Channel<ToArtefacts, FromArtefacts>): void {
    this.#channels.add(channel);
    channel.receive((message) => {
      if (message.type === "cancel") this.#work.get(message.parent)?.stop.abort();
      else if (message.type === "content") this.#page.take(message);
      else void this.#perform(channel, message);
    });
    channel.onClose(() => {
      this.#channels.delete(channel);
      for (const work of this.#work.values()) if (work.channel === channel) work.stop.abort();
    });
  }

  async #perform(channel: Channel<ToArtefacts, FromArtefacts>, job: Job): Promise<void> {
    const work: Work = { channel, id: job.id, stop: new AbortController() };
    this.#work.set(job.id, work);
    try {
      const value = await this.#answer(work, job);
      channel.send({ type: "reply", parent: job.id, value }, bytesIn(value));
    } catch (error) {
      channel.send({ type: "failed", parent: job.id, error: toWireError(error) });
    } finally {
      this.#work.delete(job.id);
    }
  }

  async #answer(work: Work, job: Job): Promise<unknown> {
    const { together, blocks } = this.#options;
    const { signal } = work.stop;
    switch (job.type) {
      case "publish":
        this.#publishing.add(job.draft.document);
        try {
          return await together(async () => {
            const { blocks: here, several } = this.#source(work, { from: job.from });
            const publication = await this.#publisher.publish(work, job.draft, several ?? here);
            this.#keptChanged();
            return publication;
          });
        } finally {
          this.#publishing.delete(job.draft.document);
        }
      case "publications":
        return { publications: await this.#records.publications(job.document) };
      case "unfinished":
        return { draft: await this.#records.draft(job.document) };
      case "discard":
        await this.#records.discardDraft(job.document);
        this.#keptChanged();
        return {};
      case "open":
        return together(() => this.#open(work, job.cid, job.hints));
      case "fetch":
        return together(() => this.#fetch(work, job));
      case "model":
        return this.#model(work, job);
      case "model_block": {
        const bytes = (await this.#models.has(job.name)) && (await this.#modelBlocks.get(job.name.cid, job.cid));
        return bytes ? { bytes: new Uint8Array(bytes) } : {};
      }
      case "models":
        return { models: await this.#models.list(signal) };
      case "pin_model":
        await this.#models.setPinned(job.name, job.isPinned);
        this.#keptChanged();
        return {};
      case "remove_model":
        await this.#models.remove(job.name);
        this.#keptChanged();
        return {};
      case "read":
        return {
          bytes: await (await this.#opened(job.root, { blocks }, signal)).files.whole(job.path, MOST_READ, { signal }),
        };
      case "block": {
        const bytes = await blocks.get(job.cid);
        // A copy of its own goes: a store may hold on to what it gave.
        return bytes ? { bytes: new Uint8Array(bytes) } : {};
      }
      case "pin":
        await together(() => this.#pin(job.cid, signal));
        return {};
      case "unpin":
        await this.#pins.remove(job.cid);
        await this.#records.drop(job.cid);
        this.#keptChanged();
        return {};
      case "service":
        await this.#elsewhere().setService(job.service, job.token);
        this.#keptChanged();
        return {};
      case "pin_at":
        await this.#elsewhere().want(job.service, job.cid, job.name);
        this.#keptChanged();
        return {};
      case "unpin_at":
        await this.#elsewhere().unwant(job.service, job.cid);
        this.#keptChanged();
        return {};
      case "kept":
        return this.#kept(signal);
      case "collect":
        return { removed: await this.#collect(job.roots, signal) };
      case "import_car":
        return together(() => this.#importCar(work, job.file));
      case "export_car":
        return { file: await this.#exportCar(job.cid, signal) };
      case "remember":
        if (job.petname === undefined) await this.#authors.forget(job.author);
        else await this.#authors.remember({ id: job.author, petname: job.petname, claimed: job.claimed });
        return {};
    }
  }

  async #open(work: Work, cid: string, hints: Hints): Promise<ArtefactSummary> {
    const { blocks } = this.#options;
    const { signal } = work.stop;
    const opened = await this.#opened(cid, this.#source(work, hints), signal, hints);
    const { root, manifest } = opened;
    const valid = opened.envelopes.filter(({ isValid }) => isValid);
    for (const { cid: envelope } of valid) await this.#envelopes.add(root, envelope);
    const files = await opened.files.list({ signal, except: notNeeded(manifest) });
    const { needed, runtimeBytes } = await openingParts(manifest, blocks, signal);
    const pinned = (await this.#records.kept()).find((record) => record.root === root);
    const [first] = valid;
    const { files: _files, notebook: _notebook, models: _models, prompts: _prompts, components: _, ...said } = manifest;
    return {
      ...said,
      root,
      ...(first ? { envelope: first.cid } : {}),
      files: files.map(({ path, size }) => ({ path, size })),
      signed: await signedBy(valid, await this.#authors.list(), await this.#options.self()),
      broken: opened.envelopes.length - valid.length,
      ...(runtimeBytes === undefined ? {} : { runtimeBytes }),
      isHere: await isWhole(needed, blocks, signal),
      isPinned: pinned !== undefined,
    };
  }

  /** An artefact by any of its names, with what is known of its signatures. */
  async #opened(cid: string, source: Source, signal: AbortSignal, hints?: Hints): Promise<OpenedArtefact> {
    return openArtefact(cid, source.blocks, {
      signatures: await this.#options.signatures,
      signal,
      envelopes: async (root) => [
        ...(hints?.envelope === undefined ? [] : [hints.envelope]),
        ...(await this.#envelopes.of(root)),
        ...((await source.several?.envelopes(root, { signal })) ?? []),
      ],
    });
  }

  /** This browser first, then whoever may have it. What comes from outside is kept. */
  #source(work: Work, { from, notebook }: Hints, fromPeople?: (bytes: number) => void): Source {
    const peers = from.filter(isPeerAddress);
    const gateways = from.filter((address) => !isPeerAddress(address));
    const several = new SeveralSources([
      ...(notebook === undefined ? [] : [this.#page.peers({ notebook }, askingOf(work), fromPeople)]),
      ...(peers.length > 0 ? [this.#page.peers({ from: peers }, askingOf(work))] : []),
      ...gateways.map((address) => new GatewaySource(address, this.#options.gateway)),
    ]);
    return { blocks: new KeptSource(this.#options.blocks, several), several };
  }

  async #fetch(
    work: Work,
    { cid, hints, what }: Extract<ToArtefacts, { readonly type: "fetch" }>,
  ): Promise<{ readonly bytes: number }> {
    const { blocks } = this.#options;
    const { signal } = work.stop;
    const tell = throttled((bytes: number) => work.channel.send({ type: "progress", parent: work.id, bytes }));
    const source = this.#source(work, hints);
    const { root, manifest, envelopes } = await this.#opened(cid, source, signal, hints);
    const wanted = what === "all" ? [root] : (await openingParts(manifest, source.blocks, signal)).needed;
    const reached = await fetchBlocks(wanted, blocks, source.several ?? source.blocks, {
      signal,
      progress: ({ bytes }) => tell(bytes),
    });
    for (const envelope of envelopes) if (envelope.isValid) await this.#envelopes.add(root, envelope.cid);
    return { bytes: reached.bytes };
  }

  async #model(work: Work, { name, hints, roots, read }: Extract<Job, { type: "model" }>): Promise<object> {
    const { signal } = work.stop;
    const tell = throttled((bytes: number, total: number) =>
      work.channel.send({ type: "progress", parent: work.id, bytes, total }),
    );
    let byPeople = 0;
    const { blocks, several } = this.#source(work, hints, (bytes) => (byPeople += bytes));
    const bytes = await this.#models.get(name, several ?? blocks, {
      signal,
      isFromPeople: () => byPeople > 0,
      progress: tell,
      together: this.#options.together,
      collect: () => this.#collect(roots, signal),
    });
    this.#keptChanged();
    return read ? { bytes } : {};
  }

  async #collect(pageRoots: readonly string[], signal: AbortSignal): Promise<number> {
    const { alone, blocks } = this.#options;
    const roots = [...(await this.#present(pageRoots)), ...(await this.#models.roots())];
    const { removed } = await alone(() => collectGarbage(blocks, this.#pins, roots, signal));
    this.#keptChanged();
    return removed;
  }

  /** Everything is looked at before it is pinned. What is pinned is the published directory, if somebody signed. */
  async #pin(cid: string, signal: AbortSignal): Promise<void> {
    const { blocks, now } = this.#options;
    const { root, manifest, envelopes } = await this.#opened(cid, { blocks }, signal);
    const envelope = envelopes.find(({ isValid }) => isValid)?.cid;
    const { files, title, version, kind } = manifest;
    const pinned = envelope === undefined ? root : await publishedDirectory({ files, root, envelope }, blocks, blocks);
    let bytes = 0;
    for await (const block of walkBlocks([pinned], blocks, { signal })) bytes += block.bytes.length;
    await this.#pins.add(pinned, title);
    const record = { cid: pinned, root, title, version, kind, bytes, isOwn: false, time: now() };
    await this.#records.keep(envelope === undefined ? record : { ...record, envelope });
    this.#keptChanged();
  }

  async #kept(signal: AbortSignal): Promise<Kept> {
    const { blocks, storage } = this.#options;
    const artefacts: KeptArtefact[] = [];
    for (const record of await this.#records.kept())
      artefacts.push({ ...record, isWhole: await isWhole([record.cid], blocks, signal) });
    const unfinished = (await this.#records.drafts()).filter(({ document }) => !this.#publishing.has(document));
    const { elsewhere: remote } = this.#options;
    const [elsewhere, services] = remote ? await Promise.all([remote.list(), remote.services()]) : [[], []];
    return { artefacts, elsewhere, services, storage, unfinished, ...(await usageOf(blocks)) };
  }

  /** Those of them that are here, with the envelopes that belong to them. */
  async #present(roots: readonly string[]): Promise<readonly string[]> {
    const present: string[] = [];
    for (const root of roots) {
      for (const cid of [root, ...(await this.#envelopes.of(root))])
        if (await this.#options.blocks.has(cid)) present.push(cid);
    }
    for (const cid of await this.#records.allLeaves()) if (await this.#options.blocks.has(cid)) present.push(cid);
    for (const { root, envelope } of await this.#records.kept()) present.push(root, ...(envelope ? [envelope] : []));
    return present;
  }

  async #importCar(work: Work, file: Blob): Promise<{ readonly cids: readonly string[] }> {
    const { blocks } = this.#options;
    const tell = throttled((bytes: number) =>
      work.channel.send({ type: "progress", parent: work.id, bytes, total: file.size }),
    );
    let bytes = 0;
    const found: string[] = [];
    const { roots } = await importCar(streamOf(file), blocks, {
      signal: work.stop.signal,
      came: async (block) => {
        tell((bytes += block.bytes.length));
        await this.#envelopes.notice(block);
        if (parseCid(block.cid).code === DAG_CBOR && isRoot(block.bytes)) found.push(block.cid);
      },
    });
    const directories = roots.filter((cid) => parseCid(cid).code === DAG_PB);
    return { cids: [...new Set([...directories, ...roots, ...found])] };
  }

  async #exportCar(cid: string, signal: AbortSignal): Promise<Blob> {
    const { blocks } = this.#options;
    const record = (await this.#records.kept()).find((kept) => kept.cid === cid || kept.root === cid);
    const roots = record
      ? [
          ...new Set([
            record.root,
            record.cid,
            ...(record.cid === record.root && record.envelope ? [record.envelope] : []),
          ]),
        ]
      : [cid, ...(await this.#envelopes.of(cid))];
    return blobOf(exportCar(roots, blocks, { signal }), "application/vnd.ipld.car");
  }

  #elsewhere(): Elsewhere {
    const { elsewhere } = this.#options;
    if (!elsewhere) throw new KromaError("unavailable", "Nothing can be kept on other machines from here.");
    return elsewhere;
  }

  #keptChanged(): void {
    this.#options.others?.tell();
    this.#tellPages();
  }

  #tellPages(): void {
    for (const channel of this.#channels) channel.send({ type: "kept_changed" });
  }
}

const DAG_PB = 0x70;
const DAG_CBOR = 0x71;

/** The bytes of an answer go to the page instead of being copied: nobody here needs them any more. */
function bytesIn(value: unknown): Transferable[] {
  if (typeof value !== "object" || value === null || !("bytes" in value)) return [];
  return value.bytes instanceof Uint8Array ? [value.bytes.buffer as ArrayBuffer] : [];
}

/** Blocks, and who beside this browser may have them. */
interface Source {
  readonly blocks: BlockSource;
  readonly several?: SeveralSources;
}

function isRoot(block: Uint8Array): boolean {
  if (block.length > MOST_ROOT_BYTES) return false;
  try {
    return decodeRoot(block).title !== "";
  } catch {
    return false;
  }
}

/** What all blocks take, where the store knows. */
async function usageOf(blocks: BlockStore): Promise<{ readonly used?: number }> {
  if (!("usage" in blocks) || typeof blocks.usage !== "function") return {};
  return { used: ((await blocks.usage()) as { readonly bytes: number }).bytes };
}

async function* streamOf(file: Blob): AsyncGenerator<Uint8Array> {
  const reader = file.stream().getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
