/** Links of a page: to a machine that listens, to another peer through a relay, and made by hand. */
import { beforeAll } from "vitest";
import type { Link } from "#core/mesh/link.ts";
import type { TransportState } from "#core/mesh/transport.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import { answerOffer, makeOffer } from "#plugins/manual-link/index.ts";
import { describeLink, type LinkEnds } from "../../conformance/link.ts";
import { farEnd, remoteFarEnd } from "../../conformance/link-ends.ts";
import type { FarPeerStarted } from "../../conformance/far-peer.ts";

let far: FarPeerStarted;
beforeAll(async () => {
  far = (await (await fetch("/__far-peer/start")).json()) as FarPeerStarted;
});

async function dialServer(address: string): Promise<LinkEnds> {
  const { promise, resolve } = Promise.withResolvers<Link>();
  const transport = await startLibp2p({
    targets: [address],
    iceServers: [],
    listen: ["/webrtc"],
    onLink: resolve,
    onState: () => undefined,
  });
  const near = await promise;
  return { near, far: remoteFarEnd(far.control, near.local), close: () => transport.close() };
}

/** Two peers that have a relay in common; both are in this page, but all between them is real. */
async function dialThroughRelay(): Promise<LinkEnds> {
  const callee = Promise.withResolvers<Link>();
  const caller = Promise.withResolvers<Link>();
  const reachable = Promise.withResolvers<string>();
  const start = (target: string, link: (link: Link) => void, state: (state: TransportState) => void) =>
    startLibp2p({
      targets: [target],
      iceServers: [],
      listen: ["/webrtc"],
      onLink: (made) => made.path !== "server" && link(made),
      onState: state,
    });
  const second = await start(far.webrtcDirect, callee.resolve, ({ addresses }) => {
    const address = addresses.find((one) => one.includes("/p2p-circuit/webrtc/"));
    if (address !== undefined) reachable.resolve(address);
  });
  const first = await start(far.websocket, caller.resolve, () => undefined);
  first.reach(await reachable.promise);
  const near = await caller.promise;
  return {
    near,
    far: farEnd(await callee.promise),
    close: async () => void (await Promise.all([first.close(), second.close()])),
  };
}

async function dialByHand(): Promise<LinkEnds> {
  const offer = await makeOffer();
  const answer = await answerOffer(offer.text);
  const near = await offer.accept(answer.text);
  const other = await answer.link;
  return {
    near,
    far: farEnd(other),
    close: async () => {
      near.channel.close();
      other.channel.close();
    },
  };
}

describeLink("a page's WebSocket", () => dialServer(far.websocket));
describeLink("a page's webrtc-direct", () => dialServer(far.webrtcDirect));
describeLink("WebRTC through a relay", dialThroughRelay);
describeLink("WebRTC made by hand", dialByHand);
