/** What a person is told of the addresses that Kroma keeps up links to, between real peers. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Link } from "#core/mesh/link.ts";
import { createTransportIdentity, startLibp2p } from "#plugins/libp2p/index.ts";
import type { Libp2pOptions, RunningLibp2p } from "#plugins/libp2p/transport.ts";
import { remoteFarEnd } from "../../conformance/link-ends.ts";
import { type FarPeer, startFarPeer } from "../../conformance/start-far-peer.ts";

let far: FarPeer;
beforeAll(async () => {
  far = await startFarPeer();
});
afterAll(() => far.end("SIGKILL"));

const running: RunningLibp2p[] = [];
afterEach(() => Promise.all(running.splice(0).map((one) => one.close())));

async function start(options: Partial<Libp2pOptions> = {}): Promise<{ peer: RunningLibp2p; links: Link[] }> {
  const links: Link[] = [];
  const peer = await startLibp2p({
    targets: [],
    iceServers: [],
    listen: [],
    onLink: (link) => links.push(link),
    onState: () => undefined,
    ...options,
  });
  running.push(peer);
  return { peer, links };
}

const stateOf = (peer: RunningLibp2p, address: string) =>
  peer.state.targets.find((target) => target.address === address);

describe("a target", () => {
  it("is refused in words when its address is none, says nobody's name, or is one's own", async () => {
    const { peer } = await start();
    const own = `/ip4/127.0.0.1/tcp/1/ws/p2p/${peer.peer}`;
    for (const address of [
      "hello",
      "/ip4/127.0.0.1/tcp/1/ws",
      own,
      `/ip4/127.0.0.1/tcp/1/ws/p2p/${"x".repeat(2000)}`,
    ]) {
      peer.reach(address);
    }
    await expect.poll(() => peer.state.targets.map(({ status }) => status)).toEqual(Array(4).fill("refused"));
    expect(peer.state.targets.map(({ trouble }) => trouble)).toEqual([
      "This is not an address of a peer (a multiaddr).",
      "The address does not say who is to answer: it should end with /p2p/ and a peer's id.",
      "This is the address of this Kroma itself.",
      "This is not an address of a peer (a multiaddr).",
    ]);
    expect(peer.state.status).toBe("offline");
  });

  it("waits, and says why, while nobody answers, and while someone else does", async () => {
    const { peer } = await start();
    const stranger = (await start()).peer.peer;
    const nobody = `/ip4/127.0.0.1/tcp/9/ws/p2p/${stranger}`;
    const other = far.websocket.replace(/[^/]+$/, stranger);
    peer.reach(nobody);
    peer.reach(other);
    await expect.poll(() => stateOf(peer, nobody)?.status).toBe("waiting");
    expect(stateOf(peer, nobody)?.trouble).toMatch(/Nobody answers/);
    await expect.poll(() => stateOf(peer, other)?.trouble).toBe("Someone else answers at this address.");
  });

  it("is pinged while it is up, and closed when it is forgotten", async () => {
    const { peer, links } = await start({ targets: [far.websocket] });
    await expect.poll(() => stateOf(peer, far.websocket)?.roundTrip).toBeGreaterThan(0);
    expect(peer.state.status).toBe("online");
    const [link] = links;
    const end = remoteFarEnd(far.control, peer.peer);
    const ended = new Promise((resolve) => {
      link?.channel.onClose(resolve);
    });
    peer.forget(far.websocket);
    expect(await ended).toBe("It is no longer wanted.");
    expect(await end.ended()).toBe("It is no longer wanted.");
    expect(peer.state.targets).toEqual([]);
    await expect.poll(() => peer.connections()).toBe(0);
  });

  it("is reached again when the other side ended the link", async () => {
    const { peer, links } = await start({ targets: [far.websocket] });
    await expect.poll(() => links.length).toBe(1);
    await remoteFarEnd(far.control, peer.peer).close("Not now.");
    await expect.poll(() => stateOf(peer, far.websocket)).toMatchObject({ status: "waiting", trouble: "Not now." });
    await expect.poll(() => links.length).toBe(2);
    expect(stateOf(peer, far.websocket)?.status).toBe("connected");
  });

  it("may be the same peer by two ways: there is one link, and it stays when one way is forgotten", async () => {
    const { peer, links } = await start({ targets: [far.websocket] });
    await expect.poll(() => links.length).toBe(1);
    peer.reach(far.webrtcDirect);
    await expect.poll(() => stateOf(peer, far.webrtcDirect)?.status).toBe("connected");
    expect(links.length).toBe(1);
    peer.forget(far.websocket);
    const end = remoteFarEnd(far.control, peer.peer);
    await end.listen();
    links[0]?.channel.send(new Uint8Array(10));
    expect((await end.received(1)).length).toBe(1);
    expect(stateOf(peer, far.webrtcDirect)?.status).toBe("connected");
  });
});

it("is the same peer with the same identity, and refuses to start where it can't listen", async () => {
  const identity = await createTransportIdentity();
  const first = await start({ identity, listen: ["/ip4/127.0.0.1/tcp/0/ws"] });
  const [address] = first.peer.listening();
  expect(address).toBeDefined();
  await expect(start({ listen: [address ?? ""] })).rejects.toMatchObject({ code: "unavailable" });
  expect((await start({ identity })).peer.peer).toBe(first.peer.peer);
});
