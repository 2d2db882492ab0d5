/**
 * Offers and answers as text that people copy: `KRO1.` or `KRA1.` (offer, answer; the number is the version), the facts of
 * the session as JSON in base64url, and a checksum that tells when a part is missing. White space, which chats and mail
 * programs add, does not matter.
 */
import { base64url } from "multiformats/bases/base64";
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import type { SessionFacts } from "./session-description.ts";

export type SignalKind = "offer" | "answer";

/** What one side tells the other by hand. */
export interface Signal {
  readonly kind: SignalKind;
  readonly session: SessionFacts;
  /** Unix time in seconds, from when on it is not to be used. */
  readonly expires: number;
  /** An answer's: the `offerName` of the offer that it answers. */
  readonly to?: string;
}

/** Long enough for many network addresses, short enough for what people paste. */
const MOST_CHARACTERS = 8192;
const marks: Readonly<Record<SignalKind, string>> = { offer: "KRO", answer: "KRA" };
const VERSION = "1";

const fingerprint = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
/** What goes into a description of ours, whose lines a stranger must not add to. */
const token = (most: number) => v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]+$/), v.minLength(4), v.maxLength(most));

const signalSchema = v.strictObject({
  u: token(256),
  p: v.pipe(token(256), v.minLength(22)),
  f: fingerprint,
  s: v.picklist(["actpass", "active", "passive"]),
  c: v.pipe(
    v.array(
      v.strictTuple([
        v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2 ** 31 - 1)),
        v.pipe(v.string(), v.regex(/^[A-Za-z0-9.:-]{1,255}$/)),
        v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
        v.picklist(["host", "srflx", "prflx", "relay"]),
      ]),
    ),
    v.maxLength(32),
  ),
  e: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER)),
  o: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/))),
});

/** What tells an offer from other offers: the beginning of its fingerprint is enough for that. */
export function offerName(offer: SessionFacts): string {
  return offer.fingerprint.slice(0, 16);
}

/** The text of a signal. */
export function writeSignal({ kind, session, expires, to }: Signal): string {
  const wire: v.InferInput<typeof signalSchema> = {
    u: session.ufrag,
    p: session.password,
    f: session.fingerprint,
    s: session.setup,
    c: session.candidates.map(({ priority, address, port, type }) => [priority, address, port, type]),
    e: expires,
    ...(to === undefined ? {} : { o: to }),
  };
  const body = base64url.baseEncode(new TextEncoder().encode(JSON.stringify(wire)));
  return `${marks[kind]}${VERSION}.${body}.${checksum(body)}`;
}

/** Reads what was pasted where an offer or an answer belongs; throws `invalid` with a sentence that says what is wrong. */
export function readSignal(text: string, wanted: SignalKind, now: number): Signal {
  const clean = text.slice(0, MOST_CHARACTERS + 1).replaceAll(/[\s\u200B-\u200D\u2060\uFEFF]+/g, "");
  if (clean === "") throw invalid(`There is nothing here: paste the ${wanted} that the other person sent.`);
  if (clean.length > MOST_CHARACTERS) throw invalid(`This is too long to be ${article(wanted)}.`);
  const match = /^(KRO|KRA)(\d+)(?:\.([A-Za-z0-9_-]*))?(?:\.([0-9a-z]*))?(.*)$/.exec(clean);
  if (!match) throw invalid(`This is not ${article(wanted)} of Kroma: it should begin with ${marks[wanted]}.`);
  const [, mark, version, body = "", sum = "", rest] = match;
  const kind: SignalKind = mark === marks.offer ? "offer" : "answer";
  if (version !== VERSION) throw invalid(`This ${kind} was made by another version of Kroma. Both need the same one.`);
  if (kind !== wanted) throw invalid(`This is ${article(kind)}, but ${article(wanted)} belongs here.`);
  if (rest !== "" || sum !== checksum(body)) {
    throw invalid(`The ${kind} is not complete, or was changed on the way. Copy all of it.`);
  }
  const parsed = v.safeParse(signalSchema, parse(body));
  if (!parsed.success) throw invalid(`The ${kind} is damaged. Ask for a new one.`);
  const wire = parsed.output;
  if (wire.e * 1000 <= now) {
    throw invalid(`The ${kind} has expired, or one of the two clocks is wrong. Ask for a new one.`);
  }
  if (kind === "answer" && wire.o === undefined) throw invalid("The answer is damaged. Ask for a new one.");
  return {
    kind,
    session: {
      ufrag: wire.u,
      password: wire.p,
      fingerprint: wire.f,
      setup: wire.s,
      candidates: wire.c.map(([priority, address, port, type]) => ({ priority, address, port, type })),
    },
    expires: wire.e,
    ...(wire.o === undefined ? {} : { to: wire.o }),
  };
}

function article(kind: SignalKind): string {
  return kind === "offer" ? "an offer" : "an answer";
}

function parse(body: string): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(base64url.baseDecode(body)));
  } catch {
    return undefined;
  }
}

/** FNV-1a of the text (draft-eastlake-fnv): it tells carelessness, not malice; DTLS proves who is there. */
function checksum(text: string): string {
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93) >>> 0;
  return hash.toString(36);
}

function invalid(sentence: string): KromaError {
  return new KromaError("invalid", sentence);
}
