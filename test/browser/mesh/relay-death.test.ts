/** The relay dies: those it brought together go on, and it is found again by itself when it is back. */
import { expect, it } from "vitest";
import type { Link } from "#core/mesh/link.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import type { RunningLibp2p } from "#plugins/libp2p/transport.ts";
import type { FarPeerStarted } from "../../conformance/far-peer.ts";
import { checksum, farEnd, sample } from "../../conformance/link-ends.ts";

const ask = async (path: string) => (await (await fetch(`/__far-peer/${path}`)).json()) as FarPeerStarted;

/** A peer of this page with the far peer as its relay, and the links that it is given to other peers. */
async function start(
  relay: string,
): Promise<{ peer: RunningLibp2p; links: Link[]; reachable: () => string | undefined }> {
  const links: Link[] = [];
  const peer = await startLibp2p({
    targets: [relay],
    iceServers: [],
    listen: ["/webrtc"],
    onLink: (link) => {
      if (link.path !== "server") links.push(link);
    },
    onState: () => undefined,
  });
  return {
    peer,
    links,
    reachable: () => peer.state.addresses.find((address) => address.includes("/p2p-circuit/webrtc/")),
  };
}

for (const way of ["websocket", "webrtcDirect"] as const) {
  it(`keeps a direct link when the relay (${way}) is killed, and the reservation comes back with it`, async () => {
    const relay = await ask("start");
    const called = await start(relay[way]);
    const caller = await start(relay[way]);
    await expect.poll(called.reachable).toBeDefined();
    const address = called.reachable() ?? "";
    caller.peer.reach(address);
    await expect.poll(() => caller.links.at(-1)?.path).toBe("direct");
    await expect.poll(() => called.links.at(-1)?.path).toBe("direct");
    const near = caller.links.at(-1);
    const far = called.links.at(-1);
    if (!near || !far) throw new Error("There is no link.");
    const end = farEnd(far);
    await end.listen();
    near.channel.send(sample(1000, 1));
    await end.received(1);

    await ask("end/SIGKILL");
    const killed = performance.now();
    const relayState = () => caller.peer.state.targets.find((target) => target.address === relay[way])?.status;
    await expect.poll(relayState, { interval: 20 }).not.toBe("connected");
    const noticed = performance.now() - killed;
    expect(noticed).toBeLessThan(10_000);
    await expect.poll(called.reachable).toBeUndefined();
    near.channel.send(sample(2000, 2));
    expect(await end.received(2)).toEqual([checksum(sample(1000, 1)), checksum(sample(2000, 2))]);
    expect(caller.peer.state.targets.find((target) => target.address === address)?.status).toBe("connected");

    await ask("again");
    const back = performance.now();
    await expect
      .poll(() => [called.reachable(), caller.reachable() !== undefined], { interval: 20 })
      .toEqual([address, true]);
    const found = performance.now() - back;
    // The wait between two attempts is a few seconds by then, and a minute at most.
    expect(found).toBeLessThan(60_000);
    near.channel.send(sample(3000, 3));
    expect((await end.received(3)).at(-1)).toBe(checksum(sample(3000, 3)));
    expect(caller.links.length).toBe(1);
    console.info(`${way}: noticed in ${Math.round(noticed)} ms, found again in ${Math.round(found)} ms`);
    await Promise.all([called.peer.close(), caller.peer.close()]);
  });
}
