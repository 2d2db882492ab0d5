/**
 * A connection to another Kroma, whatever carries it: a WebRTC data channel, a relay, a WebSocket. A transport makes
 * links; the mesh does not know how. Both ends of a link prove who they are by their keys before anything else is said
 * (handshake.ts); the names of the ends are part of what is signed, so that a proof can't be passed on to another link.
 */
import type { Channel } from "../base/channel.ts";

/** The longest message that a link carries; a longer one ends it. */
export const MOST_MESSAGE_BYTES = 1 << 20;

/** Why a link ends in whose place a better one to the same peer has come. */
export const LINK_REPLACED = "A better connection to the same peer took its place.";

/** How a link travels, as a person is told: straight between two, through a relay, from a machine that is always on. */
export type LinkPath = "direct" | "relayed" | "server";

export interface Link {
  /**
   * Whole messages in order, each at most MOST_MESSAGE_BYTES. Messages that come before the first `receive` wait for it, as
   * long as they are few. The bytes of a message that was sent are the link's. `close` ends the link and tells the other
   * end why; `onClose` gives the reason, also when the link had ended before.
   */
  readonly channel: Channel<Uint8Array, Uint8Array>;
  readonly path: LinkPath;
  /** This end as its transport's encryption has proved it: a libp2p peer id, the DTLS fingerprint of a manual link. */
  readonly local: string;
  /** The other end. */
  readonly remote: string;
  /** True for the one of the two ends that dialled. */
  readonly dialled: boolean;
  /**
   * Resolves when little waits to be sent, or the link has ended: for those who send a lot. A link whose other end takes
   * nothing while more and more is sent ends by itself.
   */
  readonly drained?: () => Promise<void>;
  /** What it has carried and how fast, as far as it is known. */
  readonly facts?: () => LinkFacts;
}

/** What a person may ask of a link. */
export interface LinkFacts {
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
  /** Bytes that wait to be sent. */
  readonly queuedBytes?: number;
  /** Milliseconds, of the last ping. */
  readonly roundTrip?: number;
}
