/**
 * The libp2p node, set up alike for the page and for Node: WebSockets, WebRTC to a machine that listens (webrtc-direct),
 * WebRTC between two who have a relay in common, and the relay itself as the last resort. Nobody is contacted that was
 * not named: no bootstrap peers, no routing, no STUN server, no name service.
 */
import { circuitRelayTransport } from "@libp2p/circuit-relay-v2";
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { identify, identifyPush } from "@libp2p/identify";
import type { ConnectionGater, Libp2p, Metrics, PeerId, Transport } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { type Ping, ping } from "@libp2p/ping";
import { webRTC, webRTCDirect } from "@libp2p/webrtc";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import type { Multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type ServiceFactoryMap } from "libp2p";
import { KromaError } from "#core/base/errors.ts";

/** So much may wait in a connection itself. Little, for a ping waits behind it, and a silent peer is given up in seconds. */
const BUFFERED_BYTES = 256 * 1024;
/** A yamux stream's window grows to this; it has to fit into what a paused stream may keep unread. */
const WINDOW_BYTES = 1024 * 1024;
const UNREAD_BYTES = 4 * WINDOW_BYTES;
/** The last messages before a data channel is closed get so long to arrive. */
const LAST_MS = 3000;
/** WebRTC through a relay takes some round trips and a search for a path. */
const DIAL_MS = 30_000;

/** What a peer listens on that wants to be reached through relays. */
export const WEBRTC = "/webrtc";

/** What differs between a page and a machine that is always on. */
export interface PeerOptions {
  /** Addresses to listen on; WEBRTC among them to be reached through each relay that there is a connection to. */
  readonly listen: readonly string[];
  /** Addresses to tell others instead of those that are listened on. */
  readonly announce?: readonly string[];
  /** The key that a peer's id is made from, as `createTransportIdentity` gave it; without it there is a new one. */
  readonly identity?: Uint8Array;
  readonly iceServers: readonly { readonly urls: string }[];
  /** False: peers are reached through relays only, so that they don't learn where this machine is. */
  readonly direct?: boolean;
  /** A machine's own: the relay, its limits, its WebRTC certificate. */
  readonly server?: PeerServer;
}

/** What a machine that others reach adds. */
export interface PeerServer {
  readonly services: ServiceFactoryMap;
  readonly gater: ConnectionGater;
  readonly metrics: Metrics;
  readonly certificate: { readonly privateKey: string; readonly pem: string; readonly certhash: string };
  readonly mostConnections: number;
}

export type PeerNode = Libp2p<{ readonly ping: Ping }>;

/** A node that runs, and what its relays are asked through. */
export interface Peer {
  readonly node: PeerNode;
  /** Asks a relay, to which there is a connection at this address, to pass others on to here. Rejects when it does not. */
  reserve(relay: PeerId, address: Multiaddr): Promise<void>;
  isReserved(relay: PeerId): boolean;
  /** Where it listens itself, whatever it tells others. */
  listening(): readonly Multiaddr[];
}

/** A new key for a peer's transport, to be kept where nobody else reads it. */
export async function createTransportIdentity(): Promise<Uint8Array> {
  return privateKeyToProtobuf(await generateKeyPair("Ed25519"));
}

/** Starts the node; rejects with `unavailable` when it can't listen. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  const { server } = options;
  const dataChannel = { maxBufferedAmount: BUFFERED_BYTES, finAckTimeout: LAST_MS };
  const relays: { store?: ReservationStore; transports?: TransportManager } = {};
  const node = await createLibp2p({
    ...(options.identity ? { privateKey: privateKeyFromProtobuf(options.identity) } : {}),
    nodeInfo: { userAgent: "kroma" },
    addresses: {
      listen: options.listen.filter((one) => one !== WEBRTC || options.direct !== false),
      ...(options.announce ? { announce: [...options.announce] } : {}),
    },
    transports: [
      webSockets({ maxBufferedAmount: BUFFERED_BYTES }),
      (components) => {
        // By itself it asks one relay after another, and forgets those that wait when one has answered (4.2): they wait for ever.
        const transport = circuitRelayTransport({ reservationConcurrency: Infinity })(components);
        relays.store = reservationStoreOf(transport);
        relays.transports = components.transportManager;
        return transport;
      },
      ...(options.direct === false
        ? []
        : [webRTC({ rtcConfiguration: { iceServers: [...options.iceServers] }, dataChannel })]),
      webRTCDirect({
        dataChannel,
        ...(server ? { certificate: server.certificate } : {}),
      }),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: WINDOW_BYTES, maxReadBufferLength: UNREAD_BYTES } })],
    // By itself a page refuses private addresses and plain WebSockets, which are all that a machine at home has.
    connectionGater: { denyDialMultiaddr: () => false, ...server?.gater },
    connectionManager: {
      dialTimeout: DIAL_MS,
      addressDialTimeout: DIAL_MS,
      inboundUpgradeTimeout: DIAL_MS,
      reconnectRetries: 0,
      resolvers: {},
      ...(server
        ? { maxConnections: server.mostConnections, inboundConnectionThreshold: 50, maxIncomingPendingConnections: 100 }
        : {}),
    },
    // Silence is noticed by pings of our own, more often and with a reason.
    connectionMonitor: { enabled: false },
    ...(server ? { metrics: () => server.metrics } : {}),
    services: { ...server?.services, identify: identify(), identifyPush: identifyPush(), ping: ping() },
  }).catch((cause: unknown) => {
    throw new KromaError("unavailable", "The network part of Kroma could not start.", { cause });
  });
  const listening = new Set<string>();
  return {
    node,
    async reserve(relay, address) {
      const { store, transports } = relays;
      if (!store || !transports) throw new KromaError("unavailable", "Relays can't be used here.");
      // The first time makes a listener, which takes up later reservations with the same relay by itself.
      if (listening.has(relay.toString())) await store.addRelay(relay, "configured");
      else {
        await transports.listen([address.encapsulate("/p2p-circuit")]);
        listening.add(relay.toString());
      }
      // libp2p would redial relays by itself, also those that are no longer wanted.
      await node.peerStore.merge(relay, { tags: { "keep-alive-circuit-relay": undefined } });
    },
    isReserved: (relay) => relays.store?.hasReservation(relay) ?? false,
    listening: () => relays.transports?.getAddrs() ?? [],
  };
}

/** What is used of libp2p's list of listeners, whose own type is in a package of its innards. */
interface TransportManager {
  listen(addresses: Multiaddr[]): Promise<void>;
  getAddrs(): Multiaddr[];
}

/** The part of the relay transport that makes reservations, which its type does not show. */
interface ReservationStore {
  addRelay(relay: PeerId, type: "configured"): Promise<unknown>;
  hasReservation(relay: PeerId): boolean;
}

function reservationStoreOf(transport: Transport): ReservationStore {
  if (!("reservationStore" in transport)) throw new KromaError("unavailable", "This version of libp2p has no relays.");
  return transport.reservationStore as ReservationStore;
}
