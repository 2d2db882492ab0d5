/** Links that go through a relay all the way, and what a relay bears. */
import type { Connection, Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { webSockets } from "@libp2p/websockets";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Link } from "#core/mesh/link.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import type { RunningLibp2p } from "#plugins/libp2p/transport.ts";
import { describeLink, type LinkEnds } from "../../conformance/link.ts";
import { farEnd } from "../../conformance/link-ends.ts";
import { type FarPeer, startFarPeer } from "../../conformance/start-far-peer.ts";

interface Counts {
  readonly reservations: number;
  readonly waitingBytes: number;
  readonly receivedBytes: number;
  readonly refused: number;
  readonly connections: number;
}

async function ask<T>(relay: FarPeer, method: string): Promise<T> {
  const response = await fetch(relay.control, { method: "POST", body: JSON.stringify({ peer: "", method, args: [] }) });
  return (await response.json()) as T;
}

let relay: FarPeer;
beforeAll(async () => {
  relay = await startFarPeer();
});
afterAll(() => relay.end("SIGKILL"));

/** A peer that wants no direct connections. */
async function peer(
  at: FarPeer,
  met: (link: Link) => void = () => undefined,
): Promise<{ peer: RunningLibp2p; link: Promise<Link>; reachable: Promise<string> }> {
  const link = Promise.withResolvers<Link>();
  const reachable = Promise.withResolvers<string>();
  const made = await startLibp2p({
    targets: [at.websocket],
    iceServers: [],
    direct: false,
    listen: ["/webrtc"],
    onLink: (one) => {
      if (one.path === "server" || one.remote === "" || one.remote.endsWith(serverOf(at))) return;
      link.resolve(one);
      met(one);
    },
    onState: ({ addresses }) => {
      const found = addresses.find((address) => address.includes("/p2p-circuit"));
      if (found !== undefined) reachable.resolve(found);
    },
  });
  return { peer: made, link: link.promise, reachable: reachable.promise };
}

function serverOf(at: FarPeer): string {
  return at.websocket.slice(at.websocket.lastIndexOf("/") + 1);
}

async function dial(): Promise<LinkEnds> {
  const [first, second] = await Promise.all([peer(relay), peer(relay)]);
  first.peer.reach(await second.reachable);
  const [near, far] = await Promise.all([first.link, second.link]);
  expect(near.path).toBe("relayed");
  return {
    near,
    far: { ...farEnd(far), memory: () => ask<number>(relay, "memory") },
    close: async () => void (await Promise.all([first.peer.close(), second.peer.close()])),
  };
}

describeLink("libp2p through a relay all the way", dial);

describe("two whose relay was away", () => {
  it("meet again once both have it back, also when only the one who was dialled can look for the other", async () => {
    const patience = { timeout: 90_000, interval: 50 };
    const first = await startFarPeer();
    const links: Link[] = [];
    const address = first.websocket;
    const ana = await peer(first);
    const ben = await peer(first, (link) => links.push(link));
    const anas = await ana.reachable;
    ben.peer.reach(anas);
    const [toBen, toAna] = await Promise.all([ana.link, ben.link]);
    const lost = Promise.all(
      [toBen, toAna].map((link) => new Promise<unknown>((resolve) => link.channel.onClose(resolve))),
    );
    // Ana stays away for longer, and Ben no longer looks for her: nobody but Ana can make the link.
    await first.end("SIGKILL");
    await lost;
    ana.peer.forget(address);
    ben.peer.forget(anas);
    const again = await startFarPeer({ again: first });
    expect(again.websocket).toBe(address);
    await expect.poll(async () => (await ask<Counts>(again, "counts")).reservations, patience).toBe(1);
    ana.peer.reach(address);
    await expect.poll(() => links.length, patience).toBe(2);
    await Promise.all([ana.peer.close(), ben.peer.close()]);
    await again.end("SIGKILL");
  }, 240_000);
});

/** A node that keeps to no rules of ours. */
async function strangeNode() {
  return createLibp2p({
    transports: [webSockets()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionGater: { denyDialMultiaddr: () => false },
    connectionMonitor: { enabled: false },
  });
}

const HOP = "/libp2p/circuit/relay/0.2.0/hop";
const STOP = "/libp2p/circuit/relay/0.2.0/stop";

/** The next length-prefixed message of the relay's protocol; they are all short. */
function nextMessage(stream: Stream): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    stream.addEventListener("message", ({ data }) => resolve(data.subarray()), { once: true });
    stream.addEventListener("close", () => reject(new Error("The relay closed the stream.")), { once: true });
  });
}

describe("a relay", () => {
  it("keeps little of what a flood wants to put through it to one who reads nothing", async () => {
    const [sender, reader] = await Promise.all([strangeNode(), strangeNode()]);
    try {
      await reader.handle(STOP, (stream: Stream) => {
        // Accepts (STATUS, OK), and never reads again.
        stream.send(Uint8Array.of(4, 0x08, 0x01, 0x20, 0x64));
        stream.pause();
      });
      const reserve = await (await reader.dial(multiaddr(relay.websocket))).newStream(HOP);
      reserve.send(Uint8Array.of(2, 0x08, 0x00));
      await nextMessage(reserve);
      const hop = await (await sender.dial(multiaddr(relay.websocket))).newStream(HOP);
      const id = reader.peerId.toMultihash().bytes;
      hop.send(Uint8Array.of(id.length + 6, 0x08, 0x01, 0x12, id.length + 2, 0x0a, id.length, ...id));
      await nextMessage(hop);
      const before = await ask<Counts>(relay, "counts");
      const piece = new Uint8Array(64 * 1024);
      let sent = 0;
      // Sends until the relay takes no more; a hundred megabytes would be too much of it.
      for (let blocked = false; !blocked && sent < 100 * 2 ** 20; sent += piece.byteLength) {
        if (!hop.send(piece)) blocked = !(await drains(hop));
      }
      const after = await ask<Counts>(relay, "counts");
      expect(after.receivedBytes - before.receivedBytes).toBeGreaterThan(512 * 1024);
      expect(after.receivedBytes - before.receivedBytes).toBeLessThan(4 * 2 ** 20);
      expect(after.waitingBytes).toBeLessThan(2 * 2 ** 20);
    } finally {
      // What it could not send would keep it from stopping politely.
      for (const connection of sender.getConnections()) connection.abort(new Error("The test is over."));
      await Promise.all([sender.stop(), reader.stop()]);
    }
    await expect.poll(async () => (await ask<Counts>(relay, "counts")).waitingBytes).toBe(0);
  });

  it("passes on so much of one peer as it may, and others go on", async () => {
    const small = await startFarPeer({ relayed: 300_000 });
    const [greedy, modest, reader] = await Promise.all([strangeNode(), strangeNode(), strangeNode()]);
    try {
      let read = 0;
      await reader.handle(STOP, (stream: Stream) => {
        stream.addEventListener("message", ({ data }) => (read += data.byteLength));
        stream.send(Uint8Array.of(4, 0x08, 0x01, 0x20, 0x64));
      });
      const reserve = await (await reader.dial(multiaddr(small.websocket))).newStream(HOP);
      reserve.send(Uint8Array.of(2, 0x08, 0x00));
      await nextMessage(reserve);
      const id = reader.peerId.toMultihash().bytes;
      const connectBy = async (node: typeof greedy): Promise<[Stream, Uint8Array]> => {
        const hop = await (await node.dial(multiaddr(small.websocket))).newStream(HOP);
        hop.send(Uint8Array.of(id.length + 6, 0x08, 0x01, 0x12, id.length + 2, 0x0a, id.length, ...id));
        return [hop, await nextMessage(hop)];
      };
      const [hop] = await connectBy(greedy);
      const ended = new Promise((resolve) => hop.addEventListener("close", resolve, { once: true }));
      for (let sent = 0; sent < 400_000 && hop.status === "open"; sent += 50_000) hop.send(new Uint8Array(50_000));
      await ended;
      expect(read).toBeLessThan(500_000);
      // STATUS of the relay's protocol: OK is 100, PERMISSION_DENIED 202.
      const statusOf = (answer: Uint8Array): readonly number[] => [...answer].slice(answer.lastIndexOf(0x28) + 1);
      expect(statusOf((await connectBy(greedy))[1])).toEqual([0xca, 0x01]);
      const [, answer] = await connectBy(modest);
      expect(statusOf(answer)).toEqual([0x64]);
    } finally {
      for (const node of [greedy, modest, reader])
        for (const connection of node.getConnections()) connection.abort(new Error("The test is over."));
      await Promise.all([greedy.stop(), modest.stop(), reader.stop()]);
      await small.end("SIGKILL");
    }
  }, 120_000);

  it("lets in so many connections of one peer, and so many peers to be passed on to, as its limits say", async () => {
    const small = await startFarPeer({ limits: { connectionsOfPeer: 2, reservations: 1 } });
    const first = await peer(small);
    await first.reachable;
    const second = await peer(small);
    await expect.poll(async () => (await ask<Counts>(small, "counts")).connections).toBe(2);
    expect((await ask<Counts>(small, "counts")).reservations).toBe(1);
    expect(second.peer.state.addresses).toEqual([]);
    const greedy = await strangeNode();
    const open: Connection[] = [];
    for (let count = 0; count < 5; count += 1) {
      await greedy.dial(multiaddr(small.websocket), { force: true }).then(
        (connection) => open.push(connection),
        () => undefined,
      );
    }
    await expect.poll(async () => (await ask<Counts>(small, "counts")).refused).toBe(3);
    expect((await ask<Counts>(small, "counts")).connections).toBe(4);
    await Promise.all([first.peer.close(), second.peer.close(), greedy.stop()]);
    await small.end("SIGKILL");
  });
});

/** Whether it can take more within two seconds. */
function drains(stream: Stream): Promise<boolean> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => resolve(false), 2000);
    const drained = () => {
      clearTimeout(limit);
      resolve(true);
    };
    stream.addEventListener("drain", drained, { once: true });
  });
}
