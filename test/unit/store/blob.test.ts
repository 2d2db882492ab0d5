import { expect, it } from "vitest";
import { blobOf } from "#core/store/blob.ts";

async function* pieces(count: number, length: number): AsyncGenerator<Uint8Array> {
  // One piece of memory for all of them, as a reader of a file may have it.
  const piece = new Uint8Array(length);
  for (let index = 0; index < count; index++) yield piece.fill(index);
}

it("holds every byte of a stream in its order, whatever its pieces and their memory", async () => {
  const blob = await blobOf(pieces(20, 1_000_001), "application/vnd.ipld.car");
  expect([blob.size, blob.type]).toEqual([20 * 1_000_001, "application/vnd.ipld.car"]);
  const bytes = await blob.bytes();
  for (let index = 0; index < 20; index++) {
    const part = bytes.subarray(index * 1_000_001, (index + 1) * 1_000_001);
    expect(part.every((byte) => byte === index)).toBe(true);
  }
  expect((await blobOf(pieces(0, 1))).size).toBe(0);
});
