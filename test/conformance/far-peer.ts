/**
 * A program for tests: a libp2p peer with a relay, whose ends of links are driven over HTTP on loopback. It says on
 * standard output, in one line of JSON, where it is; then it runs until it is ended.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createTransportIdentity, startLibp2p } from "#plugins/libp2p/index.ts";
import { createRelayServer, defaultLimits, type ServerLimits } from "#plugins/libp2p/server.node.ts";
import { createCertificate } from "#plugins/libp2p/certificate.node.ts";
import { type FarEnd, farEnd } from "./link-ends.ts";

/** What it is started with, as JSON in its first argument. */
export interface FarPeerOptions {
  /** To be the same peer at the same addresses again. */
  readonly again?: FarPeerStarted;
  readonly limits?: Partial<ServerLimits>;
  /** So many bytes of one peer are passed on. */
  readonly relayed?: number;
}

/** What it says when it is up. */
export interface FarPeerStarted {
  /** Where its ends of links are driven. */
  readonly control: string;
  readonly websocket: string;
  readonly webrtcDirect: string;
  readonly identity: string;
  readonly certificate: { readonly privateKey: string; readonly pem: string; readonly certhash: string };
}

const options = JSON.parse(process.argv[2] ?? "{}") as FarPeerOptions;
const { again } = options;
const identity = again ? Buffer.from(again.identity, "hex") : Buffer.from(await createTransportIdentity());
const certificate = again?.certificate ?? (await createCertificate());
const relayed = new Map<string, number>();
const server = createRelayServer({
  limits: { ...defaultLimits, ...options.limits },
  certificate,
  relaying: {
    relayed: (remote, bytes) => void relayed.set(remote, (relayed.get(remote) ?? 0) + bytes),
    mayRelay: (remote) => (relayed.get(remote) ?? 0) < (options.relayed ?? Infinity),
  },
});
const ends = new Map<string, FarEnd>();
const waiting = new Map<string, ((end: FarEnd) => void)[]>();

const port = (address: string | undefined, protocol: string) =>
  address === undefined ? "0" : (new RegExp(`/${protocol}/(\\d+)`).exec(address)?.[1] ?? "0");
const transport = await startLibp2p({
  identity,
  server,
  targets: [],
  iceServers: [],
  listen: [
    `/ip4/127.0.0.1/tcp/${port(again?.websocket, "tcp")}/ws`,
    `/ip4/127.0.0.1/udp/${port(again?.webrtcDirect, "udp")}/webrtc-direct`,
  ],
  onState: () => undefined,
  onLink: (link) => {
    const end = farEnd(link);
    ends.set(link.remote, end);
    for (const resolve of waiting.get(link.remote) ?? []) resolve(end);
    waiting.delete(link.remote);
  },
});

const endOf = async (peer: string): Promise<FarEnd> =>
  ends.get(peer) ??
  new Promise((resolve) => {
    waiting.set(peer, [...(waiting.get(peer) ?? []), resolve]);
  });

async function answer(peer: string, method: string, args: readonly unknown[]): Promise<unknown> {
  if (method === "counts") return { ...server.counts(), connections: transport.connections() };
  if (method === "memory") {
    const { rss } = process.memoryUsage();
    return rss;
  }
  const end = await endOf(peer);
  switch (method) {
    case "listen":
      return (await end.listen()) ?? {};
    case "send":
      return (await end.send(Number(args[0]), Number(args[1]))) ?? {};
    case "received":
      return end.received(Number(args[0]));
    case "close":
      return (await end.close(typeof args[0] === "string" ? args[0] : undefined)) ?? {};
    case "ended":
      return { reason: await end.ended() };
    default:
      throw new Error(`There is no method ${method}.`);
  }
}

const control = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const { peer, method, args } = JSON.parse(Buffer.concat(parts).toString()) as {
      readonly peer: string;
      readonly method: string;
      readonly args: readonly unknown[];
    };
    const headers = { "Access-Control-Allow-Origin": "*", "Content-Type": "application/json" };
    answer(peer, method, args).then(
      (result) => response.writeHead(200, headers).end(JSON.stringify(result)),
      (error: unknown) => response.writeHead(500, headers).end(String(error)),
    );
  });
});
await new Promise<void>((resolve) => {
  control.listen(0, "127.0.0.1", resolve);
});
const { addresses } = transport.state;
const started: FarPeerStarted = {
  control: `http://127.0.0.1:${(control.address() as AddressInfo).port}/`,
  websocket: addresses.find((address) => address.includes("/ws")) ?? "",
  webrtcDirect: addresses.find((address) => address.includes("/webrtc-direct")) ?? "",
  identity: identity.toString("hex"),
  certificate,
};
process.stdout.write(`${JSON.stringify(started)}\n`);
process.once("SIGTERM", () => {
  void transport.close().then(() => process.exit(0));
});
// Who started it is gone.
process.stdin.on("end", () => process.exit(0)).resume();
