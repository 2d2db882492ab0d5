/** The head of model files: what is told of a whole one, and of every way to end too early or be something else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readGgufHead } from "#plugins/llama/gguf.ts";
import { bigramModel } from "../chat/bigram-model.ts";

const whole = bigramModel({ words: [" a", " b"] });
const read = (bytes: Uint8Array<ArrayBuffer>) => readGgufHead("x.gguf", new Blob([bytes]));

describe("the head of a model file", () => {
  it("tells the architecture of one that is whole", async () => {
    expect(await read(whole)).toEqual({ architecture: "llama" });
    expect(await read(bigramModel({ words: [" a"], architecture: "qwen9" }))).toEqual({ architecture: "qwen9" });
  });

  it("may be longer than what is read at first", async () => {
    const template = "{# a long note #}".repeat(100_000);
    expect(template.length).toBeGreaterThan(1_000_000);
    expect(await read(bigramModel({ words: [" a"], template }))).toEqual({ architecture: "llama" });
  });

  it("tells of a file that was cut anywhere before its last weights", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 4, max: whole.length - 2000 }), async (length) => {
        await expect(read(whole.slice(0, length))).rejects.toMatchObject({
          code: "corrupt",
          message: "x.gguf is not whole: it ends before its last weights. Fetch it again.",
        });
      }),
      { numRuns: 60 },
    );
  });

  it("refuses what is something else, and ends on whatever it says of itself", async () => {
    for (const bytes of [new Uint8Array(), new TextEncoder().encode("<!doctype html>"), new Uint8Array(5000).fill(255)])
      await expect(read(bytes)).rejects.toMatchObject({
        code: "corrupt",
        message: expect.stringContaining("no model") as string,
      });
    // Any byte of the head may be any other: it is refused or read, and nothing else comes of it.
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 3000 }), fc.nat({ max: 255 }), async (at, byte) => {
        const changed = whole.slice();
        changed[at] = byte;
        await read(changed).catch((error: unknown) =>
          expect(error).toMatchObject({ name: "KromaError", code: "corrupt" }),
        );
      }),
      { numRuns: 200 },
    );
  });
});
