/** Multiaddrs as Kroma takes them: each ends with the peer who is to answer, so that nobody else can answer there. */
import {
  CODE_P2P,
  CODE_P2P_CIRCUIT,
  CODE_WEBRTC,
  CODE_WEBRTC_DIRECT,
  CODE_WS,
  CODE_WSS,
  type Multiaddr,
  multiaddr,
} from "@multiformats/multiaddr";
import { KromaError } from "#core/base/errors.ts";
import type { LinkPath } from "#core/mesh/link.ts";

/** No address of ours is longer; what is longer is not looked at. */
const MOST_ADDRESS_CHARACTERS = 1024;

/** An address that was checked: where, and who. */
export interface PeerAddress {
  readonly multiaddr: Multiaddr;
  /** The peer's id, the last part of the address. */
  readonly peer: string;
  /** Absent when the peer is reached without a relay. */
  readonly relayed?: {
    /** The address through the relay all the way. */
    readonly circuit: Multiaddr;
    /** The address that uses the relay only to agree on a direct WebRTC connection. */
    readonly direct: Multiaddr;
  };
}

/** Reads an address; throws `invalid` with a sentence when it is none, or does not say who is to answer. */
export function readAddress(text: string): PeerAddress {
  let address: Multiaddr;
  try {
    if (text.length > MOST_ADDRESS_CHARACTERS) throw new Error("too long");
    address = multiaddr(text);
  } catch (cause) {
    throw new KromaError("invalid", "This is not an address of a peer (a multiaddr).", { cause });
  }
  const parts = address.getComponents();
  const last = parts.at(-1);
  if (last?.code !== CODE_P2P || last.value === undefined) {
    throw new KromaError(
      "invalid",
      "The address does not say who is to answer: it should end with /p2p/ and a peer's id.",
    );
  }
  const peer = last.value;
  if (!parts.some(({ code }) => code === CODE_P2P_CIRCUIT)) return { multiaddr: address, peer };
  const relay = parts.slice(0, parts.findIndex(({ code }) => code === CODE_P2P_CIRCUIT) + 1);
  const direct = parts.find(({ code }) => code === CODE_WEBRTC) ?? { code: CODE_WEBRTC, name: "webrtc" };
  return {
    multiaddr: address,
    peer,
    relayed: { circuit: multiaddr([...relay, last]), direct: multiaddr([...relay, direct, last]) },
  };
}

/** How a connection to this address travels. */
export function pathOf(address: Multiaddr, dialled: boolean): LinkPath {
  const codes = address.getComponents().map(({ code }) => code);
  if (codes.includes(CODE_WEBRTC)) return "direct";
  if (codes.includes(CODE_P2P_CIRCUIT)) return "relayed";
  // Only a machine that listens has such an address; who dialled us from one is a peer like others.
  const listens = codes.includes(CODE_WS) || codes.includes(CODE_WSS) || codes.includes(CODE_WEBRTC_DIRECT);
  return dialled && listens ? "server" : "direct";
}
