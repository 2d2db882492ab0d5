/** Two links to one peer: the better one takes the other's place, at both ends alike. */
import { beforeAll, expect, it } from "vitest";
import type { Link } from "#core/mesh/link.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import type { RunningLibp2p } from "#plugins/libp2p/transport.ts";
import type { FarPeerStarted } from "../../conformance/far-peer.ts";
import { checksum, farEnd, sample } from "../../conformance/link-ends.ts";

let relay: FarPeerStarted;
beforeAll(async () => {
  relay = (await (await fetch("/__far-peer/start")).json()) as FarPeerStarted;
});

interface One {
  readonly peer: RunningLibp2p;
  /** Links to other pages, in the order in which they came, with the reason of those that ended. */
  readonly links: { readonly link: Link; ended?: string }[];
  address(): string | undefined;
}

async function start(): Promise<One> {
  const links: One["links"] = [];
  const peer = await startLibp2p({
    targets: [relay.websocket],
    iceServers: [],
    listen: ["/webrtc"],
    onLink: (link) => {
      if (link.path === "server") return;
      const entry: One["links"][number] = { link };
      links.push(entry);
      link.channel.onClose((reason) => {
        entry.ended = reason ?? "";
      });
    },
    onState: () => undefined,
  });
  return { peer, links, address: () => peer.state.addresses.find((one) => one.includes("/p2p-circuit/webrtc/")) };
}

const open = (one: One) => one.links.filter(({ ended }) => ended === undefined);

async function talks(near: One, far: One): Promise<void> {
  const [from] = open(near);
  const [to] = open(far);
  if (!from || !to) throw new Error("There is no link.");
  const end = farEnd(to.link);
  await end.listen();
  from.link.channel.send(sample(500, 7));
  expect(await end.received(1)).toEqual([checksum(sample(500, 7))]);
}

it("goes through the relay while no direct path is found, then directly, without a moment without a link", async () => {
  const [called, caller] = await Promise.all([start(), start()]);
  await expect.poll(called.address).toBeDefined();
  const address = called.address() ?? "";
  const { createOffer } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.createOffer = (): Promise<never> =>
    Promise.reject(new Error("This network lets nothing through."));
  caller.peer.reach(address);
  await expect
    .poll(() => [caller, called].map((one) => open(one).map(({ link }) => link.path)))
    .toEqual([["relayed"], ["relayed"]]);
  await talks(caller, called);
  RTCPeerConnection.prototype.createOffer = createOffer;
  let without = false;
  caller.links[0]?.link.channel.onClose(() => {
    without = open(caller).length === 0;
  });
  caller.peer.wake();
  await expect
    .poll(() => [caller, called].map((one) => open(one).map(({ link }) => link.path)))
    .toEqual([["direct"], ["direct"]]);
  expect(without).toBe(false);
  expect(caller.links[0]?.ended).toMatch(/took its place/);
  expect(called.links[0]?.ended).toMatch(/took its place/);
  await talks(caller, called);
  const target = caller.peer.state.targets.find((one) => one.address === address);
  expect(target).toMatchObject({ status: "connected" });
  expect(target?.trouble).toBeUndefined();
  // The relay's connection and the direct one: what was relayed is not kept.
  await expect.poll(() => [caller.peer.connections(), called.peer.connections()]).toEqual([2, 2]);
  await Promise.all([called.peer.close(), caller.peer.close()]);
});

it("comes to one link when both dial each other at once", async () => {
  const [left, right] = await Promise.all([start(), start()]);
  await expect.poll(() => [left.address() !== undefined, right.address() !== undefined]).toEqual([true, true]);
  const [toLeft, toRight] = [left.address() ?? "", right.address() ?? ""];
  left.peer.reach(toRight);
  right.peer.reach(toLeft);
  const statuses = () => [
    left.peer.state.targets.find(({ address }) => address === toRight)?.status,
    right.peer.state.targets.find(({ address }) => address === toLeft)?.status,
  ];
  await expect
    .poll(() => [open(left).length, open(right).length, ...statuses()])
    .toEqual([1, 1, "connected", "connected"]);
  expect(open(left)[0]?.link.path).toBe("direct");
  expect(open(left)[0]?.link.dialled).toBe(!open(right)[0]?.link.dialled);
  await talks(left, right);
  await talks(right, left);
  await Promise.all([left.peer.close(), right.peer.close()]);
});
