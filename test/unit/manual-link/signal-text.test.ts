/** What people copy and paste: read back exactly, and refused with a sentence that says what is wrong. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import {
  type Candidate,
  readSession,
  type SessionFacts,
  writeSession,
} from "#plugins/manual-link/session-description.ts";
import { offerName, readSignal, type Signal, writeSignal } from "#plugins/manual-link/signal-text.ts";

const now = 1_800_000_000_000;
const expires = now / 1000 + 60;

/** As Chromium writes it, with what Kroma has no use for. */
const chromium = [
  "v=0",
  "o=- 5498186869896684180 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0",
  "a=extmap-allow-mixed",
  "a=msid-semantic: WMS",
  "m=application 51472 UDP/DTLS/SCTP webrtc-datachannel",
  "c=IN IP4 192.0.2.7",
  "a=candidate:3098175849 1 udp 2113937151 6f1c1d0e-7f0f-4d6e-9c57-3b0b1f0c2a51.local 51472 typ host generation 0 network-cost 999",
  "a=candidate:842163049 1 udp 1677729535 192.0.2.7 51472 typ srflx raddr 0.0.0.0 rport 0 generation 0 network-cost 999",
  "a=candidate:1898647 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active generation 0",
  "a=ice-ufrag:iF5/",
  "a=ice-pwd:2VQ7m9X8sWvO5C1xkq3Zb+Ta",
  "a=ice-options:trickle",
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, (_, at) => (at + 200).toString(16).slice(-2).toUpperCase()).join(":")}`,
  "a=setup:actpass",
  "a=mid:0",
  "a=sctp-port:5000",
  "a=max-message-size:262144",
  "",
].join("\r\n");

const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".split("");
const word = (minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...base64), minLength, maxLength });
const fingerprint = fc.string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: 64, maxLength: 64 });
const candidate: fc.Arbitrary<Candidate> = fc.record({
  priority: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  address: fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.uuid().map((id) => `${id}.local`),
  ),
  port: fc.integer({ min: 1, max: 65_535 }),
  type: fc.constantFrom("host", "srflx", "prflx", "relay"),
});
const session: fc.Arbitrary<SessionFacts> = fc.record({
  ufrag: word(4, 32),
  password: word(22, 64),
  fingerprint,
  setup: fc.constantFrom("actpass", "active", "passive"),
  candidates: fc.array(candidate, { maxLength: 8 }),
});
const signal: fc.Arbitrary<Signal> = fc.oneof(
  fc.record({ kind: fc.constant("offer"), session, expires: fc.constant(expires) }),
  fc.record({
    kind: fc.constant("answer"),
    session,
    expires: fc.constant(expires),
    to: fingerprint.map((text) => text.slice(0, 16)),
  }),
);

describe("a session description", () => {
  it("is reduced to what the other browser needs, and written again from that", () => {
    const facts = readSession(chromium);
    expect(facts).toMatchObject({ ufrag: "iF5/", password: "2VQ7m9X8sWvO5C1xkq3Zb+Ta", setup: "actpass" });
    expect(facts.candidates).toEqual([
      { priority: 2113937151, address: "6f1c1d0e-7f0f-4d6e-9c57-3b0b1f0c2a51.local", port: 51472, type: "host" },
      { priority: 1677729535, address: "192.0.2.7", port: 51472, type: "srflx" },
    ]);
    expect(readSession(writeSession(facts))).toEqual(facts);
  });

  it("says the same after any number of writings", () => {
    fc.assert(
      fc.property(session, (facts) => {
        expect(readSession(writeSession(facts))).toEqual(facts);
      }),
    );
  });
});

describe("a signal's text", () => {
  it("is read back exactly, whatever white space a chat adds", () => {
    fc.assert(
      fc.property(signal, fc.array(fc.nat({ max: 2000 }), { maxLength: 5 }), (made, places) => {
        let text = writeSignal(made);
        for (const place of places) text = `${text.slice(0, place)}\u200B \r\n${text.slice(place)}`;
        expect(readSignal(text, made.kind, now)).toEqual(made);
      }),
    );
  });

  it("is short: less than half of the description that a browser makes", () => {
    const text = writeSignal({ kind: "offer", session: readSession(chromium), expires });
    expect(text.length).toBeLessThan(chromium.length / 2);
  });

  it("is refused in words when it is not what belongs here", () => {
    const facts = readSession(chromium);
    const offer = writeSignal({ kind: "offer", session: facts, expires });
    const answer = writeSignal({ kind: "answer", session: facts, expires, to: offerName(facts) });
    const refusal = (text: string, at = now) => {
      try {
        readSignal(text, "offer", at);
      } catch (error) {
        if (error instanceof KromaError && error.code === "invalid") return error.message;
        throw error;
      }
      return undefined;
    };
    expect(refusal("  \n")).toMatch(/nothing here/);
    expect(refusal("hello there")).toMatch(/not an offer of Kroma/);
    expect(refusal(answer)).toMatch(/This is an answer, but an offer belongs here/);
    expect(refusal(offer.replace("KRO1", "KRO2"))).toMatch(/another version/);
    expect(refusal(offer, expires * 1000)).toMatch(/expired/);
    expect(refusal("a".repeat(10_000))).toMatch(/too long/);
    for (let length = 6; length < offer.length; length += 1)
      expect(refusal(offer.slice(0, length))).toMatch(/not complete/);
    expect(refusal(`${offer}${offer}`)).toMatch(/not complete/);
  });

  it("lets nobody write lines into a description", () => {
    for (const evil of ["abcd\r\na=x:y", "abcd efgh", "abcd\u0000"]) {
      const facts = { ...readSession(chromium), ufrag: evil };
      expect(() => readSignal(writeSignal({ kind: "offer", session: facts, expires }), "offer", now)).toThrow(
        /damaged/,
      );
    }
  });

  it("never throws anything but a sentence, whatever is pasted", () => {
    const pasted = fc.oneof(
      fc.string({ unit: "binary" }),
      fc
        .tuple(fc.constantFrom("KRO1.", "KRA1."), word(0, 100), word(0, 8))
        .map(([mark, body, sum]) => `${mark}${body}.${sum}`),
    );
    fc.assert(
      fc.property(pasted, (text) => {
        expect(() => readSignal(text, "offer", now)).toThrow(KromaError);
      }),
    );
  });
});
