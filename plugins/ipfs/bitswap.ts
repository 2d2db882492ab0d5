/**
 * Blocks by Bitswap 1.2 (https://specs.ipfs.tech/bitswap-protocol/), with Helia on the libp2p node of the mesh: whoever is
 * connected, another Kroma or any node of IPFS, is given blocks and asked for them. There is no routing: nobody is looked for.
 */
import { withBitswap } from "@helia/bitswap";
import type { HeliaWithLibp2p } from "@helia/libp2p";
import type { Libp2p } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { createHeliaLight } from "helia";
import type { Blockstore } from "interface-blockstore";
import type { CID } from "multiformats/cid";
import { KromaError } from "#core/base/errors.ts";
import { checkForeignBlock, inlineBytes, MOST_BLOCK_BYTES, parseCid } from "#core/store/cid.ts";
import type { NamedSource } from "#core/store/gateway.ts";
import type { BlockStore } from "#core/store/stores.ts";

export interface ExchangeOptions {
  /** What others are given. */
  readonly blocks: Pick<BlockStore, "get" | "has">;
  /** False for a block that is not given to anybody. */
  readonly isGiven?: (cid: string) => boolean;
  /** How long nobody's having a block is waited for, in milliseconds. */
  readonly patience?: number;
  /** How a peer is dialled, where that takes more than libp2p does by itself. */
  readonly dial?: (address: string, signal: AbortSignal | undefined) => Promise<unknown>;
}

/** Bitswap that runs. */
export interface Exchange {
  /** Asks all who are connected; undefined when nobody sent the block in time. */
  readonly source: NamedSource;
  /** Connects to a peer of IPFS. `invalid` for an address that is none, `unavailable` when nobody answers there. */
  connect(address: string, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

const PATIENCE = 20_000;
/** A message with a block of the greatest size, and what is around it. */
const MOST_MESSAGE = MOST_BLOCK_BYTES + 64 * 1024;

/** Starts it; `close` leaves the node as it was. */
export async function startBitswap(node: Libp2p, options: ExchangeOptions): Promise<Exchange> {
  const { patience = PATIENCE } = options;
  const helia = Object.assign(createHeliaLight({ blockstore: givenBlocks(options) }), { libp2p: node });
  withBitswap(helia as HeliaWithLibp2p, {
    runOnLimitedConnections: true,
    maxIncomingMessageSize: MOST_MESSAGE,
    maxOutgoingMessageSize: MOST_MESSAGE,
  });
  await helia.start();
  return {
    source: {
      name: "peers",
      async get(cid, { signal } = {}) {
        const inline = inlineBytes(cid);
        if (inline) return inline;
        const late = AbortSignal.timeout(patience);
        try {
          const parts: Uint8Array[] = [];
          const wanted = helia.blockstore.get(parseCid(cid), {
            signal: signal ? AbortSignal.any([signal, late]) : late,
          });
          for await (const part of wanted) parts.push(part);
          const [bytes] = parts;
          return bytes && (await checkForeignBlock(cid, bytes));
        } catch (error) {
          if (signal?.aborted) throw new KromaError("aborted", "It was given up.", { cause: error });
          if (late.aborted) return undefined;
          throw new KromaError("unavailable", "The peers did not send the block.", { cause: error });
        }
      },
    },
    async connect(address, signal) {
      let target;
      try {
        target = multiaddr(address);
      } catch (error) {
        throw new KromaError("invalid", `"${address}" is no address of a peer.`, { cause: error });
      }
      const dialled = options.dial?.(address, signal) ?? node.dial(target, signal ? { signal } : {});
      await dialled.catch((error: unknown) => {
        throw new KromaError("unavailable", `Nobody answers at ${address}.`, { cause: error });
      });
    },
    close: async () => void (await helia.stop()),
  };
}

/** The store as Helia sees it. What comes from others is handed on and not kept here: that is for whoever asked. */
function givenBlocks({ blocks, isGiven = () => true }: ExchangeOptions): Blockstore {
  const nameOf = (cid: CID): string => cid.toString();
  const read = async (cid: CID): Promise<Uint8Array> => {
    const bytes = isGiven(nameOf(cid)) ? await blocks.get(nameOf(cid)) : undefined;
    if (!bytes) throw Object.assign(new Error(`There is no block ${nameOf(cid)} here.`), { name: "NotFoundError" });
    return bytes;
  };
  const refuse = (): never => {
    throw new Error("Helia is not given blocks to remove or to list.");
  };
  return {
    put: (cid) => cid,
    async *putMany(pairs) {
      for await (const { cid } of pairs) yield cid;
    },
    async *get(cid) {
      yield await read(cid);
    },
    async *getMany(cids) {
      for await (const cid of cids) yield { cid, bytes: bytesOf(read(cid)) };
    },
    has: async (cid) => isGiven(nameOf(cid)) && blocks.has(nameOf(cid)),
    delete: refuse,
    deleteMany: refuse,
    getAll: refuse,
  };
}

async function* bytesOf(bytes: Promise<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield await bytes;
}
