/** The one spelling of bytes. */
import { base64UrlLength, fromBase64Url, isBase64Url, toBase64Url } from "#core/mesh/encoding.ts";
import fc from "fast-check";
import { expect, it } from "vitest";

it("spells bytes in one way, and knows any other", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = toBase64Url(bytes);
      expect(text).toHaveLength(base64UrlLength(bytes.length));
      expect(fromBase64Url(text)).toEqual(bytes);
      expect(isBase64Url(text)).toBe(true);
    }),
  );
  // Whatever is taken for one spelling is what its bytes are spelled as.
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from("ABCQgwxyz019-_=+/ é")), maxLength: 6 }), (text) => {
      const spelledBack = (): string | undefined => {
        try {
          return toBase64Url(fromBase64Url(text));
        } catch {
          return undefined;
        }
      };
      expect(isBase64Url(text)).toBe(spelledBack() === text);
    }),
    { numRuns: 2000 },
  );
});
