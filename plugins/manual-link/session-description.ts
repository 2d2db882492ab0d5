/**
 * The few facts of a session description (SDP, RFC 8866; WebRTC's use of it, RFC 8829) that two browsers need of each
 * other for one data channel: reading them out of what a browser says, and writing a description that says only them.
 */
import { KromaError } from "#core/base/errors.ts";

/** One way to reach a browser (ICE, RFC 8839), without what follows from the others. */
export interface Candidate {
  readonly priority: number;
  readonly address: string;
  readonly port: number;
  readonly type: "host" | "srflx" | "prflx" | "relay";
}

export interface SessionFacts {
  readonly ufrag: string;
  readonly password: string;
  /** SHA-256 of the certificate, in hexadecimal without separators. */
  readonly fingerprint: string;
  readonly setup: "actpass" | "active" | "passive";
  readonly candidates: readonly Candidate[];
}

/** A browser sends data channel messages of this size to all others. */
const MOST_MESSAGE_SIZE = 262_144;

/** The facts in a browser's own description; throws `unavailable` when it lacks one. */
export function readSession(sdp: string): SessionFacts {
  const lines = sdp.split(/\r?\n/);
  const attribute = (name: string) => lines.find((line) => line.startsWith(`a=${name}:`))?.slice(name.length + 3);
  const ufrag = attribute("ice-ufrag");
  const password = attribute("ice-pwd");
  const fingerprint = /^sha-256 ([0-9A-Fa-f:]{95})$/.exec(attribute("fingerprint") ?? "")?.[1];
  const setup = attribute("setup");
  if (ufrag === undefined || password === undefined || fingerprint === undefined || !isSetup(setup)) {
    throw new KromaError("unavailable", "This browser does not describe its connections in a way that Kroma knows.");
  }
  return {
    ufrag,
    password,
    fingerprint: fingerprint.replaceAll(":", "").toLowerCase(),
    setup,
    candidates: lines.flatMap(readCandidate),
  };
}

/** A description for a browser that says these facts. */
export function writeSession(facts: SessionFacts): string {
  const { ufrag, password, fingerprint, setup, candidates } = facts;
  const pairs = fingerprint.toUpperCase().match(/../g) ?? [];
  return [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    "c=IN IP4 0.0.0.0",
    ...candidates.map(
      ({ priority, address, port, type }, index) =>
        `a=candidate:${index + 1} 1 udp ${priority} ${address} ${port} typ ${type}${type === "host" ? "" : " raddr 0.0.0.0 rport 0"}`,
    ),
    "a=end-of-candidates",
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${password}`,
    `a=fingerprint:sha-256 ${pairs.join(":")}`,
    `a=setup:${setup}`,
    "a=mid:0",
    "a=sctp-port:5000",
    `a=max-message-size:${MOST_MESSAGE_SIZE}`,
    "",
  ].join("\r\n");
}

/** Candidates over TCP are left out: a browser can't be reached by them. */
function readCandidate(line: string): readonly Candidate[] {
  const match = /^a=candidate:\S+ 1 udp (\d+) (\S+) (\d+) typ (host|srflx|prflx|relay)\b/i.exec(line);
  if (!match) return [];
  const [, priority, address, port, type] = match;
  if (address === undefined) return [];
  return [{ priority: Number(priority), address, port: Number(port), type: type as Candidate["type"] }];
}

function isSetup(text: string | undefined): text is SessionFacts["setup"] {
  return text === "actpass" || text === "active" || text === "passive";
}
