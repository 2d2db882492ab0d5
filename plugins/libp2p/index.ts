/** libp2p as a transport of Kroma. It is big, so it is loaded when the first connection is wanted. */
import type { Libp2pOptions, RunningLibp2p } from "./transport.ts";

/** Starts libp2p; rejects with `unavailable` where it can't run or listen. */
export async function startLibp2p(options: Libp2pOptions): Promise<RunningLibp2p> {
  const transport = await import("./transport.ts");
  return transport.startLibp2p(options);
}

/** A new key for `identity`: what a peer's id is made from. To be kept where nobody else reads it. */
export async function createTransportIdentity(): Promise<Uint8Array> {
  const peer = await import("./peer.ts");
  return peer.createTransportIdentity();
}
