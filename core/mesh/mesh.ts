/**
 * This Kroma among others: proves who it is over each link, knows which notebooks it shares, and hands each message to
 * the notebook it is about. It lives where the documents live; links are brought to it.
 */
import { KromaError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import type { CellId, DocumentId } from "../base/ids.ts";
import type { Run } from "../notebook/model.ts";
import type { Part } from "../notebook/parts.ts";
import type { DocStore } from "../store/stores.ts";
import type { Clock } from "./clock.ts";
import type { EntryHash } from "./entry.ts";
import type { AcceptedEntry } from "./entry-intake.ts";
import { authenticate } from "./handshake.ts";
import type { MemberId, Signatures, Signer } from "./identity.ts";
import { LINK_REPLACED, type Link } from "./link.ts";
import { makeJoin, Membership, type MakeOptions } from "./membership.ts";
import type { ModelOffer } from "./model-exchange.ts";
import { Peer } from "./peer.ts";
import { PRESENCE_EVERY, type PresenceState } from "./presence.ts";
import type { LinkRole, Role } from "./roles.ts";
import { SharedNotebook } from "./shared-notebook.ts";
import type { Replicas } from "./shared-notebook-options.ts";
import type { Quotas } from "./quotas.ts";
import { readShares, ShareStore } from "./share-store.ts";
import type { PeerMessage } from "./wire.ts";

export interface MeshOptions {
  readonly signer: Signer;
  /** Others may know oneself already where nothing is known here: the keys came from elsewhere. */
  readonly mayBeKnown?: boolean;
  readonly signatures: Signatures;
  readonly replicas: Replicas;
  readonly store: DocStore;
  readonly clock: Clock;
  /** What members may cost this machine; absent: whatever they do. */
  readonly quotas?: Quotas;
  /** What is offered here to the members of a notebook of its models; absent: nothing ever is. */
  readonly modelOffer?: (document: DocumentId) => ModelOffer | undefined;
}

/** What a link lets whoever has it do. */
export interface InvitationTerms {
  readonly role: LinkRole;
  readonly uses: "one" | "many";
  /** Unix time in milliseconds. */
  readonly expires: number;
}

/** What whoever has the link knows. */
export interface InvitationSecret {
  readonly document: DocumentId;
  readonly genesis: EntryHash;
  readonly invitation: EntryHash;
  readonly secret: Uint8Array;
}

export class Mesh {
  readonly #options: MeshOptions;
  readonly #store: ShareStore;
  readonly #notebooks = new Map<DocumentId, SharedNotebook>();
  /** Of each peer: what this end and the other end call each notebook. */
  readonly #peers = new Map<
    Peer,
    { readonly mine: Map<DocumentId, number>; readonly theirs: Map<number, DocumentId>; next: number }
  >();
  readonly #changed = new Emitter<DocumentId | undefined>();
  readonly #ran = new Emitter<DocumentId>();
  /** Why the latest links came to nothing, sentences. */
  readonly #troubles: string[] = [];
  readonly #ends = new AbortController();
  #stopPresence: (() => void) | undefined;

  constructor(options: MeshOptions) {
    this.#options = options;
    this.#store = new ShareStore(options.store);
    this.#presenceLater();
  }

  /** Takes up the notebooks that were shared before. */
  async load(): Promise<void> {
    for (const share of await readShares(this.#options.store)) {
      const entries = share.entries;
      const loaded =
        entries.length === 0
          ? undefined
          : await Membership.load(this.#options.signatures, share.genesis, entries, { verified: true });
      this.#add(share.document, share.genesis, loaded?.membership, share.join, share.signatures);
    }
  }

  get me(): MemberId {
    return this.#options.signer.id;
  }

  get peers(): readonly Peer[] {
    return [...this.#peers.keys()];
  }

  get troubles(): readonly string[] {
    return this.#troubles;
  }

  get notebooks(): readonly SharedNotebook[] {
    return [...this.#notebooks.values()];
  }

  notebook(document: DocumentId): SharedNotebook | undefined {
    return this.#notebooks.get(document);
  }

  /** Calls `listener` when what a person sees of a notebook's sharing has changed; undefined means the links. */
  onChanged(listener: (document: DocumentId | undefined) => void): () => void {
    return this.#changed.on(listener);
  }

  /** Calls `listener` when outputs of runs of others in a notebook have changed. */
  onRan(listener: (document: DocumentId) => void): () => void {
    return this.#ran.on(listener);
  }

  /** Takes up a link: who is at the other end proves it first. */
  async addLink(link: Link): Promise<void> {
    const { signer, signatures, clock } = this.#options;
    const ends = new AbortController();
    let isReplaced = false;
    link.channel.onClose((reason) => (isReplaced = reason === LINK_REPLACED));
    const stop = clock.after(HANDSHAKE_TIME, () => ends.abort(new DOMException("", "TimeoutError")));
    try {
      const {
        id,
        peer: identity,
        channel,
      } = await authenticate(link, {
        signer,
        signatures,
        now: () => clock.now(),
        signal: AbortSignal.any([ends.signal, this.#ends.signal]),
      });
      const peer = new Peer({
        id,
        identity,
        path: link.path,
        remote: link.remote,
        roundTrip: () => link.facts?.().roundTrip,
        channel,
        hear: (from, message) => this.#hear(from, message),
        received: (from, bytes) => this.#received(from, bytes),
      });
      const ban = this.#options.quotas?.ban(id);
      if (ban !== undefined) return peer.close(ban);
      this.#peers.set(peer, { mine: new Map(), theirs: new Map(), next: 0 });
      peer.onEnd((reason) => this.#part(peer, reason));
      for (const notebook of this.#notebooks.values()) notebook.meet(peer, this.#number(peer, notebook.document));
      this.#changed.emit(undefined);
    } catch (error) {
      if (!(error instanceof KromaError)) throw error;
      // A better link to the same peer was there first: nobody needs to hear of that.
      if (!isReplaced) this.#say(error.message);
    } finally {
      stop();
    }
  }

  /** The notebook is shared from now on; oneself is its owner. */
  async share(document: DocumentId, name: string): Promise<SharedNotebook> {
    const known = this.#notebooks.get(document);
    if (known) return known;
    const membership = await Membership.create(this.#options.signatures, { ...this.#make(), notebook: document, name });
    await this.#store.add(document, membership.genesis, undefined);
    const notebook = this.#add(document, membership.genesis, membership, undefined, []);
    await notebook.entriesMade(membership.entriesSince([]).map(({ bytes }) => bytes));
    return notebook;
  }

  /** Makes an invitation. `denied` for those who may not. */
  async invite(document: DocumentId, terms: InvitationTerms): Promise<InvitationSecret> {
    const { notebook, membership } = this.#shared(document);
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const { publicKey } = await this.#options.signatures.invitationKey(secret);
    const made = await membership.invite({ ...this.#make(), key: publicKey, ...terms });
    await notebook.entriesMade([made.bytes]);
    return { document, genesis: membership.genesis, invitation: made.hash, secret };
  }

  revokeInvitation(document: DocumentId, invitation: string): Promise<void> {
    return this.#enter(document, (membership, make) => membership.revokeInvitation({ ...make, invitation }));
  }

  setRole(document: DocumentId, member: MemberId, role: Role): Promise<void> {
    return this.#enter(document, (membership, make) => membership.setRole({ ...make, member, role }));
  }

  remove(document: DocumentId, member: MemberId): Promise<void> {
    return this.#enter(document, (membership, make) => membership.remove({ ...make, member }));
  }

  rename(document: DocumentId, name: string): Promise<void> {
    return this.#enter(document, (membership, make) => membership.rename({ ...make, name }));
  }

  /** Takes part in a notebook by a link. It appears once someone who has it is reached. */
  async join({ document, genesis, invitation, secret }: InvitationSecret, name: string): Promise<SharedNotebook> {
    const known = this.#notebooks.get(document);
    if (known && known.genesis !== genesis)
      throw new KromaError("invalid", "The link is of another notebook that bears the same id as one of yours.");
    if (known?.membership?.roleOf(this.me)) return known;
    if (!known) {
      const held = await this.#options.replicas.hold(document);
      held?.release();
      if (held) throw new KromaError("invalid", "A notebook of this id is here already, and is not shared.");
    }
    const sequence = known?.membership?.nextSequence(this.me) ?? 1;
    const options = { ...this.#make(), genesis, invitation, secret, name, sequence };
    const { bytes } = await makeJoin(this.#options.signatures, options);
    await this.#store.add(document, genesis, bytes);
    known?.close();
    const notebook = this.#add(document, genesis, known?.membership, bytes, known?.signatures ?? []);
    this.#changed.emit(document);
    return notebook;
  }

  /** Stops sharing here: the notebook stays, and nothing comes or goes any more. */
  async leave(document: DocumentId): Promise<void> {
    const { notebook, membership } = this.#shared(document);
    if (membership.roleOf(this.me) && membership.members.length > 1) await this.remove(document, this.me);
    notebook.close();
    this.#notebooks.delete(document);
    await this.#store.remove(document);
    this.#changed.emit(document);
  }

  setPresence(document: DocumentId, state: PresenceState | undefined): void {
    this.#notebooks.get(document)?.setPresence(state);
  }

  /** A cell runs here, and this is what there is of it; undefined when it has ended. */
  setRun(document: DocumentId, cell: CellId, run: Run | undefined): void {
    this.#notebooks.get(document)?.runs.set(cell, run);
  }

  /** What is offered here of a notebook's models has changed. */
  modelsChanged(document: DocumentId): void {
    this.#notebooks.get(document)?.modelsChanged();
  }

  /** That part of the notebook has changed here. */
  documentChanged(document: DocumentId, part: Part): void {
    this.#notebooks.get(document)?.documentChanged(part);
  }

  close(): void {
    this.#stopPresence?.();
    this.#ends.abort();
    for (const peer of this.#peers.keys()) peer.close("This Kroma was closed.");
    for (const notebook of this.#notebooks.values()) notebook.close();
    this.#notebooks.clear();
  }

  #add(
    document: DocumentId,
    genesis: EntryHash,
    membership: Membership | undefined,
    join: Uint8Array | undefined,
    signed: readonly Uint8Array[],
  ): SharedNotebook {
    const { signer, signatures, replicas, clock } = this.#options;
    const notebook = new SharedNotebook({
      document,
      genesis,
      membership,
      join,
      signer,
      signed,
      mayBeKnown: this.#options.mayBeKnown ?? false,
      signatures,
      replicas,
      clock,
      newNumber: (peer) => this.#newNumber(peer, document),
      keep: (_, entries) => this.#store.keep(document, entries),
      keepSignatures: (added, replaced) => this.#store.keepSignatures(document, added, replaced),
      revoke: (membership, invitation) => membership.revokeInvitation({ ...this.#make(), invitation }),
      changed: () => this.#changed.emit(document),
      ran: () => this.#ran.emit(document),
      quotas: this.#options.quotas,
      offer: () => this.#options.modelOffer?.(document),
    });
    this.#notebooks.set(document, notebook);
    for (const peer of this.#peers.keys()) notebook.meet(peer, this.#number(peer, document));
    return notebook;
  }

  async #hear(peer: Peer, message: PeerMessage): Promise<void> {
    const numbers = this.#peers.get(peer);
    if (!numbers || message.type === "bye") return;
    const document = message.type === "sync" ? numbers.theirs.get(message.number) : message.document;
    const notebook = document === undefined ? undefined : this.#notebooks.get(document);
    // Whoever has not got a notebook says nothing of it, and so nothing of what is here.
    if (!notebook || (message.type === "share" && message.genesis !== notebook.genesis)) return;
    if (message.type === "share") {
      if (numbers.theirs.size > MOST_NOTEBOOKS)
        throw new KromaError("exhausted", "This peer names too many notebooks.");
      numbers.theirs.set(message.number, message.document);
    }
    await notebook.hear(peer, message, () => this.#number(peer, notebook.document));
  }

  #received(peer: Peer, bytes: number): void {
    const { quotas } = this.#options;
    quotas?.received(peer.id, bytes);
    const ban = quotas?.ban(peer.id);
    if (ban !== undefined) peer.close(ban);
  }

  #part(peer: Peer, reason: string | undefined): void {
    this.#peers.delete(peer);
    for (const notebook of this.#notebooks.values()) notebook.part(peer);
    if (reason && reason !== LINK_REPLACED) this.#say(reason);
    this.#changed.emit(undefined);
  }

  #number(peer: Peer, document: DocumentId): number {
    return this.#peers.get(peer)?.mine.get(document) ?? this.#newNumber(peer, document);
  }

  #newNumber(peer: Peer, document: DocumentId): number {
    const numbers = this.#peers.get(peer);
    if (!numbers) return 0;
    numbers.mine.set(document, numbers.next);
    return numbers.next++;
  }

  #say(trouble: string): void {
    this.#troubles.push(trouble);
    this.#troubles.splice(0, this.#troubles.length - MOST_TROUBLES);
    this.#changed.emit(undefined);
  }

  #make(): MakeOptions {
    return { signer: this.#options.signer, time: this.#options.clock.now() };
  }

  #shared(document: DocumentId): { readonly notebook: SharedNotebook; readonly membership: Membership } {
    const notebook = this.#notebooks.get(document);
    const membership = notebook?.membership;
    if (!notebook || !membership) throw new KromaError("missing", "This notebook is not shared.");
    return { notebook, membership };
  }

  async #enter(
    document: DocumentId,
    enter: (membership: Membership, make: MakeOptions) => Promise<AcceptedEntry>,
  ): Promise<void> {
    const { notebook, membership } = this.#shared(document);
    const { bytes } = await enter(membership, this.#make());
    await notebook.entriesMade([bytes]);
  }

  #presenceLater(): void {
    this.#stopPresence = this.#options.clock.after(PRESENCE_EVERY, () => {
      for (const notebook of this.#notebooks.values()) {
        if (notebook.presences.mine) notebook.setPresence(notebook.presences.mine);
        notebook.heedQuotas();
      }
      this.#presenceLater();
    });
  }
}

const HANDSHAKE_TIME = 15_000;
/** That one peer may name. */
const MOST_NOTEBOOKS = 10_000;
const MOST_TROUBLES = 20;
