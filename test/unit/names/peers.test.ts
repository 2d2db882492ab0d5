/** Records of names between peers, over real sockets on this machine: rules N2 to N9 of core/artefact/SPEC.md. */
import type { Libp2p, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { concatenate } from "#core/base/bytes.ts";
import type { NameSigner } from "#core/mesh/identity.ts";
import { MemoryDocStore } from "#core/store/memory.ts";
import { createIdentity } from "#plugins/identity/own-identity.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import { NameBook } from "#plugins/names/book.ts";
import { nameLink, readName } from "#plugins/names/link.ts";
import { Names } from "#plugins/names/names.ts";
import { answerNames, askPeers, type GiveRecord, NAMES_PROTOCOL, type PeersAsked } from "#plugins/names/peers.ts";
import { makeRecord, nameOf, readRecord } from "#plugins/names/record.ts";

const FIRST = "/ipfs/bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
const SECOND = "/ipfs/bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
const PATIENT = 120_000;
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

let ada: NameSigner;
let bob: NameSigner;
let name: string;
beforeAll(async () => {
  const store = {
    load: async () => undefined,
    save: async () => undefined,
    remove: async () => undefined,
    close: () => undefined,
  };
  [ada, bob] = await Promise.all([createIdentity(store, "Ada"), createIdentity(store, "Bob")]);
  name = nameOf(ada.identity);
});

const record = (sequence: bigint, value = FIRST, signer = ada): Promise<Uint8Array> =>
  makeRecord(signer, { value, sequence, validUntil: new Date(Date.now() + 86_400_000) });
const framed = (bytes: Uint8Array): Uint8Array =>
  concatenate([Uint8Array.of(bytes.length >> 8, bytes.length & 255), bytes]);

interface TestPeer {
  readonly node: Libp2p;
  readonly id: string;
  readonly address: string;
  close(): Promise<void>;
}

/** A peer that gives what `give` says, or does what `handle` does. */
async function peer(
  does: { give?: GiveRecord; handle?: (stream: Stream) => unknown; patience?: number } = {},
): Promise<TestPeer> {
  let node: Libp2p | undefined;
  const { give, handle, patience } = does;
  const running = await startLibp2p({
    targets: [],
    iceServers: [],
    listen: ["/ip4/127.0.0.1/tcp/0/ws"],
    onState: () => undefined,
    beside: async (started) => {
      node = started;
      if (handle) await started.handle(NAMES_PROTOCOL, (stream) => void handle(stream));
      return give ? answerNames(started, give, patience) : { close: async () => undefined };
    },
  });
  const close = (): Promise<void> => running.close();
  open.push(close);
  const [address] = running.state.addresses;
  if (!node || address === undefined) throw new Error("it runs and listens");
  return { node, id: running.peer, address, close };
}

/** Somebody with names of their own, who asks those at addresses, and gives what they follow to those in `known`. */
async function somebody(signer?: NameSigner): Promise<TestPeer & { names: Names; known: Set<string> }> {
  const known = new Set<string>();
  const made: { node?: Libp2p } = {};
  const names = new Names({
    book: new NameBook(new MemoryDocStore()),
    now: Date.now,
    self: async () => signer,
    askPeers: (asked, { take, ...options }) => {
      if (!made.node) throw new Error("it runs");
      const peers = [...known].map((id) => ({ peer: id, called: "A friend" }));
      return askPeers(made.node, asked, { ...options, take, peers });
    },
  });
  const running = await peer({ give: (asked, who) => names.give(asked, known.has(who)) });
  made.node = running.node;
  return { ...running, names, known };
}

describe("a name among peers", () => {
  it(
    "leads one who follows it to the second version, which is shown and not swapped, and is passed on",
    async () => {
      const ana = await somebody(ada);
      const ben = await somebody();
      await ana.names.publish(FIRST, []);
      const link = nameLink(name, [ana.address]);
      expect(await ben.names.follow(link, [])).toMatchObject({ accepted: FIRST, hasNews: false, failures: [] });
      await ana.names.publish(SECOND, []);
      expect(await ben.names.refresh([])).toEqual({ failures: [] });
      const news = { accepted: FIRST, newest: SECOND, hasNews: true };
      expect(await ben.names.followed()).toMatchObject([news]);

      // Ana goes. Cleo shares a notebook with Ben, who has the record; Dan does not.
      await ana.close();
      const [cleo, dan] = [await somebody(), await somebody()];
      ben.known.add(cleo.id);
      cleo.known.add(ben.id);
      await cleo.node.dial(multiaddr(ben.address));
      expect(await cleo.names.follow(name, [])).toMatchObject({ accepted: SECOND, failures: [] });
      await expect(dan.names.follow(`ipns://${name}?from=${ben.address}`, [])).rejects.toMatchObject({
        code: "missing",
      });

      // Those who have gone are no trouble to one who only looks for news.
      expect(await ben.names.refresh([])).toEqual({ failures: [] });
      expect(await ben.names.followed()).toMatchObject([news]);
    },
    PATIENT,
  );

  it(
    "is told in its newest record that holds, whoever has it",
    async () => {
      const book = new NameBook(new MemoryDocStore());
      const giving = async (bytes: Uint8Array): Promise<string> => (await peer({ give: async () => bytes })).address;
      const over = await makeRecord(ada, { value: FIRST, sequence: 9n, validUntil: new Date(Date.now() - 1000) });
      const addresses = [
        await giving(await record(2n, FIRST)),
        await giving(await record(3n, SECOND)),
        await giving(await record(1n, FIRST)),
        await giving(over),
      ];
      const asker = await peer();
      const take = (bytes: Uint8Array): Promise<boolean> => book.offer(name, bytes, Date.now());
      const asked = await askPeers(asker.node, name, { peers: [], addresses, take, patience: PATIENT });
      expect(await book.newest(name, Date.now())).toMatchObject({ value: SECOND, sequence: 3n });
      expect(asked.missed).toEqual([]);
      expect(reasons(asked)).toEqual([expect.stringContaining("was good until")]);
    },
    PATIENT,
  );
});

const reasons = ({ refused }: PeersAsked): readonly string[] => refused.map(({ reason }) => reason);

describe("peers that lie", () => {
  it.each<[string, () => Promise<(stream: Stream) => unknown>, string]>([
    [
      "sends no record",
      async () => (stream) => stream.send(framed(new TextEncoder().encode("<html>"))),
      "not a record",
    ],
    [
      "sends another name's record",
      async () => {
        const theirs = framed(await record(7n, SECOND, bob));
        return (stream) => stream.send(theirs);
      },
      "not signed by the name",
    ],
    ["says that it sends too much", async () => (stream) => stream.send(Uint8Array.of(255, 255)), "too large"],
    [
      "sends more than it says",
      async () => {
        const good = framed(await record(7n));
        return (stream) => stream.send(concatenate([good, Uint8Array.of(0)]));
      },
      "More came",
    ],
  ])(
    "one that %s is refused with the reason, and the others are heard",
    async (_what, make, reason) => {
      const liar = await peer({ handle: await make() });
      const good = await record(4n, SECOND);
      const honest = await peer({ give: async () => good });
      const asker = await peer();
      const book = new NameBook(new MemoryDocStore());
      const asking = {
        peers: [],
        addresses: [liar.address, honest.address],
        take: (bytes: Uint8Array) => book.offer(name, bytes, Date.now()),
        patience: PATIENT,
      };
      const asked = await askPeers(asker.node, name, asking);
      expect(asked.missed).toEqual([]);
      expect(asked.refused).toMatchObject([{ peer: liar.id, reason: expect.stringContaining(reason) }]);
      expect((await book.newest(name, Date.now()))?.value).toBe(SECOND);
      // In the same round it is not asked again.
      expect(await askPeers(asker.node, name, { ...asking, except: new Set([liar.id]) })).toEqual({
        refused: [],
        missed: [],
      });
    },
    PATIENT,
  );

  it(
    "are given up when they send without end, say nothing, hang up or are not there",
    async () => {
      const endless = await peer({
        handle(stream) {
          const pour = (): void => {
            while (stream.writeStatus === "writable" && stream.send(new Uint8Array(65_536))) continue;
          };
          stream.addEventListener("drain", pour);
          pour();
        },
      });
      const silent = await peer({ handle: () => undefined });
      const rude = await peer({ handle: (stream) => stream.abort(new Error("No.")) });
      const asker = await peer();
      const nobody = "/ip4/127.0.0.1/tcp/1/ws/p2p/12D3KooWL36NzkFM4DZJKXx4ygZhNP1vANUubKL4BB1vxVLH5vJR";
      const ask = (addresses: readonly string[], patience: number): Promise<PeersAsked> =>
        askPeers(asker.node, name, {
          peers: [],
          addresses,
          take: () => Promise.reject(new Error("nothing")),
          patience,
        });
      // A frame of no bytes, and then more: one that never stops is cut off at its first piece.
      expect(reasons(await ask([endless.address], PATIENT))).toEqual([expect.stringContaining("More came")]);
      await expect.poll(() => openStreams(endless.node), { timeout: PATIENT }).toBe(0);
      const missed = (await ask([silent.address, rude.address, nobody], 1000)).missed.map(({ peer: id }) => id);
      expect(missed.toSorted()).toEqual([silent.id, rude.id, nobody.split("/p2p/")[1]].toSorted());
      await expect.poll(() => openStreams(silent.node), { timeout: PATIENT }).toBe(0);
    },
    PATIENT,
  );

  it(
    "are asked up to 16 of, and not at all when they know nothing of names or it was stopped",
    async () => {
      const asker = await peer();
      const older = await peer();
      const take = (): Promise<void> => Promise.reject(new Error("nothing comes"));
      const addresses = await Promise.all(
        Array.from({ length: 20 }, async () => `/ip4/127.0.0.1/tcp/1/ws/p2p/${(await randomPeer()).toString()}`),
      );
      expect((await askPeers(asker.node, name, { peers: [], addresses, take })).missed).toHaveLength(16);
      const nothing = { refused: [], missed: [] };
      const known = { peer: older.id, called: "Old" };
      expect(
        await askPeers(asker.node, name, { peers: [known], addresses: ["nonsense", asker.address], take }),
      ).toEqual(nothing);
      expect(
        await askPeers(asker.node, name, { peers: [], addresses: [older.address], take, patience: PATIENT }),
      ).toEqual(nothing);
      const signal = AbortSignal.abort();
      const stopped = askPeers(asker.node, name, { peers: [], addresses: [older.address], take, signal });
      await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    },
    PATIENT,
  );
});

describe("one who answers", () => {
  it(
    "cuts off who asks wrongly or never, and answers the next",
    async () => {
      const ana = await somebody(ada);
      await ana.names.publish(FIRST, []);
      const give: GiveRecord = (asked) => ana.names.give(asked, false);
      const [quick, patient] = [await peer({ give, patience: 2000 }), await peer({ give, patience: PATIENT })];
      const asker = await peer();
      const [hurried, unhurried] = [
        await asker.node.dial(multiaddr(quick.address)),
        await asker.node.dial(multiaddr(patient.address)),
      ];
      const text = (words: string): Uint8Array => framed(new TextEncoder().encode(words));
      for (const [connection, question] of [
        [unhurried, text("not a name")],
        [unhurried, text("")],
        [unhurried, Uint8Array.of(255, 255)],
        [unhurried, concatenate([text(name), text(name)])],
        [hurried, Uint8Array.of(0)],
      ] as const) {
        const stream = await connection.newStream(NAMES_PROTOCOL);
        const ended = new Promise<void>((resolve) => stream.addEventListener("close", () => resolve(), { once: true }));
        let heard = 0;
        stream.addEventListener("message", ({ data }) => void (heard += data.byteLength));
        stream.send(question);
        await ended;
        expect(heard).toBe(0);
      }
      const came: Uint8Array[] = [];
      const take = async (bytes: Uint8Array): Promise<void> => void came.push(bytes);
      await askPeers(asker.node, name, { peers: [], addresses: [patient.address], take, patience: PATIENT });
      expect(await readRecord(name, came[0] ?? new Uint8Array(), Date.now())).toMatchObject({ value: FIRST });
    },
    PATIENT,
  );

  it("gives its own name to everybody, one that it follows to those it knows, and no other", async () => {
    const book = new NameBook(new MemoryDocStore());
    const names = new Names({ book, now: Date.now, self: async () => ada });
    await names.publish(FIRST, []);
    const bobs = nameOf(bob.identity);
    await book.offer(bobs, await record(1n, SECOND, bob), Date.now());
    expect(await names.give(name, false)).toBeDefined();
    // The record is here, and it is not followed: so it stays.
    expect(await names.give(bobs, true)).toBeUndefined();
    await book.accept(bobs, SECOND);
    expect(await names.give(bobs, false)).toBeUndefined();
    expect(await names.give(bobs, true)).toBeDefined();
    await names.unfollow(bobs);
    expect(await names.give(bobs, true)).toBeUndefined();
  });
});

it("a link names those who may know the name, and no more than eight", () => {
  const from = [
    "/ip4/127.0.0.1/tcp/1/ws/p2p/12D3KooWL36NzkFM4DZJKXx4ygZhNP1vANUubKL4BB1vxVLH5vJR",
    "https://m.example/",
  ];
  expect(readName(nameLink(name, [...from, "javascript:x", "/etc/passwd"]))).toEqual({ name, from });
  expect(readName(`https://m.example/ipns/${name}/`)).toEqual({ name, from: ["https://m.example/"] });
  expect(readName(` ${name} `)).toEqual({ name, from: [] });
  expect(nameLink(name, [])).toBe(`ipns://${name}`);
  const many = Array.from({ length: 9 }, (_, at) => `https://m${at}.example/`);
  expect(readName(nameLink(name, many)).from).toEqual(many.slice(0, 8));
  expect(readName(`${nameLink(name, many)}&from=https://m8.example/`).from).toHaveLength(8);
});

const openStreams = (node: Libp2p): number =>
  node.getConnections().flatMap(({ streams }) => streams.filter(({ protocol }) => protocol === NAMES_PROTOCOL)).length;

async function randomPeer(): Promise<string> {
  const { generateKeyPair } = await import("@libp2p/crypto/keys");
  const { base58btc } = await import("multiformats/bases/base58");
  return base58btc.baseEncode((await generateKeyPair("Ed25519")).publicKey.toMultihash().bytes);
}
