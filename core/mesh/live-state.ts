/**
 * What is told of a notebook and kept nowhere: where its people are in it, and what they run (SPEC.md, S13, S14 and R1 to
 * R4). Who is counted on to keep the notebook hands it on.
 */
import type { CellId, DocumentId } from "../base/ids.ts";
import type { Clock } from "./clock.ts";
import type { MemberId } from "./identity.ts";
import { LiveRuns, type LiveRunMessage } from "./live-runs.ts";
import type { Membership } from "./membership.ts";
import type { Peer } from "./peer.ts";
import { Presences, type PresenceState } from "./presence.ts";
import { RUNS, type Share } from "./share.ts";
import type { PeerMessage } from "./wire.ts";

export interface LiveStateOptions {
  readonly document: DocumentId;
  readonly me: MemberId;
  readonly clock: Clock;
  readonly membership: () => Membership | undefined;
  readonly shares: () => Iterable<Share>;
  /** Presences have changed. */
  readonly changed: () => void;
  /** Outputs of runs under way elsewhere have changed. */
  readonly ran: () => void;
}

type Presence = Extract<PeerMessage, { readonly type: "presence" }>;
type LiveRun = Extract<PeerMessage, { readonly type: "run" }>;

export class LiveState {
  readonly presences: Presences;
  readonly runs: LiveRuns;
  readonly #options: LiveStateOptions;

  constructor(options: LiveStateOptions) {
    this.#options = options;
    this.presences = new Presences(options.clock, options.changed);
    this.runs = new LiveRuns({
      clock: options.clock,
      tell: (cell, run) => {
        for (const { peer, joined, takes } of options.shares())
          if (joined && takes.has(RUNS)) peer.send(this.#run(undefined, cell, run));
      },
      changed: options.ran,
    });
  }

  /** Where the person here is; undefined when they have left the notebook. */
  setPresence(state: PresenceState | undefined): void {
    this.presences.mine = state;
    for (const { peer, theirs } of this.#options.shares()) {
      if (theirs !== undefined) peer.send(this.#presence(undefined, state));
    }
  }

  /** Somebody has come: they see who is here, and what runs now. */
  tell({ peer, takes }: Share): void {
    if (this.presences.mine) peer.send(this.#presence(undefined, this.presences.mine));
    if (!takes.has(RUNS)) return;
    for (const [cell, run] of this.runs.mine) peer.send(this.#run(undefined, cell, run));
    if (!this.#isKeeper()) return;
    for (const [member, cell, run] of this.runs.heard) if (member !== peer.id) peer.send(this.#run(member, cell, run));
  }

  /** A peer that takes part has said where somebody is. */
  hearPresence(peer: Peer, { from, state }: Presence): void {
    if (!this.#options.membership()?.may(peer.id, "read")) return;
    const who = this.#speaker(peer, from as MemberId | undefined);
    if (who === this.#options.me || !this.presences.hear(who, state)) return;
    if (!this.#isKeeper() || from !== undefined) return;
    const shown = this.presences.of(who);
    for (const { peer: other, theirs } of this.#options.shares()) {
      if (theirs !== undefined && other.id !== who) other.send(this.#presence(who, shown));
    }
  }

  /** A peer that takes part has said what somebody runs. */
  hearRun(peer: Peer, { from, cell, run }: LiveRun): void {
    const who = this.#speaker(peer, from as MemberId | undefined);
    if (!this.#options.membership()?.may(who, "run") || who === this.#options.me) return;
    if (!this.runs.hear(who, cell, run) || !this.#isKeeper() || from !== undefined) return;
    for (const { peer: other, joined, takes } of this.#options.shares())
      if (joined && takes.has(RUNS) && other.id !== who)
        other.send(this.#run(who, cell, run as LiveRunMessage | undefined));
  }

  /** A member is here no longer. */
  remove(member: MemberId): void {
    this.presences.remove(member);
    this.runs.remove(member);
  }

  close(): void {
    this.presences.close();
    this.runs.close();
  }

  #isKeeper(): boolean {
    return this.#options.membership()?.may(this.#options.me, "keep") ?? false;
  }

  /** Whose a presence or a run is: only who is counted on to hand things on may speak for others. */
  #speaker(peer: Peer, from: MemberId | undefined): MemberId {
    const membership = this.#options.membership();
    return from !== undefined && membership?.may(peer.id, "keep") && membership.roleOf(from) ? from : peer.id;
  }

  #presence(from: MemberId | undefined, state: PresenceState | undefined): PeerMessage {
    return {
      type: "presence",
      document: this.#options.document,
      ...(from === undefined ? {} : { from }),
      ...(state === undefined ? {} : { state: { ...state } }),
    };
  }

  #run(from: MemberId | undefined, cell: CellId, run: LiveRunMessage | undefined): PeerMessage {
    return {
      type: "run",
      document: this.#options.document,
      ...(from === undefined ? {} : { from }),
      cell,
      ...(run === undefined ? {} : { run: { ...run } }),
    };
  }
}
