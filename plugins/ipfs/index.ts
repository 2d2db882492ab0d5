/** IPFS's exchange of blocks over the peer that there is already. Helia is big, so it is loaded when it is wanted. */
import type { Libp2p } from "@libp2p/interface";
import type { Exchange, ExchangeOptions } from "./bitswap.ts";

/** Gives and asks for blocks by Bitswap, on that node, until it is closed. */
export async function startBitswap(node: Libp2p, options: ExchangeOptions): Promise<Exchange> {
  const bitswap = await import("./bitswap.ts");
  return bitswap.startBitswap(node, options);
}
