/**
 * What a machine that others reach adds to a peer: the circuit relay with its limits, quotas of connections, counters, and
 * a WebRTC certificate that is kept (its hash is a part of the addresses that others were given).
 */
import { circuitRelayServer, type CircuitRelayService } from "@libp2p/circuit-relay-v2";
import type { Connection, Metrics, MultiaddrConnection, PeerId, Stream } from "@libp2p/interface";
import type { PeerServer } from "./peer.ts";
import { RelayBacklog } from "./relay-backlog.node.ts";

/** What one machine gives to all, and to one. */
export interface ServerLimits {
  /** Connections in all. */
  readonly connections: number;
  /** Connections of one peer. */
  readonly connectionsOfPeer: number;
  /** Peers that others may be passed on to. */
  readonly reservations: number;
  /** Bytes that one relayed connection may carry, both ways together, before it is ended. */
  readonly circuitBytes: number;
  /** Milliseconds that one relayed connection may last. */
  readonly circuitMs: number;
}

/** Enough for a group of people whose browsers mostly find a direct path. */
export const defaultLimits: ServerLimits = {
  connections: 512,
  connectionsOfPeer: 8,
  reservations: 256,
  circuitBytes: 256 * 1024 * 1024,
  circuitMs: 24 * 60 * 60 * 1000,
};

/** What there is to count of a server. */
export interface ServerCounts {
  readonly reservations: number;
  /** Bytes that wait to be passed on. */
  readonly waitingBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Connections that were not let in because there were too many. */
  readonly refused: number;
}

export interface RelayServer extends PeerServer {
  counts(): ServerCounts;
}

export interface RelayServerOptions {
  readonly limits: ServerLimits;
  readonly certificate: PeerServer["certificate"];
  /** What passing on costs by whoever sends, under their peer id, and whether more of theirs is passed on. */
  readonly relaying?: {
    readonly relayed: (remote: string, bytes: number) => void;
    readonly mayRelay: (remote: string) => boolean;
  };
}

/** Makes the server part of one peer. */
export function createRelayServer({ limits, certificate, relaying }: RelayServerOptions): RelayServer {
  let relay: CircuitRelayService | undefined;
  let connectionsOf: (peer: PeerId) => readonly Connection[] = () => [];
  let refused = 0;
  const bytes = { received: 0, sent: 0 };
  let connections: () => readonly Connection[] = () => [];
  const deny = (peer: PeerId): boolean => {
    const isDenied = relaying !== undefined && !relaying.mayRelay(peer.toString());
    if (isDenied) refused += 1;
    return isDenied;
  };
  const backlog = new RelayBacklog((stream, passed) => {
    const remote = connections().find(({ streams }) => streams.includes(stream))?.remotePeer;
    if (!relaying || !remote) return;
    relaying.relayed(remote.toString(), passed);
    if (!relaying.mayRelay(remote.toString()))
      stream.abort(new Error("Its quota of bytes to be passed on is used up."));
  });
  const relayServer = circuitRelayServer({
    reservations: {
      maxReservations: limits.reservations,
      defaultDataLimit: BigInt(limits.circuitBytes),
      defaultDurationLimit: limits.circuitMs,
    },
    maxInboundHopStreams: limits.reservations,
    maxOutboundStopStreams: limits.reservations,
  });
  return {
    services: {
      relay: (components) => {
        connectionsOf = (peer) => components.connectionManager.getConnections(peer);
        connections = () => components.connectionManager.getConnections();
        relay = relayServer(components);
        return relay;
      },
    },
    gater: {
      denyInboundRelayReservation: (peer) => deny(peer),
      denyOutboundRelayedConnection: (source) => deny(source),
      denyInboundEncryptedConnection: (peer) => {
        const isTooMany = connectionsOf(peer).length >= limits.connectionsOfPeer;
        if (isTooMany) refused += 1;
        return isTooMany;
      },
    },
    metrics: countingMetrics(backlog, (received, sent) => {
      bytes.received += received;
      bytes.sent += sent;
    }),
    certificate,
    mostConnections: limits.connections,
    counts: () => ({
      reservations: relay?.reservations.size ?? 0,
      waitingBytes: backlog.bytes,
      receivedBytes: bytes.received,
      sentBytes: bytes.sent,
      refused,
    }),
  };
}

/** Connections and streams are wanted of what libp2p reports, and nothing else: the rest is taken and not kept. */
function countingMetrics(backlog: RelayBacklog, count: (received: number, sent: number) => void): Metrics {
  const nothing = () => undefined;
  const ignored = { update: nothing, increment: nothing, decrement: nothing, reset: nothing, observe: nothing };
  const register = () => ({ ...ignored, timer: () => nothing });
  const metrics = {
    trackMultiaddrConnection(connection: MultiaddrConnection): void {
      connection.addEventListener("message", ({ data }) => count(data.byteLength, 0));
      const send = connection.send.bind(connection);
      connection.send = (data) => {
        count(0, data.byteLength);
        return send(data);
      };
    },
    trackProtocolStream: (stream: Stream) => backlog.watch(stream),
    registerMetric: register,
    registerMetricGroup: register,
    registerCounter: register,
    registerCounterGroup: register,
    registerHistogram: register,
    registerHistogramGroup: register,
    registerSummary: register,
    registerSummaryGroup: register,
    traceFunction: <Run>(_name: string, run: Run): Run => run,
    createTrace: nothing,
  };
  // The registering methods of the interface are overloads that no plain function has the type of.
  return metrics as unknown as Metrics;
}
