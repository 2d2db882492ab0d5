/**
 * A WebRTC connection that two people make by copying two texts, with no server at all: one makes an offer, the other
 * answers it, the first takes the answer in. Everything is gathered before a text is made, so nothing else has to travel.
 */
import { KromaError } from "#core/base/errors.ts";
import { ByteLink } from "#core/mesh/byte-link.ts";
import { keepAlive } from "#core/mesh/keep-alive.ts";
import type { Link } from "#core/mesh/link.ts";
import { readSession, type SessionFacts, writeSession } from "./session-description.ts";
import { offerName, readSignal, writeSignal } from "./signal-text.ts";

/** Pieces of this size pass between all browsers, and do not hold up the pings behind them. */
const PIECE_BYTES = 16 * 1024;
/** So much may wait in the channel itself. */
const BUFFERED_BYTES = 256 * 1024;
const LOW_BYTES = 64 * 1024;
/** A search for this machine's addresses that takes longer has found what there is to find. */
const GATHER_MS = 5000;
/** Texts are good for so long: time enough for a mail, if both leave their pages open. */
const GOOD_FOR_MS = 60 * 60 * 1000;
/** Once both texts are known, the connection is there soon or not at all. */
const CONNECT_MS = 30_000;
const LAST_MS = 3000;

export interface ManualLinkOptions {
  /** ICE servers; usually none, for that is what this is for. */
  readonly iceServers?: readonly { readonly urls: string }[];
  /** Ends the attempt. */
  readonly signal?: AbortSignal;
}

/** An offer that waits for its answer. */
export interface ManualOffer {
  /** To be sent to the other person. */
  readonly text: string;
  /** Takes in what they sent back; rejects with `invalid` and a sentence when it is not that, and may be called again. */
  accept(answer: string): Promise<Link>;
  /** Gives up, if it was not accepted. */
  close(): void;
}

/** An answer that waits to be taken in. */
export interface ManualAnswer {
  /** To be sent back. */
  readonly text: string;
  /** The link, once they have taken it in; rejects with `unavailable` when it is given up. */
  readonly link: Promise<Link>;
  /** Gives up, if it was not taken in. */
  close(): void;
}

/** Makes an offer. Rejects with `unavailable` where there is no WebRTC. */
export async function makeOffer(options: ManualLinkOptions = {}): Promise<ManualOffer> {
  const end = openEnd(options);
  try {
    await end.connection.setLocalDescription(await end.connection.createOffer());
    const session = await gather(end.connection);
    const text = writeSignal({ kind: "offer", session, expires: expiry() });
    return {
      text,
      async accept(answer) {
        const signal = readSignal(answer, "answer", Date.now());
        if (signal.session.fingerprint === session.fingerprint) {
          throw new KromaError("invalid", "This answer was made in this very page. The other person has to make it.");
        }
        if (signal.to !== offerName(session)) {
          throw new KromaError("invalid", "This is an answer to another offer. Ask for the answer to this one.");
        }
        await describe(end.connection, "answer", signal.session);
        return connect(end, session, signal.session, true, CONNECT_MS);
      },
      close: end.close,
    };
  } catch (error) {
    end.close();
    throw unavailable(error);
  }
}

/** Answers an offer. Rejects with `invalid` and a sentence when the text is none. */
export async function answerOffer(text: string, options: ManualLinkOptions = {}): Promise<ManualAnswer> {
  const offer = readSignal(text, "offer", Date.now());
  const end = openEnd(options);
  try {
    await describe(end.connection, "offer", offer.session);
    await end.connection.setLocalDescription(await end.connection.createAnswer());
    const session = await gather(end.connection);
    return {
      text: writeSignal({ kind: "answer", session, expires: expiry(), to: offerName(offer.session) }),
      link: connect(end, session, offer.session, false, GOOD_FOR_MS),
      close: end.close,
    };
  } catch (error) {
    end.close();
    throw unavailable(error);
  }
}

/** This side of a connection that is being made. */
interface End {
  readonly connection: RTCPeerConnection;
  readonly channel: RTCDataChannel;
  /** Aborted when it is given up. */
  readonly signal: AbortSignal;
  /** Gives it up; does nothing once it is a link. */
  readonly close: () => void;
  readonly opened: () => void;
}

function openEnd({ iceServers = [], signal }: ManualLinkOptions): End {
  if (typeof RTCPeerConnection === "undefined") {
    throw new KromaError("unavailable", "This browser has no WebRTC, so it can't connect directly.");
  }
  const connection = new RTCPeerConnection({ iceServers: [...iceServers] });
  const closed = new AbortController();
  let isLink = false;
  const close = () => {
    if (isLink) return;
    closed.abort();
    connection.close();
  };
  const opened = () => {
    isLink = true;
  };
  signal?.addEventListener("abort", close, { once: true });
  // Both ends know of the one channel beforehand: there is nothing to agree on.
  const channel = connection.createDataChannel("kroma", { negotiated: true, id: 0, ordered: true });
  channel.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = LOW_BYTES;
  return { connection, channel, signal: closed.signal, close, opened };
}

async function describe(connection: RTCPeerConnection, type: "offer" | "answer", session: SessionFacts): Promise<void> {
  try {
    await connection.setRemoteDescription({ type, sdp: writeSession(session) });
  } catch (cause) {
    throw new KromaError("invalid", `This browser can't use that ${type}. Both should make new texts.`, { cause });
  }
}

/** This end's description with all the addresses it was found to have. */
async function gather(connection: RTCPeerConnection): Promise<SessionFacts> {
  await new Promise<void>((resolve) => {
    const limit = setTimeout(resolve, GATHER_MS);
    const look = () => {
      if (connection.iceGatheringState !== "complete") return;
      clearTimeout(limit);
      resolve();
    };
    connection.addEventListener("icegatheringstatechange", look);
    look();
  });
  return readSession(connection.localDescription?.sdp ?? "");
}

/** The link, once the channel is open. */
function connect(
  { connection, channel, signal, close, opened }: End,
  ours: SessionFacts,
  theirs: SessionFacts,
  dialled: boolean,
  limit: number,
): Promise<Link> {
  const now = () => performance.now();
  const link: ByteLink = new ByteLink({
    pipe: {
      write: (bytes) => channel.send(new Uint8Array(bytes)),
      isReady: () => channel.readyState === "open" && channel.bufferedAmount < BUFFERED_BYTES,
      // A data channel can't be stopped; a link that is sent too much that nobody reads ends.
      pause: () => undefined,
      resume: () => undefined,
      end: () => endChannel(connection, channel),
      abort: () => connection.close(),
    },
    path: "direct",
    local: `sha-256 ${ours.fingerprint}`,
    remote: `sha-256 ${theirs.fingerprint}`,
    dialled,
    mostPieceBytes: PIECE_BYTES,
    now,
    onAlive: () => alive?.alive(),
    onPong: (ping) => alive?.pong(ping),
  });
  let alive: ReturnType<typeof keepAlive> | undefined;
  channel.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => link.received(new Uint8Array(data)));
  channel.addEventListener("bufferedamountlow", () => link.ready());
  channel.addEventListener("close", () => {
    link.ended();
    connection.close();
  });
  const made = new Promise<Link>((resolve, reject) => {
    const fail = (sentence: string) => {
      clearTimeout(timer);
      close();
      reject(new KromaError("unavailable", sentence));
    };
    const timer = setTimeout(() => fail("No direct path was found between the two."), limit);
    signal.addEventListener("abort", () => fail("The connection was given up."), { once: true });
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState !== "failed") return;
      fail("No direct path was found between the two.");
      link.ended("The direct path was lost.");
      connection.close();
    });
    const open = () => {
      clearTimeout(timer);
      opened();
      alive = keepAlive(link, now);
      link.ready();
      resolve(link.link);
    };
    if (channel.readyState === "open") open();
    else channel.addEventListener("open", open, { once: true });
  });
  // Who gives it up need not ask what came of it.
  made.catch(() => undefined);
  return made;
}

/** Closes the channel, which sends what it has first; then the connection. */
async function endChannel(connection: RTCPeerConnection, channel: RTCDataChannel): Promise<void> {
  await new Promise<void>((resolve) => {
    const limit = setTimeout(resolve, LAST_MS);
    channel.addEventListener("close", () => {
      clearTimeout(limit);
      resolve();
    });
    if (channel.readyState === "closed") {
      clearTimeout(limit);
      resolve();
    } else channel.close();
  });
  connection.close();
}

function expiry(): number {
  return Math.floor((Date.now() + GOOD_FOR_MS) / 1000);
}

function unavailable(error: unknown): KromaError {
  if (error instanceof KromaError) return error;
  return new KromaError("unavailable", "This browser could not prepare a direct connection.", { cause: error });
}
