/** The tabs of a browser, of which one does the network for all. */
import { randomUUID } from "node:crypto";
import { afterEach, expect, it } from "vitest";
import { NetworkTabs } from "#core/mesh/network-tabs.ts";
import type { TransportState } from "#core/mesh/transport.ts";

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

const name = `network ${randomUUID()}`;
const tab = (): NetworkTabs => {
  const made = new NetworkTabs(new BroadcastChannel(name));
  ends.push(() => made.close());
  return made;
};
/** What the tab hears of the network, from now on. */
const heardBy = (one: NetworkTabs): TransportState[] => {
  const heard: TransportState[] = [];
  one.onState((state) => heard.push(state));
  return heard;
};

const ADDRESS = "/ip4/127.0.0.1/tcp/1/ws/p2p/a";
const ONLINE: TransportState = {
  status: "online",
  addresses: [`${ADDRESS}/p2p-circuit/webrtc/p2p/b`],
  targets: [
    { address: ADDRESS, status: "connected", roundTrip: 2 },
    { address: "/nowhere", status: "refused", trouble: "This is not an address of a peer (a multiaddr)." },
  ],
};

it("hears what the network is like that another tab does, also one that comes later", async () => {
  const first = tab();
  first.tell(ONLINE);
  const heard = heardBy(tab());
  await expect.poll(() => heard.at(-1)).toEqual(ONLINE);
  first.tell({ ...ONLINE, status: "offline" });
  await expect.poll(() => heard.at(-1)?.status).toBe("offline");
});

it("has those reached whom it wants to be, by the tab that does the network and no other", async () => {
  const [does, idle, joins] = [tab(), tab(), tab()];
  const wanted: string[] = [];
  const passedOver: string[] = [];
  does.onReach((addresses) => wanted.push(...addresses));
  idle.onReach((addresses) => passedOver.push(...addresses));
  does.tell(ONLINE);
  joins.reach([ADDRESS]);
  await expect.poll(() => wanted).toEqual([ADDRESS]);
  // What the idle tab hears after that came after it.
  const heard = heardBy(idle);
  does.tell(ONLINE);
  await expect.poll(() => heard.length).toBeGreaterThan(0);
  expect(passedOver).toEqual([]);
});

it("passes over what is said in other words, as by a tab of another version", async () => {
  const does = tab();
  const wanted: string[] = [];
  does.onReach((addresses) => wanted.push(...addresses));
  does.tell(ONLINE);
  const other = new BroadcastChannel(name);
  ends.push(() => other.close());
  const long = "x".repeat(2000);
  const strange = [
    undefined,
    "reach",
    { type: "reach" },
    { type: "reach", addresses: [1] },
    { type: "reach", addresses: [long] },
  ];
  for (const message of strange) other.postMessage(message);
  other.postMessage({ type: "reach", addresses: [ADDRESS] });
  await expect.poll(() => wanted).toEqual([ADDRESS]);
  const heard = heardBy(does);
  other.postMessage({ type: "state", state: { ...ONLINE, status: "splendid" } });
  other.postMessage({ type: "state", state: ONLINE });
  await expect.poll(() => heard).toEqual([ONLINE]);
});
