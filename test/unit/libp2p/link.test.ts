/** Links between two Node processes, over each of the ways that a machine listens on. */
import { afterAll, beforeAll } from "vitest";
import type { Link } from "#core/mesh/link.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import { describeLink, type LinkEnds } from "../../conformance/link.ts";
import { remoteFarEnd } from "../../conformance/link-ends.ts";
import { type FarPeer, startFarPeer } from "../../conformance/start-far-peer.ts";

let far: FarPeer;
beforeAll(async () => {
  far = await startFarPeer();
});
afterAll(() => far.end("SIGKILL"));

async function dial(address: string): Promise<LinkEnds> {
  const { promise, resolve } = Promise.withResolvers<Link>();
  const transport = await startLibp2p({
    targets: [address],
    iceServers: [],
    listen: [],
    onLink: resolve,
    onState: () => undefined,
  });
  const near = await promise;
  return { near, far: remoteFarEnd(far.control, near.local), close: () => transport.close() };
}

describeLink("libp2p over a WebSocket", () => dial(far.websocket));
describeLink("libp2p over webrtc-direct", () => dial(far.webrtcDirect));
