/** Single steps with a libp2p node that need care: what they wait for, for how long, and what is tried again. */
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import { KromaError } from "#core/base/errors.ts";
import { readAddress } from "./addresses.ts";

/** The protocol of links; its frames are those of core/mesh/frames.ts. */
export const LINK_PROTOCOL = "/kroma/sync/1";
const PING_PROTOCOL = "/ipfs/ping/1.0.0";
const PING_BYTES = 32;
/** A first search for a direct path that takes longer gives way to the relayed one; it is searched for again later. */
const FIRST_DIRECT_MS = 5000;
const DIRECT_MS = 15_000;
/** Both together, where nobody says how long is waited. */
const PEER_MS = 30_000;
/** A stream on a connection that is up is opened in a round trip or two. */
const STREAM_MS = 4000;
const STREAM_TRIES = 3;

export interface DirectDial {
  readonly direct: Multiaddr;
  readonly circuit: Multiaddr;
  /** There is a link through the relay already, and it stays: only a direct connection is wanted. */
  readonly hasRelayed: boolean;
  readonly signal: AbortSignal;
}

/** A direct connection to a peer, or one through the relay when no direct path is found soon. */
export async function dialDirectly(node: Pick<Libp2p, "dial">, options: DirectDial): Promise<Connection> {
  const { direct, circuit, hasRelayed, signal } = options;
  try {
    const limit = AbortSignal.timeout(hasRelayed ? DIRECT_MS : FIRST_DIRECT_MS);
    return await node.dial(direct, { signal: AbortSignal.any([signal, limit]) });
  } catch (error) {
    if (hasRelayed || signal.aborted) throw error;
    // A dial that begins before libp2p has put away the one that was given up joins it, and never ends.
    await new Promise((resolve) => setTimeout(resolve));
    return node.dial(circuit, { signal });
  }
}

/** A connection to whoever is at an address; one behind a relay is reached through it where no direct path is found soon. */
export async function dialPeer(
  node: Pick<Libp2p, "dial">,
  address: string,
  signal: AbortSignal = AbortSignal.timeout(PEER_MS),
): Promise<Connection> {
  const { multiaddr, relayed } = readAddress(address);
  return relayed ? dialDirectly(node, { ...relayed, hasRelayed: false, signal }) : node.dial(multiaddr, { signal });
}

/** Whether the other side lives but does not know the protocol. */
export function isUnsupported(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnsupported);
  return (
    error instanceof Error &&
    (error.name === "UnsupportedProtocolError" || error.message.includes("Protocol selection failed"))
  );
}

/**
 * A stream for a link; undefined when the other side knows no links. The first data channel of a WebRTC connection is
 * sometimes lost (once in 40 dials between two pages on one machine, libp2p 3.3 in Chromium), and the next one works.
 */
export async function openStream(connection: Connection, signal: AbortSignal): Promise<Stream | undefined> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await connection.newStream(LINK_PROTOCOL, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(STREAM_MS)]),
        runOnLimitedConnection: true,
      });
    } catch (error) {
      if (isUnsupported(error)) return undefined;
      if (tries === STREAM_TRIES || signal.aborted || connection.status !== "open") throw error;
    }
  }
}

/** A sign of life from someone there is no link to: libp2p's ping protocol, on this very connection. */
export async function pingConnection(connection: Connection, signal: AbortSignal): Promise<number> {
  const stream = await connection.newStream(PING_PROTOCOL, { signal, runOnLimitedConnection: true });
  const start = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      let heard = 0;
      stream.addEventListener("message", ({ data }) => {
        heard += data.byteLength;
        if (heard >= PING_BYTES) resolve();
      });
      stream.addEventListener("close", () => reject(new KromaError("unavailable", "The connection was lost.")));
      stream.send(crypto.getRandomValues(new Uint8Array(PING_BYTES)));
    });
    return performance.now() - start;
  } finally {
    stream.close().catch((error: Error) => stream.abort(error));
  }
}
