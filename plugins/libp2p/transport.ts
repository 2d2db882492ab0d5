/**
 * libp2p as a transport of Kroma: performs what core/mesh/redial.ts decides, and makes links of the streams that come of
 * it. There is at most one link to a peer; when a better one comes up (a direct path after a relayed one) it is given to
 * the layer above first, then the other is closed.
 */
import type { Connection, Libp2p, PeerId, Stream } from "@libp2p/interface";
import { KromaError } from "#core/base/errors.ts";
import { LINK_REPLACED } from "#core/mesh/link.ts";
import type { ByteLink, LinkEndedBy } from "#core/mesh/byte-link.ts";
import { nextTick, noTargets, type Redial, type RedialEffect, type RedialEvent, step } from "#core/mesh/redial.ts";
import type { RunningTransport, TargetState, TransportOptions, TransportState } from "#core/mesh/transport.ts";
import { pathOf, type PeerAddress, readAddress } from "./addresses.ts";
import { dialDirectly, isUnsupported, LINK_PROTOCOL, openStream, pingConnection } from "./dialling.ts";
import { type Peer, type PeerOptions, startPeer, WEBRTC } from "./peer.ts";
import { streamLink } from "./stream-link.ts";
import { sentence } from "./words.ts";

/** A machine that listens and does not answer for so long is not there. */
const SERVER_MS = 10_000;
/** Signs of life are told to the state machine at most so often. */
const ALIVE_MS = 250;
/** Guests that were lost are looked for so long when a relay is back, and so many of them. */
const MISSED_MS = 3_600_000;
const MOST_MISSED = 64;

export interface Libp2pOptions extends Omit<TransportOptions, "onLink">, PeerOptions {
  /** A link to another Kroma is there. Without it there are no links: this end only relays. */
  readonly onLink?: TransportOptions["onLink"];
  /** Another protocol that runs on the same node; it ends before the node does. */
  readonly beside?: (node: Libp2p) => Promise<{ close(): Promise<void> }>;
}

export interface RunningLibp2p extends RunningTransport {
  /** This end's peer id. */
  readonly peer: string;
  /** How many connections there are, for those who count them. */
  connections(): number;
  /** The addresses that it listens on itself, whatever it tells others. */
  listening(): readonly string[];
}

/** Starts libp2p; rejects with `unavailable` where it can't run or listen, `invalid` for a listen address that is none. */
export async function startLibp2p(options: Libp2pOptions): Promise<RunningLibp2p> {
  const peer = await startPeer(options);
  const transport = new Libp2pTransport(options, peer);
  await transport.start();
  return transport;
}

interface LiveLink {
  readonly bytes: ByteLink;
  readonly connection: Connection;
  readonly dialled: boolean;
  /** Until when the next sign of life is not told. */
  quietUntil: number;
}

/** Someone there is a link to, or a relay that passes others on to here. */
interface Neighbour {
  link: LiveLink | undefined;
  /** The connection that a reservation was made on. */
  relay: Connection | undefined;
  roundTrip: number | undefined;
}

class Libp2pTransport implements RunningLibp2p {
  readonly peer: string;
  readonly #options: Libp2pOptions;
  readonly #peer: Peer;
  readonly #neighbours = new Map<string, Neighbour>();
  /** Connections on which a reservation is asked for: they stay although nothing else uses them. */
  readonly #reserving = new Set<Connection>();
  readonly #attempts = new Map<number, AbortController>();
  /** Guests whose link was cut, and when. */
  readonly #missed = new Map<string, number>();
  readonly #closed = new AbortController();
  #beside: { close(): Promise<void> } | undefined;
  #redial: Redial = noTargets;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #telling = false;

  constructor(options: Libp2pOptions, peer: Peer) {
    this.#options = options;
    this.#peer = peer;
    this.peer = peer.node.peerId.toString();
  }

  async start(): Promise<void> {
    const { node } = this.#peer;
    const { signal } = this.#closed;
    if (this.#options.onLink) {
      await node.handle(LINK_PROTOCOL, (stream, connection) => this.#adopt(stream, connection, false), {
        runOnLimitedConnection: true,
        // One, and another while it is replaced.
        maxInboundStreams: 2,
      });
    }
    node.addEventListener("connection:close", ({ detail }) => this.#connectionClosed(detail), { signal });
    node.addEventListener("self:peer:update", () => this.#tell(), { signal });
    if (typeof document !== "undefined") this.#watchPage(signal);
    this.#beside = await this.#options.beside?.(node);
    for (const address of this.#options.targets) this.reach(address);
    this.#tell();
  }

  get state(): TransportState {
    const { node } = this.#peer;
    const targets = [...this.#redial.targets].filter(([, { guest }]) => !guest);
    const reached = this.#options.listen.some((address) => address.startsWith("/ip")) || this.#neighbours.size > 0;
    return {
      status: this.#closed.signal.aborted ? "off" : reached ? "online" : "offline",
      addresses: node.getMultiaddrs().map(String),
      targets: targets.map(([address, { phase, trouble }]): TargetState => {
        const roundTrip = phase.is === "connected" ? this.#roundTrip(address) : undefined;
        return {
          address,
          status: phase.is,
          ...(trouble === undefined ? {} : { trouble }),
          ...(roundTrip === undefined ? {} : { roundTrip }),
        };
      }),
    };
  }

  connections(): number {
    return this.#peer.node.getConnections().length;
  }

  listening(): readonly string[] {
    return this.#peer.listening().map(String);
  }

  reach(address: string): void {
    this.#on({ type: "reach", address });
  }

  forget(address: string): void {
    this.#on({ type: "forget", address });
    this.#missed.delete(peerOf(address) ?? "");
  }

  wake(): void {
    this.#on({ type: "wake" });
  }

  async close(): Promise<void> {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    clearTimeout(this.#timer);
    for (const attempt of this.#attempts.values()) attempt.abort();
    const leaving = [...this.#neighbours.values()].flatMap(({ link }) => (link ? [link] : []));
    this.#neighbours.clear();
    // The goodbyes go out before the connections end under them.
    for (const { bytes } of leaving) bytes.link.channel.close("The other side has stopped.");
    await Promise.all(leaving.map(({ bytes }) => bytes.gone));
    await this.#beside?.close();
    await this.#peer.node.stop();
    this.#options.onState(this.state);
  }

  /** What pages know of sleep and of the network. */
  #watchPage(signal: AbortSignal): void {
    const wake = () => this.wake();
    addEventListener("online", wake, { signal });
    addEventListener("pageshow", wake, { signal });
    document.addEventListener("resume", wake, { signal });
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake(), { signal });
  }

  #on(event: RedialEvent): void {
    if (this.#closed.signal.aborted) return;
    const { redial, effects } = step(this.#redial, event, performance.now(), Math.random);
    this.#redial = redial;
    for (const effect of effects) this.#perform(effect);
    clearTimeout(this.#timer);
    const at = nextTick(this.#redial);
    if (at !== undefined) {
      this.#timer = setTimeout(() => this.#on({ type: "tick" }), Math.max(0, at - performance.now()));
    }
    this.#tell();
  }

  /** The state, once for all that changed in one go. */
  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      if (!this.#closed.signal.aborted) this.#options.onState(this.state);
    });
  }

  #perform(effect: RedialEffect): void {
    switch (effect.type) {
      case "dial":
        void this.#dial(effect.address, effect.attempt);
        return;
      case "abandon":
        this.#attempts.get(effect.attempt)?.abort();
        return;
      case "ping":
        void this.#ping(effect.address, effect.ping);
        return;
      case "hang_up":
        this.#hangUp(effect.address, effect.reason);
    }
  }

  async #dial(address: string, attempt: number): Promise<void> {
    const abort = new AbortController();
    this.#attempts.set(attempt, abort);
    try {
      const lacking = await this.#connect(address, abort.signal);
      this.#on({ type: "dialled", address, attempt, lacking });
    } catch (error) {
      const refused = error instanceof KromaError && (error.code === "invalid" || error.code === "denied");
      this.#on({ type: "failed", address, attempt, reason: sentence(error), refused });
    } finally {
      this.#attempts.delete(attempt);
    }
  }

  /** Makes what there is to have at this address: a link, a reservation. True when some of it is still lacking. */
  async #connect(text: string, signal: AbortSignal): Promise<boolean> {
    const address = readAddress(text);
    if (address.peer === this.peer) throw new KromaError("denied", "This is the address of this Kroma itself.");
    return address.relayed
      ? this.#connectRelayed(address.peer, address.relayed, text, signal)
      : this.#connectServer(address, text, signal);
  }

  async #connectServer({ multiaddr, peer }: PeerAddress, text: string, signal: AbortSignal): Promise<boolean> {
    const connection = await this.#peer.node.dial(multiaddr, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(SERVER_MS)]),
    });
    // Whoever joins a notebook gets it over the first link there is, which waits for no reservation.
    const reserving = this.#options.listen.includes(WEBRTC) ? this.#reserve(connection, text) : undefined;
    const linked = await this.#openLink(connection, text, signal);
    const reserved = (await reserving) ?? "none";
    signal.throwIfAborted();
    if (reserved === "none" && !linked) {
      await connection.close();
      throw new KromaError("denied", "It is no relay, and does not speak Kroma's protocol.");
    }
    const neighbour = this.#neighbours.get(peer);
    if (reserved !== "done" && !neighbour?.link) {
      // What there was of it ended while the reservation was asked for.
      if (neighbour?.relay === undefined) this.#neighbours.delete(peer);
      await this.#dropUnused(connection);
      throw new KromaError("unavailable", "It closed the connection.");
    }
    return reserved === "failed" || (linked && neighbour?.link === undefined);
  }

  async #connectRelayed(
    peer: string,
    { direct, circuit }: NonNullable<PeerAddress["relayed"]>,
    text: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { node } = this.#peer;
    const before = this.#neighbours.get(peer)?.link;
    if (before && before.bytes.link.path !== "relayed") return false;
    const connection =
      this.#options.direct === false
        ? await node.dial(circuit, { signal })
        : await dialDirectly(node, { direct, circuit, hasRelayed: before !== undefined, signal });
    if (!(await this.#openLink(connection, text, signal))) {
      throw new KromaError("denied", "It does not speak Kroma's protocol.");
    }
    signal.throwIfAborted();
    const link = this.#neighbours.get(peer)?.link;
    if (!link) throw new KromaError("unavailable", "The connection was lost.");
    return link.bytes.link.path === "relayed" && this.#options.direct !== false;
  }

  /** Asks to be passed on by the relay at the other end of this connection. `none`: it is no relay. */
  async #reserve(connection: Connection, text: string): Promise<"done" | "failed" | "none"> {
    const { remotePeer } = connection;
    this.#reserving.add(connection);
    try {
      if (!this.#peer.isReserved(remotePeer)) await this.#peer.reserve(remotePeer, connection.remoteAddr);
    } catch (error) {
      return isUnsupported(error) ? "none" : "failed";
    } finally {
      this.#reserving.delete(connection);
    }
    if (connection.status !== "open") return "failed";
    const neighbour = this.#neighbour(remotePeer);
    const isBack = neighbour.relay !== connection;
    neighbour.relay = connection;
    if (isBack) this.#lookBehind(text);
    return "done";
  }

  /** A relay passes others on to here, from now on: those who may be behind it are dialled. */
  #lookBehind(relay: string): void {
    const behind = `/p2p/${peerOf(relay)}/p2p-circuit`;
    for (const [address, { guest }] of this.#redial.targets)
      if (!guest && address.includes(behind)) this.#on({ type: "opened", address });
    for (const [peer, since] of this.#missed) {
      if (performance.now() - since > MISSED_MS) this.#missed.delete(peer);
      else if (this.#addressesOf(peer).length === 0)
        this.#on({ type: "opened", address: `${relay}/p2p-circuit/webrtc/p2p/${peer}` });
    }
  }

  /** Opens a link on this connection unless there is one that is as good. False when the other side knows no links. */
  async #openLink(connection: Connection, text: string, signal: AbortSignal): Promise<boolean> {
    if (!this.#options.onLink) return false;
    const link = this.#neighbours.get(connection.remotePeer.toString())?.link;
    if (link && link.bytes.link.path !== "relayed") return true;
    if (link && pathOf(connection.remoteAddr, true) === "relayed") return true;
    const stream = await openStream(connection, signal);
    if (!stream) return false;
    if (signal.aborted) stream.abort(new Error("It is no longer wanted."));
    else this.#adopt(stream, connection, true, text);
    return true;
  }

  /** A stream is a link from here on, if it is the best one to its peer. */
  #adopt(stream: Stream, connection: Connection, dialled: boolean, text?: string): void {
    const peer = connection.remotePeer.toString();
    const alive = () => {
      const now = performance.now();
      if (now < live.quietUntil) return;
      live.quietUntil = now + ALIVE_MS;
      for (const address of this.#addressesOf(peer)) {
        const phase = this.#redial.targets.get(address)?.phase;
        if (phase?.is === "connected" && phase.deadAt !== undefined) this.#on({ type: "alive", address });
      }
    };
    const bytes = streamLink({
      stream,
      connection,
      local: this.peer,
      dialled,
      onAlive: alive,
      onPong: (ping) => {
        for (const address of this.#addressesOf(peer)) this.#on({ type: "pong", address, ping });
      },
      onEnd: (by, reason) => this.#linkEnded(peer, live, by, reason),
    });
    const live: LiveLink = { bytes, connection, dialled, quietUntil: 0 };
    const neighbour = this.#neighbour(connection.remotePeer);
    const before = neighbour.link;
    if (this.#closed.signal.aborted || (before && this.#rank(before) > this.#rank(live))) {
      bytes.link.channel.close(LINK_REPLACED);
      return;
    }
    neighbour.link = live;
    this.#missed.delete(peer);
    this.#options.onLink?.(bytes.link);
    before?.bytes.link.channel.close(LINK_REPLACED);
    // The one who is dialled for this very address hears of it by the dial's own answer.
    const addresses = this.#addressesOf(peer);
    for (const address of addresses) if (address !== text) this.#on({ type: "joined", address, guest: false });
    if (addresses.length === 0) this.#on({ type: "joined", address: guestAddress(peer), guest: true });
  }

  /** Both ends agree which of two links is the better one: direct before relayed, then the smaller peer id's dial. */
  #rank({ bytes: { link }, dialled }: LiveLink): number {
    const smallerDialled = dialled === this.peer < link.remote;
    return (link.path === "relayed" ? 0 : 2) + (smallerDialled ? 1 : 0);
  }

  #linkEnded(peer: string, live: LiveLink, by: LinkEndedBy, reason = "It closed the connection."): void {
    const neighbour = this.#neighbours.get(peer);
    if (neighbour?.link !== live) {
      // Another link has taken its place: what is left of a relayed connection only burdens the relay.
      void live.bytes.gone.then(() => this.#dropUnused(live.connection));
      return;
    }
    neighbour.link = undefined;
    const told = by === "here" ? "Kroma closed the connection." : reason;
    const isReserving = this.#reserving.has(live.connection) && live.connection.status === "open";
    if (neighbour.relay?.status === "open" || isReserving) {
      for (const address of this.#addressesOf(peer)) this.#on({ type: "lessened", address, reason: told });
      return;
    }
    this.#neighbours.delete(peer);
    void live.bytes.gone.then(() => this.#dropUnused(live.connection));
    if (by === "fault") this.#miss(peer);
    this.#lost(peer, told);
  }

  /** Closes a connection that carries no link of ours, no reservation and nobody's. */
  async #dropUnused(connection: Connection): Promise<void> {
    const neighbour = this.#neighbours.get(connection.remotePeer.toString());
    if (neighbour?.link?.connection === connection || neighbour?.relay === connection) return;
    if (this.#reserving.has(connection)) return;
    if (this.#options.server && connection.direction === "inbound") return;
    if (connection.status === "open") await connection.close().catch((error: Error) => connection.abort(error));
  }

  #connectionClosed(connection: Connection): void {
    const peer = connection.remotePeer.toString();
    const neighbour = this.#neighbours.get(peer);
    if (!neighbour || neighbour.relay?.id !== connection.id) return;
    neighbour.relay = undefined;
    if (neighbour.link) return;
    this.#neighbours.delete(peer);
    this.#lost(peer, "The connection was lost.");
  }

  #lost(peer: string, reason: string): void {
    for (const address of this.#addressesOf(peer)) this.#on({ type: "lost", address, reason });
  }

  async #ping(address: string, ping: number): Promise<void> {
    const neighbour = this.#neighbours.get(peerOf(address) ?? "");
    if (neighbour?.link) {
      neighbour.link.bytes.ping(ping);
      return;
    }
    const connection = neighbour?.relay;
    if (!neighbour || !connection) return;
    try {
      neighbour.roundTrip = await pingConnection(connection, this.#closed.signal);
      this.#on({ type: "pong", address, ping });
    } catch {
      // No answer is what the state machine looks for.
    }
  }

  #hangUp(address: string, reason: string): void {
    const peer = peerOf(address);
    if (peer === undefined) return;
    // Another target may be the same peer by another way.
    if (
      this.#addressesOf(peer).some((other) => other !== address && this.#redial.targets.get(other)?.guest === false)
    ) {
      return;
    }
    const neighbour = this.#neighbours.get(peer);
    this.#neighbours.delete(peer);
    this.#miss(peer);
    neighbour?.link?.bytes.fail(reason);
    const error = new Error(reason);
    for (const connection of new Set([neighbour?.link?.connection, neighbour?.relay])) {
      // The goodbye is in the connection's hands; a dead one is not waited for.
      if (connection) connection.close({ signal: AbortSignal.timeout(1000) }).catch(() => connection.abort(error));
    }
  }

  /** A link was cut: a guest among them has no other to look for it. */
  #miss(peer: string): void {
    if (this.#addressesOf(peer).some((address) => this.#redial.targets.get(address)?.guest === false)) return;
    this.#missed.delete(peer);
    this.#missed.set(peer, performance.now());
    const [oldest] = this.#missed.keys();
    if (oldest !== undefined && this.#missed.size > MOST_MISSED) this.#missed.delete(oldest);
  }

  #neighbour(peer: PeerId): Neighbour {
    const key = peer.toString();
    const known = this.#neighbours.get(key);
    if (known) return known;
    const neighbour: Neighbour = { link: undefined, relay: undefined, roundTrip: undefined };
    this.#neighbours.set(key, neighbour);
    return neighbour;
  }

  #addressesOf(peer: string): readonly string[] {
    return [...this.#redial.targets.keys()].filter((address) => peerOf(address) === peer);
  }

  #roundTrip(address: string): number | undefined {
    const neighbour = this.#neighbours.get(peerOf(address) ?? "");
    return neighbour?.link?.bytes.link.facts?.().roundTrip ?? neighbour?.roundTrip;
  }
}

function guestAddress(peer: string): string {
  return `/p2p/${peer}`;
}

/** The peer that is to answer at an address, also at one that is none: it has none. */
function peerOf(address: string): string | undefined {
  const at = address.lastIndexOf("/p2p/");
  return at < 0 ? undefined : address.slice(at + 5);
}
