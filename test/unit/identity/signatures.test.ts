/** The two ways of signing agree on everything: what one makes the other takes, and what is crafted neither does. */
import { fromBase64Url, toBase64Url, domainBytes } from "#core/mesh/encoding.ts";
import { memberIdOf, type HybridSignature, type Signatures } from "#core/mesh/identity.ts";
import { keysOfSeed } from "#plugins/identity/own-identity.ts";
import { isOrdinaryPoint } from "#plugins/identity/points.ts";
import { chooseSchemes, nobleSchemes, works, type Schemes } from "#plugins/identity/schemes.ts";
import { openSignatures, signHybrid } from "#plugins/identity/signatures.ts";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const native = await chooseSchemes();
const noble = await nobleSchemes();
const ways: readonly (readonly [string, Schemes, Signatures])[] = [
  ["native", native, await openSignatures(Promise.resolve(native))],
  ["noble", noble, await openSignatures(Promise.resolve(noble))],
];
const seed = new Uint8Array(32).map((_, index) => index);
const bytes = new TextEncoder().encode("what is signed");

const flip = (text: string): string => {
  const flipped = fromBase64Url(text);
  flipped[7] = (flipped[7] as number) ^ 1;
  return toBase64Url(flipped);
};

describe("signatures", () => {
  it("are native in this Node, and both ways make the keys of the standard", async () => {
    expect([native.ed25519.isNative, native.mlDsa65.isNative]).toEqual([true, true]);
    expect([noble.ed25519.isNative, noble.mlDsa65.isNative]).toEqual([false, false]);
    for (const [, schemes] of ways)
      expect(await Promise.all([works(schemes.ed25519), works(schemes.mlDsa65)])).toEqual([true, true]);
    const [left, right] = await Promise.all(ways.map(([, schemes]) => keysOfSeed(seed, schemes)));
    expect(left?.identity).toEqual(right?.identity);
    expect(await memberIdOf({ ...left!.identity, name: "Ada" })).toBe(await memberIdOf(right!.identity));
  });

  it("made by either way are good for the other, for their domain, bytes and keys only (I2, I3)", async () => {
    for (const [, makers] of ways) {
      const { identity, keys } = await keysOfSeed(seed, makers);
      const other = (await keysOfSeed(new Uint8Array(32).fill(9), makers)).identity;
      const signature = await signHybrid(makers, keys, "a", bytes);
      for (const [, , signatures] of ways) {
        expect(await signatures.verify(identity, "a", bytes, signature)).toBe(true);
        expect(await signatures.verify(identity, "b", bytes, signature)).toBe(false);
        expect(await signatures.verify(identity, "a", bytes.subarray(1), signature)).toBe(false);
        expect(await signatures.verify(other, "a", bytes, signature)).toBe(false);
      }
    }
  });

  it("are worth nothing when one of the two is missing, flipped, or by another (I2)", async () => {
    const { identity, keys } = await keysOfSeed(seed, native);
    const stranger = await keysOfSeed(new Uint8Array(32).fill(9), native);
    const good = await signHybrid(native, keys, "a", bytes);
    const foreign = await signHybrid(native, stranger.keys, "a", bytes);
    const bad: readonly HybridSignature[] = [
      { ...good, ed25519: flip(good.ed25519) },
      { ...good, mlDsa65: flip(good.mlDsa65) },
      { ...good, ed25519: foreign.ed25519 },
      { ...good, mlDsa65: foreign.mlDsa65 },
      { ...good, ed25519: "" },
      { ...good, mlDsa65: "" },
      { ...good, mlDsa65: "not base64url!" },
      { ...good, ed25519: good.mlDsa65 },
    ];
    for (const [, , signatures] of ways) {
      for (const signature of bad) expect(await signatures.verify(identity, "a", bytes, signature)).toBe(false);
      const mixed = { ed25519: identity.ed25519, mlDsa65: stranger.identity.mlDsa65 };
      expect(await signatures.verify(mixed, "a", bytes, good)).toBe(false);
      // Both halves good, each for its key: then it is an identity of its own, with an id of its own.
      expect(await signatures.verify(mixed, "a", bytes, { ...good, mlDsa65: foreign.mlDsa65 })).toBe(true);
      expect(await memberIdOf(mixed)).not.toBe(await memberIdOf(identity));
    }
  });

  it("give an invitation's secret the same key either way", async () => {
    const keys = await Promise.all(ways.map(([, , signatures]) => signatures.invitationKey(seed)));
    expect(keys[0]?.publicKey).toBe(keys[1]?.publicKey);
    for (const key of keys)
      for (const [, , signatures] of ways) {
        const signature = await key.sign("a", bytes);
        expect(await signatures.verifyInvitation(key.publicKey, "a", bytes, signature)).toBe(true);
        expect(await signatures.verifyInvitation(key.publicKey, "b", bytes, signature)).toBe(false);
      }
  });

  it("are judged alike when they were crafted with points of small order (I4)", async () => {
    const { Point } = ed25519;
    // The point of order 8 whose encoding is in every list of them.
    const torsion = Point.fromHex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05");
    const order = Point.Fn.ORDER;
    const little = (value: bigint) =>
      Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 255n));
    const message = domainBytes("a", bytes);
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt(1n, order - 1n),
        fc.bigInt(1n, order - 1n),
        fc.nat(7),
        fc.nat(7),
        async (a, r, inKey, inR) => {
          const times = (count: number) =>
            Array.from({ length: count }).reduce<typeof torsion>((sum) => sum.add(torsion), Point.ZERO);
          const key = Point.BASE.multiply(a).add(times(inKey)).toBytes();
          const point = Point.BASE.multiply(r).add(times(inR)).toBytes();
          const hash = sha512.create().update(point).update(key).update(message).digest();
          const k = Point.Fn.create(hash.toReversed().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n));
          const signature = Uint8Array.of(...point, ...little(Point.Fn.create(r + k * a)));
          const verdicts = await Promise.all(
            ways.map(([, , signatures]) =>
              signatures.verifyInvitation(toBase64Url(key), "a", bytes, toBase64Url(signature)),
            ),
          );
          expect(verdicts[0]).toBe(verdicts[1]);
          if (verdicts[0]) taken += 1;
        },
      ),
      { numRuns: 200 },
    );
    // Those without torsion, and those in which it cancels out.
    expect(taken).toBeGreaterThan(0);
    for (let count = 0; count < 8; count += 1) {
      const small = Array.from({ length: count })
        .reduce<typeof torsion>((sum) => sum.add(torsion), Point.ZERO)
        .toBytes();
      expect(isOrdinaryPoint(small)).toBe(false);
    }
    expect(isOrdinaryPoint(new Uint8Array(32).fill(255))).toBe(false);
    expect(isOrdinaryPoint(Point.BASE.toBytes())).toBe(true);
  });

  it("of random bytes are false, never an error", async () => {
    const { identity } = await keysOfSeed(seed, native);
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 80 }),
        fc.uint8Array({ maxLength: 3400, minLength: 3200 }),
        async (one, two) => {
          const signature = { ed25519: toBase64Url(one), mlDsa65: toBase64Url(two) };
          for (const [, , signatures] of ways) {
            expect(await signatures.verify(identity, "a", bytes, signature)).toBe(false);
            expect(
              await signatures.verify(
                { ed25519: signature.ed25519, mlDsa65: signature.mlDsa65 },
                "a",
                bytes,
                signature,
              ),
            ).toBe(false);
            expect(await signatures.verifyInvitation(toBase64Url(one), "a", bytes, toBase64Url(two))).toBe(false);
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});
