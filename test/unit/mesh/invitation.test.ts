/** Links that let somebody in, and what was made of them on the way. */
import { canonicalJson } from "#core/base/canonical-json.ts";
import { KromaError } from "#core/base/errors.ts";
import { jsonBytes, toBase64Url } from "#core/mesh/encoding.ts";
import { isInvitationFragment } from "#core/mesh/invitation-fragment.ts";
import { makeInvitationFragment, newInvitationSecret } from "#core/mesh/invitation.ts";
import { parseInvitationLink, type InvitationLink } from "#core/mesh/invitation.ts";
import { Membership } from "#core/mesh/membership.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY, invite, newPerson, NOTEBOOK, signatures, TODAY, YEAR } from "./kit.ts";

const ada = await newPerson("Ada");
const membership = await Membership.create(signatures, { signer: ada, time: TODAY, notebook: NOTEBOOK, name: "Ada" });
const { secret, entry } = await invite(membership, ada);
const link: InvitationLink = {
  notebook: NOTEBOOK,
  genesis: membership.genesis,
  invitation: entry,
  role: "editor",
  secret,
  addresses: ["/ip4/127.0.0.1/tcp/9001/ws/p2p/12D3KooWExample/p2p-circuit"],
  expires: TODAY + 7 * DAY,
  title: "Waves",
};

/** The sentence of why it can't be opened. */
function failure(pasted: string, now = TODAY): string {
  try {
    parseInvitationLink(pasted, now);
  } catch (error) {
    if (error instanceof KromaError && error.code === "invalid") return error.message;
  }
  throw new Error("The link could be opened.");
}

const fragmentOf = (value: unknown): string => `#join=${toBase64Url(jsonBytes(value))}`;

describe("an invitation's link", () => {
  it("says what it was made of, however it is pasted (L1)", () => {
    const fragment = makeInvitationFragment(link);
    expect(isInvitationFragment(fragment)).toBe(true);
    for (const pasted of [
      fragment,
      `https://example.org/kroma/${fragment}`,
      `Here it is:\n  https://example.org/${fragment} see you`,
    ])
      expect(parseInvitationLink(pasted, TODAY)).toEqual(link);
    // A QR code of version 16 holds 586 bytes (ISO/IEC 18004, byte mode, level L): a phone reads it off a screen.
    expect(fragment.length).toBeLessThan(586);
    const { expires: _expires, title: _title, ...least } = link;
    expect(parseInvitationLink(makeInvitationFragment({ ...least, addresses: [] }), TODAY)).toEqual({
      ...least,
      addresses: [],
    });
  });

  it("is refused with a sentence when it was cut off or changed, anywhere (L3)", () => {
    const fragment = makeInvitationFragment(link);
    for (let length = "#join=".length; length < fragment.length; length += 1)
      expect(failure(fragment.slice(0, length))).toMatch(/not whole|damaged/);
    fc.assert(
      fc.property(fc.nat(fragment.length - 7), fc.constantFrom(...Array.from("AZaz09-_ .%")), (place, character) => {
        const changed = `${fragment.slice(0, 6 + place)}${character}${fragment.slice(7 + place)}`;
        if (changed === fragment) return;
        // A changed secret or hash is well formed, and then lets nobody in.
        try {
          expect(parseInvitationLink(changed, TODAY)).not.toEqual(link);
        } catch (error) {
          expect(error).toMatchObject({ code: "invalid" });
        }
      }),
      { numRuns: 500 },
    );
    expect(failure("https://example.org/#edit=1")).toMatch(/not a link/);
    expect(failure(`#join=${"A".repeat(5000)}`)).toMatch(/too long/);
  });

  it("is refused when it has ended, with both dates, and when a newer Kroma made it (L4, L5)", () => {
    const fragment = makeInvitationFragment(link);
    expect(parseInvitationLink(fragment, TODAY + 8 * DAY)).toEqual(link);
    expect(failure(fragment, TODAY + YEAR)).toMatch(/ended on 2026-12-05.*clock says 2027-11-28/);
    expect(failure(fragmentOf({ v: 2, anything: true }))).toMatch(/newer Kroma/);
  });

  it("holds nothing but what the schema has (L2)", () => {
    const value = { v: 1, ...link, secret: toBase64Url(secret) };
    expect(parseInvitationLink(fragmentOf(value), TODAY)).toEqual(link);
    const wrong: readonly object[] = [
      { ...value, more: 1 },
      { ...value, role: "owner" },
      { ...value, secret: toBase64Url(secret.subarray(1)) },
      { ...value, addresses: Array.from({ length: 9 }, () => "/dns4/example.org") },
      { ...value, addresses: ["javascript:alert(1)"] },
      { ...value, addresses: ["/dns4/exam ple.org"] },
      { ...value, notebook: "../x" },
      { ...value, genesis: "b" },
      { ...value, title: "x\u202e" },
      { ...value, title: "x".repeat(65) },
      [value],
    ];
    for (const other of wrong) expect(failure(fragmentOf(other))).toMatch(/damaged/);
    // Another spelling of the same is not the link that was made.
    const spaced = new TextEncoder().encode(` ${canonicalJson(value)}`);
    expect(failure(`#join=${toBase64Url(spaced)}`)).toMatch(/not whole/);
  });

  it("is not made longer than it may be, and its title fits (L2)", () => {
    const addresses = Array.from({ length: 8 }, (_, index) => `/dns4/${"x".repeat(480)}/${index}`);
    expect(() => makeInvitationFragment({ ...link, addresses })).toThrow(/too long/);
    const titled = makeInvitationFragment({ ...link, title: ` ${"Waves\u202e ".repeat(30)}` });
    expect(parseInvitationLink(titled, TODAY).title?.length).toBeLessThanOrEqual(64);
    expect(newInvitationSecret()).toHaveLength(32);
    expect(newInvitationSecret()).not.toEqual(newInvitationSecret());
  });
});
