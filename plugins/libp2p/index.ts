/** libp2p as a transport of Kroma. It is big, so it is loaded when the first connection is wanted. */
import type { Connection, Libp2p } from "@libp2p/interface";
import type { Libp2pOptions, RunningLibp2p } from "./transport.ts";

/** Starts libp2p; rejects with `unavailable` where it can't run or listen. */
export async function startLibp2p(options: Libp2pOptions): Promise<RunningLibp2p> {
  const transport = await import("./transport.ts");
  return transport.startLibp2p(options);
}

/**
 * A connection from a node that runs to whoever is at an address, for another protocol than that of links: direct, or through
 * the relay where no direct path is found soon. `invalid` for an address that is none or does not say who is to answer.
 */
export async function dialPeer(node: Libp2p, address: string, signal?: AbortSignal): Promise<Connection> {
  const dialling = await import("./dialling.ts");
  return dialling.dialPeer(node, address, signal);
}

/** A new key for `identity`: what a peer's id is made from. To be kept where nobody else reads it. */
export async function createTransportIdentity(): Promise<Uint8Array> {
  const peer = await import("./peer.ts");
  return peer.createTransportIdentity();
}
