/**
 * One notebook that several people have: its members, and the links over which it is synced. Every rule of who gets and
 * gives what is kept here, on the authenticated connection, before anything is applied (SPEC.md, S2 to S14, E2 and E3).
 */
import { KromaError } from "../base/errors.ts";
import type { DocumentId } from "../base/ids.ts";
import type { Contradiction } from "../notebook/contradictions.ts";
import type { FirstView } from "../notebook/first-view.ts";
import type { DocumentSync } from "../notebook/document-sync.ts";
import { BlockExchange } from "./block-exchange.ts";
import { BlockGiver } from "./block-giver.ts";
import { PARTS, type Part } from "../notebook/parts.ts";
import type { EntryHash } from "./entry.ts";
import { HeldNotebook } from "./held-notebook.ts";
import type { MemberId } from "./identity.ts";
import type { LiveRuns } from "./live-runs.ts";
import { LiveState } from "./live-state.ts";
import { Membership } from "./membership.ts";
import { type MemberModels, ModelExchange } from "./model-exchange.ts";
import type { Peer } from "./peer.ts";
import type { Presences, PresenceState } from "./presence.ts";
import { contradictionNote, type ContradictionNote } from "./contradiction-note.ts";
import { mayReseed } from "./may-reseed.ts";
import { heedQuotas } from "./quotas.ts";
import { Reseeding } from "./reseeding.ts";
import { NO_LONGER, REFUSED_WRITING, RIGHT_TO_WRITE, USED_UP } from "./refusals.ts";
import { ANEW, BESIDE, hasAll, newShare, stopShare, type Share, VIEW, wordsOf } from "./share.ts";
import type { SharedNotebookOptions } from "./shared-notebook-options.ts";
import { Signing } from "./signing.ts";
import { UsedInvitations } from "./used-invitations.ts";
import type { PeerMessage } from "./wire.ts";

/** A peer that says nothing of the notebook for so long may not know that this one is a member. */
const PROVE_AFTER = 2000;
/** Of what was written in another's place. */
const MOST_NOTES = 20;

export class SharedNotebook {
  readonly document: DocumentId;
  readonly genesis: EntryHash;
  readonly #live: LiveState;
  readonly #held: HeldNotebook;
  readonly #reseeding: Reseeding;
  readonly #options: SharedNotebookOptions;
  readonly #me: MemberId;
  readonly #signing: Signing;
  readonly #shares = new Map<Peer, Share>();
  readonly #blocks: BlockExchange;
  readonly #models: ModelExchange;
  readonly #giver: BlockGiver;
  #membership: Membership | undefined;
  #refusal: string | undefined;
  /** What was found to be written in another's place, latest last. */
  #contradictions: readonly ContradictionNote[] = [];
  readonly #used: UsedInvitations;
  #closed = false;

  constructor(options: SharedNotebookOptions) {
    this.#options = options;
    this.#me = options.signer.id;
    this.document = options.document;
    this.genesis = options.genesis;
    this.#membership = options.membership;
    this.#held = new HeldNotebook(options.document, options.replicas);
    this.#used = new UsedInvitations(options.revoke);
    this.#reseeding = new Reseeding({
      document: options.document,
      held: this.#held,
      shares: () => this.#shares.values(),
      newNumber: options.newNumber,
      mayWrite: (peer) => this.#mayWrite(peer, "notebook"),
      say: (share) => this.#sayShare(share),
      begin: (share) => this.#begin(share),
      failed: (reason) => {
        this.#refusal = reason;
        options.changed();
      },
    });
    this.#live = new LiveState({
      document: options.document,
      me: this.#me,
      clock: options.clock,
      membership: () => this.#membership,
      shares: () => this.#shares.values(),
      changed: () => options.changed(),
      ran: () => options.ran(),
    });
    this.#signing = new Signing({
      ...options,
      kept: options.signed,
      membership: () => this.#membership,
      replica: () => this.#held.replica,
      shares: () => this.#shares.values(),
      keep: options.keepSignatures,
      show: (signed) => options.replicas.setSigned(options.document, signed),
    });
    // Where it can't be kept, the history does not tell who it was.
    options.replicas.setAuthor(options.document, this.#me).catch(() => undefined);
    this.#blocks = new BlockExchange({
      clock: options.clock,
      replica: () => this.#held.replica,
      peers: () => [...this.#shares.values()].filter(({ joined }) => joined).map(({ peer }) => peer),
      brought: (peer, bytes) => options.quotas?.brought(peer.id, options.document, bytes),
      ask: (peer, cid) => peer.send({ type: "want", document: this.document, cid }),
    });
    this.#models = new ModelExchange({
      document: options.document,
      clock: options.clock,
      shares: () => this.#shares.values(),
      offer: () => options.offer?.(),
      changed: () => options.changed(),
    });
    this.#giver = new BlockGiver({
      document: options.document,
      replica: () => this.#held.replica,
      models: this.#models,
      gets: (peer) => this.#shares.get(peer)?.joined ?? false,
    });
  }

  /** Undefined while only the link is here. */
  get membership(): Membership | undefined {
    return this.#membership;
  }

  get presences(): Presences {
    return this.#live.presences;
  }

  get runs(): LiveRuns {
    return this.#live.runs;
  }

  /** Signatures under its changes, as they are kept. */
  get signatures(): readonly Uint8Array[] {
    return this.#signing.kept;
  }

  /** True once the notebook itself is here. */
  get isHere(): boolean {
    return this.#held.replica !== undefined;
  }

  /** True while the notebook can be read as somebody says that it is, and is not here itself. */
  get isComing(): boolean {
    return this.#held.isExpected && !this.isHere;
  }

  /** Why nothing comes, a sentence: one was removed, the link was used. */
  get trouble(): string | undefined {
    const isFormer = this.#membership?.formerMembers.some(({ id }) => id === this.#me);
    const passing = [...this.#shares.values()].find(({ refusal }) => refusal !== undefined)?.refusal;
    return this.#refusal ?? (isFormer ? NO_LONGER : passing);
  }

  /** Changes in another's place that came, latest last. */
  get contradictions(): readonly ContradictionNote[] {
    return this.#contradictions;
  }

  /** True when the list of files is here as one who is linked now has it: nothing is missing that has not come yet. */
  get filesCame(): boolean {
    return [...this.#shares.values()].some(({ filesCame }) => filesCame);
  }

  /** Models that others offer. */
  get models(): readonly MemberModels[] {
    return this.#models.others;
  }

  /** A block of one of them; undefined when nobody who is here gave it. */
  modelBlock(cid: string): Promise<Uint8Array | undefined> {
    return this.#models.get(cid);
  }

  /** What is offered here of models has changed. */
  modelsChanged(): void {
    this.#models.offerChanged();
  }

  /** How many blocks are still to come. */
  get missing(): number {
    return this.#blocks.wanted;
  }

  get peers(): readonly Peer[] {
    const membership = this.#membership;
    return [...this.#shares.values()]
      .filter(({ theirs, peer }) => theirs !== undefined && (membership?.may(peer.id, "read") ?? true))
      .map(({ peer }) => peer);
  }

  /** Rejects, with a sentence, when the notebook may not go on without its history (E1). */
  mayReseed(isAsked: boolean): Promise<void> {
    const { runs } = this.#live;
    return mayReseed({ me: this.#me, membership: this.#membership, shares: [...this.#shares.values()], runs, isAsked });
  }

  /** True when that member is there and has said that they have all that is here. */
  async isWith(member: MemberId): Promise<boolean> {
    for (const share of this.#shares.values()) if (share.peer.id === member && (await hasAll(share))) return true;
    return false;
  }

  /** A peer is there: it is told of the notebook if it is a member, now or later, or may let this one in. */
  meet(peer: Peer, number: number): void {
    if (this.#closed || this.#shares.has(peer)) return;
    const share = this.#share(peer, number);
    if (!this.#membership || this.#membership.may(peer.id, "read")) this.#introduce(share);
  }

  /** The peer is gone. */
  part(peer: Peer): void {
    const share = this.#shares.get(peer);
    if (!share) return;
    this.#held.remember(share);
    stopShare(share);
    this.#shares.delete(peer);
    // Another one may have it as another document.
    if (this.#held.isBlank) for (const other of this.#shares.values()) void this.#begin(other);
    this.#models.part(peer);
    if (![...this.#shares.keys()].some(({ id }) => id === peer.id)) this.#live.remove(peer.id);
    this.#options.changed();
  }

  /** What the peer says of this notebook. `number` is what this end would call it. */
  async hear(peer: Peer, message: PeerMessage, number: () => number): Promise<void> {
    switch (message.type) {
      case "share":
        return await this.#hearShare(peer, message, number);
      case "members":
        return await this.#hearMembers(peer, message.entries);
      case "sync":
        return await this.#hearSync(peer, message);
      case "reseed":
        this.#reseeding.hear(this.#shares.get(peer), message);
        return;
      case "presence":
        if (this.#shares.has(peer)) this.#live.hearPresence(peer, message);
        return;
      case "run":
        if (this.#shares.has(peer)) this.#live.hearRun(peer, message);
        return;
      case "signatures":
        return await this.#hearSignatures(peer, message);
      case "view":
        return await this.#hearView(peer, message.view);
      case "want":
        return await this.#giver.hear(peer, message.cid);
      case "models":
        if (this.#shares.has(peer) && this.#membership?.may(peer.id, "read")) this.#models.hear(peer, message.models);
        return;
      case "block":
        if (await this.#models.came(peer, message.cid, message.bytes)) return;
        if (!(await this.#blocks.came(peer, message.cid, message.bytes)))
          throw new KromaError("corrupt", "This peer sent other outputs or files than those it was asked for.");
        return;
      case "absent":
        if (!this.#models.absent(peer, message.cid)) this.#blocks.absent(peer, message.cid);
        return;
      case "refused":
        this.#hearRefused(peer, message);
        return;
      default:
    }
  }

  /** That part has changed here: everyone is told. */
  documentChanged(part: Part): void {
    if (part === "notebook") this.#reseeding.changed();
    for (const { parts } of this.#shares.values()) parts[part].tell();
    if (part === "notebook") this.#signing.documentChanged();
    if (part !== "comments" && this.#shares.size > 0) void this.#blocks.look();
  }

  /** An entry was made here: it is kept, and everyone is told. */
  async entriesMade(entries: readonly Uint8Array[]): Promise<void> {
    await this.#entriesCame(entries, undefined);
  }

  /** Where the person here is; undefined when they have left the notebook. */
  setPresence(state: PresenceState | undefined): void {
    this.#live.setPresence(state);
  }

  close(): void {
    this.#closed = true;
    for (const peer of this.#shares.keys()) this.part(peer);
    this.#live.close();
    this.#signing.close();
    this.#blocks.close();
    this.#models.close();
    this.#held.close();
  }

  #share(peer: Peer, number: number): Share {
    const share = newShare(peer, number, this.#options.clock);
    this.#shares.set(peer, share);
    return share;
  }

  /**
   * Says, once, that the notebook is here; a newcomer also shows what lets it in. A member whom the other end does not
   * know to be one, since a third one let it in, shows the whole list when no answer comes.
   */
  #introduce(share: Share): void {
    if (share.introduced) return;
    share.introduced = true;
    const { peer } = share;
    share.proof = this.#options.clock.after(PROVE_AFTER, () => {
      const isMember = this.#membership?.roleOf(this.#me) !== undefined;
      if (!isMember && this.#options.mayBeKnown && this.#options.join) this.#sendEntries(peer, [this.#options.join]);
      if (share.theirs !== undefined || !isMember || !this.#membership) return;
      this.#sendEntries(
        peer,
        this.#membership.entriesSince([]).map(({ bytes }) => bytes),
      );
    });
    this.#sayShare(share);
    if (this.#options.join && !this.#options.mayBeKnown && !this.#membership?.roleOf(this.#me))
      this.#sendEntries(peer, [this.#options.join]);
  }

  /** Names the notebook to the peer, and what of it can be synced. Said again when that has become more. */
  #sayShare(share: Share, anew = false): void {
    const { seed } = this.#held;
    share.saidParts = this.isHere;
    share.saidSeed = seed;
    share.asksView ||= !this.#membership && !this.#held.isExpected;
    share.peer.send({
      type: "share",
      number: share.number,
      document: this.document,
      genesis: this.genesis,
      heads: (this.#membership?.heads ?? []).slice(0, 16),
      ...(seed === undefined ? {} : { seed }),
      parts: wordsOf({
        isHere: share.saidParts,
        beginsAnew: anew,
        wantsView: share.asksView && !this.isHere && !this.#held.isExpected,
      }),
    });
  }

  async #hearShare(
    peer: Peer,
    { number: theirs, seed, heads, parts = [] }: Extract<PeerMessage, { readonly type: "share" }>,
    number: () => number,
  ): Promise<void> {
    // Someone who is no member may be about to show an entry that makes them one.
    const share = this.#shares.get(peer) ?? this.#share(peer, number());
    const isFirst = share.theirs === undefined;
    share.theirs = theirs;
    share.heads = heads as EntryHash[];
    share.takes = new Set(parts);
    if (share.takes.has(ANEW)) {
      this.#held.inCommon.forget(peer.id);
      for (const part of PARTS) share.parts[part].begin(undefined);
    }
    share.seed = seed;
    if (!this.#reseeding.isSame(share)) share.parts.notebook.begin(undefined);
    // What this end said before may have come when there was no such notebook there.
    if (isFirst && share.introduced) this.#sayShare(share);
    await this.#welcome(share);
  }

  /** A member that has said that it takes part gets the members, then the notebook. */
  async #welcome(share: Share): Promise<void> {
    const membership = this.#membership;
    if (!membership?.may(share.peer.id, "read") || share.theirs === undefined) return;
    this.#introduce(share);
    if (!share.listed) {
      share.listed = true;
      const lacking = membership.entriesSince(share.heads);
      this.#sendEntries(
        share.peer,
        lacking.map(({ bytes }) => bytes),
      );
    }
    await this.#begin(share);
  }

  async #hearMembers(peer: Peer, texts: readonly string[]): Promise<void> {
    if (!this.#shares.has(peer)) return;
    const entries = texts.map((text) => new TextEncoder().encode(text));
    if (!this.#membership) {
      await this.#hearFirstMembers(peer, entries);
      return;
    }
    const { accepted, refused } = await this.#membership.merge(entries, {
      from: { id: peer.id, now: this.#options.clock.now() },
    });
    const came = accepted.map(({ bytes }) => bytes);
    if (came.length > 0) await this.#entriesCame(came, peer);
    // Each costs several checks, and nobody who is honest has such a one.
    if (refused.some(({ reason }) => reason === "signature"))
      throw new KromaError("corrupt", "This peer sends entries that their authors have not signed.");
    const share = this.#shares.get(peer);
    if (share && !this.#membership.may(peer.id, "read"))
      this.#refuse(
        share,
        refused[0]?.message ?? (came.length > 0 ? USED_UP : "You are not a member of this notebook."),
      );
  }

  /** Whoever is at this end of the link is no member: what there was with them is over. They may come again by a link. */
  #refuse(share: Share, reason: string): void {
    const { peer, number } = share;
    peer.send({ type: "refused", document: this.document, reason });
    stopShare(share);
    this.#shares.set(peer, newShare(peer, number, this.#options.clock));
    this.#models.part(peer);
    if (![...this.#shares.values()].some(({ peer: other, joined }) => other.id === peer.id && joined))
      this.#live.remove(peer.id);
  }

  async #hearFirstMembers(peer: Peer, entries: readonly Uint8Array[]): Promise<void> {
    const { membership } = await Membership.load(this.#options.signatures, this.genesis, entries);
    if (membership.notebook !== this.document)
      throw new KromaError("corrupt", "The members that this peer tells are those of another notebook.");
    const refusal = this.#options.quotas?.refusalOfNotebook(this.document, membership.creator);
    if (refusal !== undefined) {
      peer.send({ type: "refused", document: this.document, reason: refusal, passing: true });
      return;
    }
    this.#membership ??= membership;
    // What was refused must not be kept: what is kept is read again without another look at its signatures.
    const kept = membership.entriesSince([]);
    await this.#entriesCame(
      kept.map(({ bytes }) => bytes),
      peer,
    );
  }

  /** New entries are here: they are kept, passed on, and what they change of who gets what is done at once. */
  async #entriesCame(entries: readonly Uint8Array[], from: Peer | undefined): Promise<void> {
    const membership = this.#membership;
    if (!membership) return;
    await this.#options.keep(membership, entries);
    if (membership.roleOf(this.#me)) this.#refusal = undefined;
    for (const share of this.#shares.values()) {
      const { peer } = share;
      if (membership.may(peer.id, "read")) {
        if (share.listed && peer !== from) this.#sendEntries(peer, entries);
        this.#introduce(share);
        for (const part of PARTS) {
          const { sync } = share.parts[part];
          if (sync && sync.mayWrite !== this.#mayWrite(peer, part)) share.parts[part].begin(undefined);
        }
        await this.#welcome(share);
      } else if (share.listed) {
        // It hears why, which is the one entry that it still gets.
        if (peer !== from) this.#sendEntries(peer, entries);
        this.#refuse(share, NO_LONGER);
      }
    }
    this.#options.changed();
    const closed = await this.#used.close(membership, this.#me);
    if (closed) await this.#entriesCame([closed.bytes], undefined);
  }

  /** Members may have become too much for this machine, or not be so any more. */
  heedQuotas(shares: Iterable<Share> = this.#shares.values()): void {
    for (const share of shares) {
      heedQuotas(this.#options.quotas, share, this.document, (isTakenAgain) => {
        for (const one of PARTS) if (share.parts[one].sync) share.parts[one].begin(this.#newSync(share, one));
        if (isTakenAgain) this.#sayShare(share, true);
        for (const one of PARTS) share.parts[one].tell();
      });
    }
  }

  #mayWrite({ id }: Peer, part: Part): boolean {
    const membership = this.#membership;
    if (this.#options.quotas?.refusal(id) !== undefined) return false;
    return membership !== undefined && (membership.may(id, RIGHT_TO_WRITE[part]) || membership.may(id, "keep"));
  }

  #sendEntries(peer: Peer, entries: readonly Uint8Array[]): void {
    if (entries.length === 0) return;
    const decoder = new TextDecoder();
    peer.send({ type: "members", document: this.document, entries: entries.map((bytes) => decoder.decode(bytes)) });
  }

  /** Starts to sync what is not synced yet, once both ends are members and have said that they have the notebook. */
  async #begin(share: Share): Promise<void> {
    const membership = this.#membership;
    if (!membership || share.theirs === undefined) return;
    if (!membership.may(share.peer.id, "read") || !membership.roleOf(this.#me)) return;
    await this.#held.hold();
    if (this.#closed || this.#shares.get(share.peer) !== share) return;
    if (this.isHere && !share.saidParts) this.#sayShare(share);
    this.#reseeding.expectAs(share);
    const isNew = !share.joined;
    share.joined = true;
    for (const part of PARTS) {
      if (share.parts[part].sync || (part === "notebook" ? !this.#reseeding.isSame(share) : !share.takes.has(part)))
        continue;
      share.parts[part].begin(this.#newSync(share, part));
      if (part === "notebook" && this.isHere && !BESIDE.some((one) => share.takes.has(one)))
        share.parts[part].tellWhenAsked();
      else share.parts[part].tell();
    }
    this.#reseeding.tell(share);
    this.#signing.meet(share);
    if (!isNew) return;
    if (share.takes.has(VIEW)) await this.#held.sendView(share.peer);
    this.#options.changed();
    this.#live.tell(share);
    this.#models.tell(share);
    void this.#blocks.meet();
  }

  /** Only from those whose changes of the notebook would be taken in as well, and once. */
  async #hearView(peer: Peer, view: FirstView): Promise<void> {
    if (!this.#shares.has(peer) || !this.#mayWrite(peer, "notebook") || !this.#membership?.roleOf(this.#me)) return;
    if (!this.#closed && (await this.#held.show(view))) this.#options.changed();
  }

  #newSync({ peer }: Share, part: Part): DocumentSync | undefined {
    return this.#held.newSync(peer.id, part, this.#mayWrite(peer, part));
  }

  async #hearSync(peer: Peer, { number, part, bytes }: Extract<PeerMessage, { readonly type: "sync" }>): Promise<void> {
    const share = this.#shares.get(peer);
    const between = share?.parts[part];
    // Of a document that it has no more. Its comments and files are the same ones.
    if (part === "notebook" && number !== share?.theirs) return;
    // What it asks may come while the notebook is being loaded for others, and is not asked again.
    if (share && !between?.sync) await this.#begin(share);
    // And what comes while the notebook goes into the library is taken in there. Whoever brought it hears of a failure.
    await this.#held.settled();
    if (!between?.sync) return;
    if (share) this.heedQuotas([share]);
    // An exception ends the link: Peer says why.
    const isTaken = await between.sync.take(bytes);
    this.#options.quotas?.brought(peer.id, this.document, between.sync?.takeBrought() ?? 0);
    if (!isTaken && share?.saidRefusal === undefined)
      peer.send({ type: "refused", document: this.document, reason: REFUSED_WRITING[part] });
    const found = between.sync?.takeContradictions();
    if (found) return this.#contradicted(peer, part, found);
    if (part === "files" && share && !share.filesCame && (await between.sync?.hasAllOfPeer())) {
      share.filesCame = true;
      this.#options.changed();
    }
    const goOn = await this.#held.adopt();
    if (goOn) await this.#adopted(goOn);
    between.tell();
  }

  /** The part is another document since: both ends of each link begin anew with it. */
  #contradicted(peer: Peer, part: Part, found: readonly Contradiction[]): void {
    const notes = found.map((one) => contradictionNote(one, peer.id, this.#me));
    this.#contradictions = [...this.#contradictions, ...notes].slice(-MOST_NOTES);
    this.#held.inCommon.forget();
    for (const share of this.#shares.values()) {
      if (!share.parts[part].sync) continue;
      for (const one of PARTS) {
        // What this peer has just said of the part is not asked again: it might say the same before it is answered.
        const goesOn = share.peer === peer && one === part;
        if (share.parts[one].sync && !goesOn) share.parts[one].begin(this.#newSync(share, one));
      }
      this.#sayShare(share, true);
      for (const one of PARTS) share.parts[one].tell();
    }
    this.#signing.documentChanged();
    this.#options.changed();
  }

  /** The notebook is here, and is synced from the library. */
  async #adopted(goOn: (before: DocumentSync) => DocumentSync | undefined): Promise<void> {
    void this.#blocks.look();
    for (const share of this.#shares.values()) {
      const { parts } = share;
      if (!parts.notebook.sync) continue;
      parts.notebook.begin(goOn(parts.notebook.sync) ?? this.#newSync(share, "notebook"));
      parts.notebook.tell();
      await this.#begin(share);
    }
    this.#options.changed();
  }

  /** Only members tell of them, and are told. */
  async #hearSignatures(peer: Peer, message: Extract<PeerMessage, { readonly type: "signatures" }>): Promise<void> {
    const share = this.#shares.get(peer);
    if (share && this.#membership?.may(peer.id, "read")) await this.#signing.hear(share, message);
  }

  #hearRefused(peer: Peer, { reason, passing }: Extract<PeerMessage, { readonly type: "refused" }>): void {
    const share = this.#shares.get(peer);
    if (!share) return;
    if (passing) share.refusal = reason === "" ? undefined : reason;
    else this.#refusal = reason;
    this.#options.changed();
  }
}
