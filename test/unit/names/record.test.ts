/** Records of names: made, read, kept in order, and refused when hostile. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { generateKeyPair, publicKeyFromRaw } from "@libp2p/crypto/keys";
import fc from "fast-check";
import { createIPNSRecord, marshalIPNSRecord, multihashToIPNSRoutingKey } from "ipns";
import { ipnsValidator } from "ipns/validator";
import { base58btc } from "multiformats/bases/base58";
import { beforeAll, describe, expect, it } from "vitest";
import { fromBase64Url, toBase64Url } from "#core/mesh/encoding.ts";
import type { NameSigner } from "#core/mesh/identity.ts";
import { MemoryDocStore } from "#core/store/memory.ts";
import { createIdentity, type IdentityStore, type StoredIdentity } from "#plugins/identity/own-identity.ts";
import { NameBook } from "#plugins/names/book.ts";
import { isNewer, makeRecord, nameOf, parseName, readRecord } from "#plugins/names/record.ts";

const CID = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
const OTHER = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
const NOW = Date.UTC(2026, 0, 2);
const LATER = new Date(Date.UTC(2027, 0, 1));

let ada: NameSigner;
let bob: NameSigner;
let name: string;

beforeAll(async () => {
  const store = (): IdentityStore => {
    let kept: StoredIdentity | undefined;
    return {
      load: async () => kept,
      save: async (stored) => void (kept = stored),
      remove: async () => undefined,
      close: () => undefined,
    };
  };
  [ada, bob] = await Promise.all([createIdentity(store(), "Ada"), createIdentity(store(), "Bob")]);
  name = nameOf(ada.identity);
});

const record = (sequence: bigint, change: { value?: string; validUntil?: Date; signer?: NameSigner } = {}) =>
  makeRecord(change.signer ?? ada, { value: change.value ?? CID, sequence, validUntil: change.validUntil ?? LATER });

describe("a record", () => {
  it("says what its maker said, to us and to others' validator", async () => {
    const bytes = await record(7n);
    const read = await readRecord(name, bytes, NOW);
    expect(read).toMatchObject({
      name,
      value: `/ipfs/${CID}`,
      cid: CID,
      sequence: 7n,
      validUntil: LATER.getTime(),
      seconds: 300,
    });
    const key = publicKeyFromRaw(fromBase64Url(ada.identity.ed25519));
    const valid = await record(7n, { validUntil: new Date(Date.now() + 60_000) });
    await ipnsValidator(multihashToIPNSRoutingKey(key.toMultihash()), valid);
  });

  it("of libp2p's own keys is read, old signature or not", async () => {
    const key = await generateKeyPair("Ed25519");
    const theirs = nameOf({ ed25519: toBase64Url(key.publicKey.raw) });
    for (const v1Compatible of [true, false]) {
      const made = await createIPNSRecord(key, `/ipfs/${CID}/page.html`, 3, 60_000, { v1Compatible });
      const read = await readRecord(theirs, marshalIPNSRecord(made), Date.now());
      expect(read).toMatchObject({ value: `/ipfs/${CID}/page.html`, cid: CID, sequence: 3n });
      expect(read.seconds).toBeLessThanOrEqual(60);
    }
  });

  it("has a name with one spelling, whatever it was written as", () => {
    const key = publicKeyFromRaw(fromBase64Url(ada.identity.ed25519));
    expect(name).toMatch(/^k51qzi5uqu5/);
    expect(parseName(key.toCID().toString())).toBe(name);
    expect(parseName(base58btc.baseEncode(key.toMultihash().bytes))).toBe(name);
    expect(parseName(name)).toBe(name);
    for (const wrong of [
      "",
      "k51",
      CID,
      "example.org",
      `${name}a`,
      "12D3KooW",
      "a".repeat(1000),
      "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
    ])
      expect(() => parseName(wrong)).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  it("is refused when another signed it, its time is over, it is too large, or it leads elsewhere", async () => {
    const refused = (bytes: Uint8Array, code: string, now = NOW) =>
      expect(readRecord(name, bytes, now)).rejects.toThrow(expect.objectContaining({ code }));
    await refused(await record(1n, { signer: bob }), "corrupt");
    await refused(await record(1n), "unavailable", LATER.getTime() + 1);
    await refused(new Uint8Array(20_000), "corrupt");
    await refused(new Uint8Array(), "corrupt");
    await refused(new TextEncoder().encode("<html>"), "corrupt");
    for (const value of [
      "/ipns/example.org",
      "/etc/passwd",
      `/ipfs/${CID}/../x`,
      "/ipfs/nonsense",
      `/ipfs/${CID}/${"a".repeat(600)}`,
    ])
      await expect(record(1n, { value })).rejects.toThrow(expect.objectContaining({ code: "invalid" }));
  });

  it("with any byte changed is refused or says the same", async () => {
    const bytes = await record(5n);
    const good = await readRecord(name, bytes, NOW);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = bytes.slice();
        changed[at] = changed[at]! ^ flip;
        const read = await readRecord(name, changed, NOW).catch(() => undefined);
        // Fields outside what is signed are not looked at.
        if (read)
          expect([read.value, read.sequence, read.validUntil]).toEqual([good.value, good.sequence, good.validUntil]);
      }),
      { numRuns: 300 },
    );
  });
});

describe("the test vectors of the specification", () => {
  const vector = async (of: string, what: string) =>
    readRecord(of, await readFile(join(import.meta.dirname, `../../fixtures/ipns/${of}_${what}.ipns-record`)), NOW);

  it("are read where they hold", async () => {
    for (const [of, what, cid] of [
      ["k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w", "v1-v2", "bafkqaddwgevxmmraojswg33smq"],
      [
        "k51qzi5uqu5dilgf7gorsh9vcqqq4myo6jd4zmqkuy9pxyxi5fua3uf7axph4y",
        "v1-v2-broken-signature-v1",
        "bafkqahtwgevxmmrao5uxi2bamjzg623fnyqhg2lhnzqxi5lsmuqhmmi",
      ],
      ["k51qzi5uqu5dit2ku9mutlfgwyz8u730on38kd10m97m36bjt66my99hb6103f", "v2", "bafkqadtwgiww63tmpeqhezldn5zgi"],
    ] as const)
      expect(await vector(of, what), what).toMatchObject({
        name: of,
        value: `/ipfs/${cid}`,
        cid,
        sequence: 0n,
        seconds: 1800,
      });
  });

  it("are refused where they do not", async () => {
    for (const [of, what] of [
      ["k51qzi5uqu5dm4tm0wt8srkg9h9suud4wuiwjimndrkydqm81cqtlb5ak6p7ku", "v1"],
      ["k51qzi5uqu5dlmit2tuwdvnx4sbnyqgmvbxftl0eo3f33wwtb9gr7yozae9kpw", "v1-v2-broken-v1-value"],
      ["k51qzi5uqu5diamp7qnnvs1p1gzmku3eijkeijs3418j23j077zrkok63xdm8c", "v1-v2-broken-signature-v2"],
    ] as const)
      await expect(vector(of, what), what).rejects.toMatchObject({ code: "corrupt" });
  });
});

describe("a book of names", () => {
  it("keeps the newest, in whatever order they come, and the longest of one number", async () => {
    const book = new NameBook(new MemoryDocStore());
    const first = await record(1n);
    const second = await record(2n, { value: OTHER });
    const longer = await record(2n, { value: CID, validUntil: new Date(LATER.getTime() + 1000) });
    expect(await Promise.all([book.offer(name, second, NOW), book.offer(name, first, NOW)])).toEqual([true, false]);
    expect((await book.newest(name, NOW))?.cid).toBe(OTHER);
    expect(await book.offer(name, second, NOW)).toBe(false);
    expect(await book.offer(name, longer, NOW)).toBe(true);
    expect((await book.newest(name, NOW))?.cid).toBe(CID);
    expect(isNewer(await readRecord(name, first, NOW), await readRecord(name, second, NOW))).toBe(false);
  });

  it("goes not back to an older one when the newest is over", async () => {
    const book = new NameBook(new MemoryDocStore());
    const soon = await record(2n, { validUntil: new Date(NOW + 1000) });
    await book.offer(name, soon, NOW);
    expect(await book.newest(name, NOW + 2000)).toBeUndefined();
    expect(await book.offer(name, await record(1n), NOW + 2000)).toBe(false);
    expect(await book.offer(name, await record(3n), NOW + 2000)).toBe(true);
  });

  it("shows a newer version beside the one that was agreed to, and does not swap them", async () => {
    const book = new NameBook(new MemoryDocStore());
    await book.offer(name, await record(1n), NOW);
    expect(await book.followed(name, NOW)).toMatchObject({ accepted: undefined, hasNews: true });
    await book.accept(name, `/ipfs/${CID}`);
    expect(await book.followed(name, NOW)).toMatchObject({ accepted: `/ipfs/${CID}`, hasNews: false });
    await book.offer(name, await record(2n, { value: OTHER }), NOW);
    expect(await book.followed(name, NOW)).toMatchObject({
      accepted: `/ipfs/${CID}`,
      hasNews: true,
      newest: { value: `/ipfs/${OTHER}` },
    });
  });

  it("takes no more names than it was made for, and nothing hostile", async () => {
    const book = new NameBook(new MemoryDocStore(), 1);
    await book.offer(name, await record(1n), NOW);
    const bobs = await record(1n, { signer: bob });
    await expect(book.offer(nameOf(bob.identity), bobs, NOW)).rejects.toThrow(
      expect.objectContaining({ code: "exhausted" }),
    );
    await expect(book.offer(name, bobs, NOW)).rejects.toThrow(expect.objectContaining({ code: "corrupt" }));
    expect(await book.offer(name, await record(2n), NOW)).toBe(true);
  });
});
