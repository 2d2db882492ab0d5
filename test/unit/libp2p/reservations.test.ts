/** How a peer comes by its place at the relays that pass others on to it. */
import type { Libp2p, Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { createLibp2p } from "libp2p";
import { afterEach, expect, it } from "vitest";
import type { Link } from "#core/mesh/link.ts";
import type { TransportState } from "#core/mesh/transport.ts";
import { dialPeer, startLibp2p } from "#plugins/libp2p/index.ts";
import type { RunningLibp2p } from "#plugins/libp2p/transport.ts";
import { startFarPeer } from "../../conformance/start-far-peer.ts";

const PATIENCE = { timeout: 90_000, interval: 50 };
const ends: (() => Promise<void> | undefined)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** A peer that wants to be reached through these relays, and what it told of their troubles. */
async function peerBehind(
  relays: readonly string[],
  onLink: (link: Link) => void = () => undefined,
): Promise<{ readonly peer: RunningLibp2p; readonly troubles: readonly string[] }> {
  const troubles: string[] = [];
  const onState = ({ targets }: TransportState): void => {
    for (const { trouble } of targets) if (trouble !== undefined) troubles.push(trouble);
  };
  const peer = await startLibp2p({
    targets: relays,
    iceServers: [],
    direct: false,
    listen: ["/webrtc"],
    onLink,
    onState,
  });
  ends.push(() => peer.close());
  return { peer, troubles };
}

const placesOf = (peer: RunningLibp2p): readonly string[] =>
  peer.state.addresses.flatMap((address) => /\/p2p\/(\w+)\/p2p-circuit/.exec(address)?.[1] ?? []);
const idOf = (address: string): string => address.slice(address.lastIndexOf("/") + 1);

it("has a place at each of its relays when it comes to all of them at once", async () => {
  const relays = await Promise.all([startFarPeer(), startFarPeer(), startFarPeer()]);
  ends.push(async () => void (await Promise.all(relays.map((relay) => relay.end("SIGKILL")))));
  const addresses = relays.map(({ websocket }) => websocket);
  const { peer, troubles } = await peerBehind(addresses);
  await expect.poll(() => new Set(placesOf(peer)), PATIENCE).toEqual(new Set(addresses.map(idOf)));
  expect(troubles).toEqual([]);
}, 120_000);

it("is reached through its relay by other protocols too where no direct path leads to it", async () => {
  const relay = await startFarPeer();
  ends.push(() => relay.end("SIGKILL"));
  const { peer } = await peerBehind([relay.websocket]);
  await expect.poll(() => placesOf(peer).length, PATIENCE).toBeGreaterThan(0);
  const started = Promise.withResolvers<Libp2p>();
  const asker = await startLibp2p({
    targets: [],
    iceServers: [],
    listen: [],
    onState: () => undefined,
    beside: async (node) => {
      started.resolve(node);
      return { close: async () => undefined };
    },
  });
  ends.push(() => asker.close());
  // It wants no direct connections, and so does not answer to this.
  const address = `${relay.websocket}/p2p-circuit/webrtc/p2p/${peer.peer}`;
  const connection = await dialPeer(await started.promise, address, AbortSignal.timeout(PATIENCE.timeout));
  expect(connection.remotePeer.toString()).toBe(peer.peer);
  expect(connection.limits).toBeDefined();
  await expect(dialPeer(await started.promise, "/nowhere")).rejects.toMatchObject({ code: "invalid" });
}, 120_000);

const HOP = "/libp2p/circuit/relay/0.2.0/hop";

/** A relay's word that there is a place for an hour: a HopMessage of circuit-relay v2, with its length before it. */
function placeForAnHour(): Uint8Array {
  const [STATUS, OK, HOUR] = [2, 100, 3600];
  const reservation = new BinaryWriter()
    .uint32(1 << 3)
    .uint64(Math.floor(Date.now() / 1000) + HOUR)
    .finish();
  const message = new BinaryWriter().uint32(1 << 3).int32(STATUS);
  message
    .uint32((3 << 3) | 2)
    .bytes(reservation)
    .uint32(5 << 3)
    .int32(OK);
  return new BinaryWriter().bytes(message.finish()).finish();
}

it("keeps its place at a relay that ends the link at once, having nothing to say, and gives the place after that", async () => {
  const relay = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0/ws"] },
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: { ping: ping() },
  });
  ends.push(async () => relay.stop());
  const linkEnded = Promise.withResolvers<unknown>();
  let asked = 0;
  await relay.handle(HOP, async (stream: Stream) => {
    asked += 1;
    await linkEnded.promise;
    stream.send(placeForAnHour());
  });
  await relay.handle("/kroma/sync/1", (stream: Stream) => stream.close());
  const [address] = relay.getMultiaddrs().map(String);
  if (address === undefined) throw new Error("The relay listens.");
  const { peer, troubles } = await peerBehind([address], (link) => link.channel.onClose(linkEnded.resolve));
  await expect.poll(() => placesOf(peer), PATIENCE).toContain(idOf(address));
  // On the connection that it came by: losing that would lose the place.
  expect([asked, relay.getConnections().length, troubles]).toEqual([1, 1, []]);
}, 120_000);
