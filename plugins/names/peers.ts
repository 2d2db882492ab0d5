/**
 * Records of names from and to peers, beside bitswap on the one libp2p node (rules N4 to N8 of core/artefact/SPEC.md): a stream for
 * each question, with one name in it and one record back. Whom to ask is the caller's to say: a name that is followed is private.
 */
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { concatenate } from "#core/base/bytes.ts";
import { KromaError } from "#core/base/errors.ts";

export const NAMES_PROTOCOL = "/kroma/names/1";

/** The largest record that the specification of IPNS allows. */
const MOST_RECORD = 10 * 1024;
const MOST_NAME = 128;
/** Bytes of the length before a name or a record. */
const HEAD = 2;
/** One question takes no longer, in milliseconds; with the way to whoever is not linked yet, who may be behind a relay, it may. */
const PATIENCE = 10_000;
const REACH = 30_000;
/** A stream on a connection that is up is opened in a round trip or two. */
const FIRST_STREAM = 4000;
/** So many are asked for one name. */
const MOST_ASKED = 16;
/** Questions that are answered at once: of one peer, and of all. */
const MOST_OF_ONE = 4;
const MOST_AT_ONCE = 32;

/** The record that a peer who asks for a name is given; undefined when there is none for it. */
export type GiveRecord = (name: string, peer: string) => Promise<Uint8Array | undefined>;

/** A peer that there is a connection to. */
export interface ConnectedPeer {
  /** Its libp2p peer id. */
  readonly peer: string;
  /** What people call it. */
  readonly called: string;
}

export interface PeersToAsk {
  readonly peers: readonly ConnectedPeer[];
  /** Multiaddrs at which others may know the name. */
  readonly addresses: readonly string[];
  /** Peer ids of those who are not asked. */
  readonly except?: ReadonlySet<string>;
  /** Takes a record; the KromaError that it throws is told of whoever sent it. */
  readonly take: (bytes: Uint8Array) => Promise<unknown>;
  readonly signal?: AbortSignal | undefined;
  /** In milliseconds, for each of them. */
  readonly patience?: number;
  /** How an address is dialled, where that takes more than libp2p does by itself. */
  readonly dial?: (address: string, signal: AbortSignal) => Promise<Connection>;
}

/** What came of asking. Whoever does not know the name, or knows no names at all, is in neither list. */
export interface PeersAsked {
  /** Sentences about those who gave what is not to be taken, and who they were. */
  readonly refused: readonly { readonly peer: string; readonly reason: string }[];
  /** Sentences about those who were not there, or did not answer in time. */
  readonly missed: readonly { readonly peer: string; readonly reason: string }[];
}

/** Answers whoever asks on that node, until it is closed. */
export async function answerNames(
  node: Libp2p,
  give: GiveRecord,
  patience = PATIENCE,
): Promise<{ close(): Promise<void> }> {
  const open = new Set<Stream>();
  const answer = async (stream: Stream, connection: Connection): Promise<void> => {
    if (open.size >= MOST_AT_ONCE) return stream.abort(new Error("Too many ask at once."));
    open.add(stream);
    const late = setTimeout(() => stream.abort(new Error("It took too long.")), patience);
    try {
      const name = new TextDecoder().decode(await readFrame(stream, MOST_NAME));
      sendFrame(stream, (await give(name, connection.remotePeer.toString())) ?? new Uint8Array());
      await stream.close();
    } catch (error) {
      // Whoever asks so that it can't be answered, or is gone, gets no answer; libp2p throws at what is over.
      stream.abort(error instanceof Error ? error : new Error(String(error)));
    } finally {
      clearTimeout(late);
      open.delete(stream);
    }
  };
  await node.handle(NAMES_PROTOCOL, answer, { runOnLimitedConnection: true, maxInboundStreams: MOST_OF_ONE });
  return {
    async close() {
      await node.unhandle(NAMES_PROTOCOL);
      for (const stream of open) stream.abort(new Error("It has stopped."));
    },
  };
}

/** Asks them all for a name, at once; each record that comes is taken. `aborted` when it was stopped. */
export async function askPeers(node: Libp2p, name: string, asked: PeersToAsk): Promise<PeersAsked> {
  const { take, signal, patience } = asked;
  const refused: { peer: string; reason: string }[] = [];
  const missed: { peer: string; reason: string }[] = [];
  const ways = waysTo(node, asked)
    .filter(({ peer }) => !asked.except?.has(peer))
    .slice(0, MOST_ASKED);
  await Promise.all(
    ways.map(async ({ peer, called, isLinked, connect }) => {
      const late = AbortSignal.timeout(patience ?? (isLinked ? PATIENCE : REACH));
      const ends = signal ? AbortSignal.any([signal, late]) : late;
      let bytes: Uint8Array;
      try {
        bytes = await askPeer(await connect(ends), name, ends);
      } catch (error) {
        if (signal?.aborted || isUnsupported(error)) return;
        if (error instanceof KromaError && error.code !== "unavailable")
          refused.push({ peer, reason: `${called}: ${error.message}` });
        else missed.push({ peer, reason: `${called} did not answer when asked for the name.` });
        return;
      }
      if (bytes.length === 0 || signal?.aborted) return;
      try {
        await take(bytes);
      } catch (error) {
        if (!(error instanceof KromaError)) throw error;
        refused.push({ peer, reason: `${called}: ${error.message}` });
      }
    }),
  );
  if (signal?.aborted) throw new KromaError("aborted", "This was stopped.");
  return { refused, missed };
}

interface Way extends ConnectedPeer {
  readonly isLinked: boolean;
  readonly connect: (signal: AbortSignal) => Promise<Connection>;
}

/** Each peer once: by the connection that there is, else by the first address that leads to it. */
function waysTo(node: Libp2p, { peers, addresses, dial }: PeersToAsk): readonly Way[] {
  const ways = new Map<string, Way>();
  for (const { peer, called } of peers) {
    const open = node
      .getConnections()
      .filter(({ remotePeer, status }) => status === "open" && remotePeer.toString() === peer);
    // A direct one before one that a relay has to carry.
    const best = open.find(({ limits }) => limits === undefined) ?? open[0];
    if (best) ways.set(peer, { peer, called, isLinked: true, connect: () => Promise.resolve(best) });
  }
  for (const address of addresses) {
    const peer = peerOf(address);
    if (peer === undefined || peer === node.peerId.toString() || ways.has(peer)) continue;
    const called = `The peer ${peer.slice(-8)}`;
    const connect = (signal: AbortSignal): Promise<Connection> =>
      dial?.(address, signal) ?? node.dial(multiaddr(address), { signal });
    ways.set(peer, { peer, called, isLinked: false, connect });
  }
  return [...ways.values()];
}

/** The peer that is to answer at an address; undefined for one that does not say who, or is no address. */
function peerOf(address: string): string | undefined {
  try {
    const last = multiaddr(address).getComponents().at(-1);
    return last?.name === "p2p" ? last.value : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes that it answers, none when it knows no record. `corrupt` for an answer that is none. */
async function askPeer(connection: Connection, name: string, signal: AbortSignal): Promise<Uint8Array> {
  const stream = await openStream(connection, signal);
  const stop = (): void => stream.abort(new Error("It is no longer waited for."));
  signal.addEventListener("abort", stop);
  try {
    sendFrame(stream, new TextEncoder().encode(name));
    const bytes = await readFrame(stream, MOST_RECORD);
    void stream.close().catch((error: Error) => stream.abort(error));
    return bytes;
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The first data channel of a WebRTC connection is sometimes lost (see plugins/libp2p/dialling.ts), and the next one works. */
async function openStream(connection: Connection, signal: AbortSignal): Promise<Stream> {
  const open = (until: AbortSignal): Promise<Stream> =>
    connection.newStream(NAMES_PROTOCOL, { signal: until, runOnLimitedConnection: true });
  try {
    return await open(AbortSignal.any([signal, AbortSignal.timeout(FIRST_STREAM)]));
  } catch (error) {
    if (signal.aborted || isUnsupported(error) || connection.status !== "open") throw error;
    return await open(signal);
  }
}

function sendFrame(stream: Stream, bytes: Uint8Array): void {
  stream.send(concatenate([Uint8Array.of(bytes.length >> 8, bytes.length & 0xff), bytes]));
}

/** Reads no further than what one frame may have. */
async function readFrame(stream: Stream, most: number): Promise<Uint8Array> {
  let held = new Uint8Array();
  for await (const piece of stream) {
    held = concatenate([held, piece.subarray()]);
    if (held.length < HEAD) continue;
    const length = ((held[0] ?? 0) << 8) | (held[1] ?? 0);
    if (length > most) throw new KromaError("corrupt", "What came is too large for a record of a name.");
    if (held.length > HEAD + length) throw new KromaError("corrupt", "More came than one record of a name.");
    if (held.length === HEAD + length) return held.subarray(HEAD);
  }
  throw new KromaError("unavailable", "It ended in the middle.");
}

/** Whether the other side lives but knows nothing of names. */
function isUnsupported(error: unknown): boolean {
  return error instanceof Error && error.name === "UnsupportedProtocolError";
}
