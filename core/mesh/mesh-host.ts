/** The mesh and the pages that see it: one in the document worker of a browser, or in a Node process. */
import type { Channel } from "../base/channel.ts";
import { KromaError, toWireError } from "../base/errors.ts";
import { randomId, type DocumentId } from "../base/ids.ts";
import type { Link, LinkFacts } from "./link.ts";
import { channelOfPort } from "./link-port.ts";
import type { Mesh } from "./mesh.ts";
import type { ModelOffer } from "./model-exchange.ts";
import type { FromMesh, Links, MeshRequest, OwnKeys, Sharing, ToMesh } from "./messages.ts";
import type { Clock } from "./clock.ts";

/** Pages hear of changes at most so often, in milliseconds. */
const TELL_EVERY = 30;
/** And so often of the bytes that went over links. */
const COUNT_EVERY = 5000;

/** One's own keys, where they are kept. */
export interface KeyKeeper {
  /** Undefined when there are none yet. */
  state(): Promise<OwnKeys | undefined>;
  recoveryFile(passphrase: string): Promise<Uint8Array>;
  /** Puts the keys of a file in the place of what was there; gives the name that they bear. */
  recover(file: Uint8Array, passphrase: string): Promise<string>;
}

export interface MeshHostOptions {
  readonly keys: KeyKeeper;
  /**
   * Starts the mesh. Without a name only if there is an identity, and something is shared; with one an identity is made
   * when there is none yet.
   */
  readonly open: (name: string | undefined) => Promise<Mesh | undefined>;
  readonly clock: Clock;
}

export class MeshHost {
  readonly #options: MeshHostOptions;
  readonly #pages = new Set<Channel<ToMesh, FromMesh>>();
  readonly #dirty = new Set<DocumentId | undefined>();
  readonly #ran = new Set<DocumentId>();
  /** Which page offers what of each notebook's models. */
  readonly #offers = new Map<DocumentId, ModelOffer & { readonly page: Channel<ToMesh, FromMesh> }>();
  /** Blocks that pages were asked for. */
  readonly #blocksWanted = new Map<
    string,
    { readonly page: Channel<ToMesh, FromMesh>; readonly settle: (bytes: Uint8Array | undefined) => void }
  >();
  #mesh: Mesh | undefined;
  #opening: Promise<Mesh | undefined> | undefined;
  #known = "";
  #stopCounting: (() => void) | undefined;
  #later: (() => void) | undefined;

  constructor(options: MeshHostOptions) {
    this.#options = options;
    this.#countLater();
  }

  /** The mesh, once something is shared. */
  get mesh(): Mesh | undefined {
    return this.#mesh;
  }

  /** What a page offers of a notebook's models. */
  modelOffer(document: DocumentId): ModelOffer | undefined {
    return this.#offers.get(document);
  }

  /** Serves a page until its channel closes. */
  connect(channel: Channel<ToMesh, FromMesh>): void {
    this.#pages.add(channel);
    /** Where the page's person is. */
    const present = new Set<DocumentId>();
    channel.onClose(() => {
      this.#pages.delete(channel);
      for (const document of present) this.#mesh?.setPresence(document, undefined);
      for (const { page, settle } of this.#blocksWanted.values()) if (page === channel) settle(undefined);
      for (const [document, { page }] of this.#offers) if (page === channel) this.#offer(channel, document, []);
    });
    channel.receive((message) => {
      if (message.type === "link") {
        const { port, path, local, remote, dialled } = message;
        const linked = channelOfPort(port);
        const facts = (): LinkFacts => {
          const roundTrip = linked.roundTrip();
          return roundTrip === undefined ? {} : { roundTrip };
        };
        const link = { channel: linked, path, local, remote, dialled, facts };
        // It may be here before the mesh, which is being opened for what the page asked before.
        if (this.#mesh) void this.#mesh.addLink(link);
        else void this.#addLater(link);
      } else if (message.type === "presence") {
        present.add(message.document);
        this.#mesh?.setPresence(message.document, message.state);
      } else if (message.type === "offer_models") this.#offer(channel, message.document, message.models);
      else if (message.type === "block_given") this.#blocksWanted.get(message.parent)?.settle(message.bytes);
      else
        this.#perform(message).then(
          (value) => channel.send({ type: "reply", parent: message.id, value }, buffersOf(value)),
          (error: unknown) => channel.send({ type: "failed", parent: message.id, error: toWireError(error) }),
        );
    });
    this.#start(undefined).then(
      (mesh) => {
        channel.send({ type: "shared", documents: this.#documents() });
        void this.#tellKeys(channel);
        if (!mesh) return;
        for (const document of this.#documents()) {
          const sharing = sharingOf(mesh, document);
          if (sharing) channel.send({ type: "sharing", sharing });
          const runs = mesh.notebook(document)?.runs.others ?? [];
          if (runs.length > 0) channel.send({ type: "runs", document, runs });
        }
        channel.send({ type: "links", links: linksOf(mesh) });
      },
      (error: unknown) => channel.send({ type: "links", links: { peers: [], troubles: [toWireError(error).message] } }),
    );
  }

  close(): void {
    this.#later?.();
    this.#stopCounting?.();
    this.#mesh?.close();
    for (const channel of this.#pages) channel.close();
  }

  #offer(page: Channel<ToMesh, FromMesh>, document: DocumentId, models: ModelOffer["models"]): void {
    const block = (cid: string): Promise<Uint8Array | undefined> =>
      new Promise((resolve) => {
        const id = randomId();
        const settle = (bytes: Uint8Array | undefined): void => {
          this.#blocksWanted.delete(id);
          resolve(bytes);
        };
        this.#blocksWanted.set(id, { page, settle });
        page.send({ type: "block_wanted", id, document, cid });
      });
    if (models.length > 0) this.#offers.set(document, { page, models, block });
    else if (!this.#offers.delete(document)) return;
    this.#mesh?.modelsChanged(document);
  }

  async #start(name: string | undefined): Promise<Mesh | undefined> {
    if (this.#mesh) return this.#mesh;
    // One at a time: a second identity must not be made beside the first.
    const opening = (this.#opening ?? Promise.resolve(undefined))
      .catch(() => undefined)
      .then(async (before) => {
        const mesh = before ?? (await this.#options.open(name));
        if (mesh && !this.#mesh) this.#follow(mesh);
        return mesh;
      });
    this.#opening = opening;
    return await opening;
  }

  async #addLater(link: Link): Promise<void> {
    const mesh = await this.#opening?.catch(() => undefined);
    if (mesh) await mesh.addLink(link);
    else link.channel.close("Nothing is shared here.");
  }

  /** Other keys: everything begins anew with them. */
  async #recover(file: Uint8Array, passphrase: string): Promise<string> {
    const name = await this.#options.keys.recover(file, passphrase);
    this.#mesh?.close();
    this.#mesh = undefined;
    this.#opening = undefined;
    this.#known = "";
    await this.#start(undefined);
    for (const document of this.#documents()) this.#dirty.add(document);
    this.#dirty.add(undefined);
    this.#tellLater();
    return name;
  }

  async #tellKeys(...channels: readonly Channel<ToMesh, FromMesh>[]): Promise<void> {
    const keys = await this.#options.keys.state().catch(() => undefined);
    for (const channel of channels) channel.send({ type: "keys", keys });
  }

  #follow(mesh: Mesh): void {
    this.#mesh = mesh;
    void this.#tellKeys(...this.#pages);
    mesh.onRan((document) => {
      this.#ran.add(document);
      this.#tellLater();
    });
    mesh.onChanged((document) => {
      this.#dirty.add(document);
      this.#tellLater();
    });
  }

  /** What links carry changes all the time, and is told now and then to those who look at it. */
  #countLater(): void {
    this.#stopCounting = this.#options.clock.after(COUNT_EVERY, () => {
      if (this.#mesh && this.#mesh.peers.length > 0 && this.#pages.size > 0)
        this.#tell({ type: "links", links: linksOf(this.#mesh) });
      this.#countLater();
    });
  }

  #tellLater(): void {
    this.#later ??= this.#options.clock.after(TELL_EVERY, () => {
      this.#later = undefined;
      this.#tellChanges();
    });
  }

  async #perform(message: MeshRequest): Promise<unknown> {
    if (message.type === "recovery_file") return { file: await this.#options.keys.recoveryFile(message.passphrase) };
    if (message.type === "recover") {
      const name = await this.#recover(message.file, message.passphrase);
      await this.#tellKeys(...this.#pages);
      return { name };
    }
    // That it came has loaded the mesh already.
    if (message.type === "prepare") return {};
    const mesh = await this.#start("name" in message ? message.name : undefined);
    if (!mesh) throw new KromaError("missing", "Nothing is shared here.");
    switch (message.type) {
      case "share":
        await mesh.share(message.document, message.name);
        return {};
      case "invite": {
        const { document, role, uses, expires } = message;
        return await mesh.invite(document, { role, uses, expires });
      }
      case "revoke_invitation":
        return await mesh.revokeInvitation(message.document, message.invitation);
      case "join":
        await mesh.join(message.terms, message.name);
        return {};
      case "set_role":
        return await mesh.setRole(message.document, message.member, message.role);
      case "remove_member":
        return await mesh.remove(message.document, message.member);
      case "rename":
        return await mesh.rename(message.document, message.name);
      case "model_block": {
        const bytes = await mesh.notebook(message.document)?.modelBlock(message.cid);
        return bytes ? { bytes } : {};
      }
      case "leave":
        return await mesh.leave(message.document);
    }
  }

  #documents(): readonly DocumentId[] {
    return this.#mesh?.notebooks.map(({ document }) => document) ?? [];
  }

  #tellChanges(): void {
    const mesh = this.#mesh;
    if (!mesh) return;
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    const documents = this.#documents();
    if (documents.join() !== this.#known) {
      this.#known = documents.join();
      this.#tell({ type: "shared", documents });
    }
    for (const document of dirty) {
      const sharing = document === undefined ? undefined : sharingOf(mesh, document);
      if (sharing) this.#tell({ type: "sharing", sharing });
    }
    for (const document of this.#ran)
      this.#tell({ type: "runs", document, runs: mesh.notebook(document)?.runs.others ?? [] });
    this.#ran.clear();
    if (dirty.includes(undefined)) this.#tell({ type: "links", links: linksOf(mesh) });
  }

  #tell(message: FromMesh): void {
    for (const page of this.#pages) page.send(message);
  }
}

function sharingOf(mesh: Mesh, document: DocumentId): Sharing | undefined {
  const notebook = mesh.notebook(document);
  if (!notebook) return undefined;
  const { membership } = notebook;
  return {
    document,
    me: mesh.me,
    role: membership?.roleOf(mesh.me),
    members: membership?.members.map(({ identity: _identity, ...member }) => member) ?? [],
    former: membership?.formerMembers ?? [],
    invitations: membership?.invitations ?? [],
    equivocations: membership?.equivocations ?? [],
    contradictions: notebook.contradictions,
    linked: notebook.peers.map(({ id, path }) => ({
      id,
      path,
    })),
    present: notebook.presences.others.map(([id, state]) => ({
      id,
      state,
    })),
    models: notebook.models,
    isHere: notebook.isHere,
    isComing: notebook.isComing,
    filesCame: notebook.filesCame,
    trouble: notebook.trouble,
  };
}

/** What a reply holds that can go instead of being copied. A block that came whole is a buffer of its own. */
function buffersOf(value: unknown): Transferable[] {
  if (typeof value !== "object" || value === null || !("bytes" in value)) return [];
  const { bytes } = value;
  return bytes instanceof Uint8Array && bytes.byteLength === bytes.buffer.byteLength
    ? [bytes.buffer as ArrayBuffer]
    : [];
}

function linksOf(mesh: Mesh): Links {
  const peers = mesh.peers.map(({ id, path, remote, bytes, roundTrip }) => ({
    id,
    path,
    remote,
    ...bytes,
    roundTrip: roundTrip(),
  }));
  return { peers, troubles: [...mesh.troubles] };
}
