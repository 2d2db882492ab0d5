/**
 * What a mirror says over HTTP beside the page: where its peer is, whether it is well, and figures for Prometheus. And the
 * door for WebSockets: pages reach the peer at the very address that the page came from, so a proxy needs to know one port.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { isOwnName } from "../http-facts.ts";
import type { KeeperCounts } from "./keeper.ts";
import type { MemberCounts } from "./member-quotas.ts";

/** What a mirror knows of itself. */
export interface MirrorFacts {
  readonly peer: string;
  readonly addresses: readonly string[];
  readonly startedAt: number;
  readonly connections: number;
  readonly reservations: number;
  readonly waitingBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly refused: number;
  /** The notebooks that it keeps. */
  readonly kept: KeeperCounts | undefined;
  /** Where what was published is. */
  readonly gateway: string | undefined;
}

const MIRROR_FILE = "/.well-known/kroma-mirror.json";

/** Answers the mirror's own paths; false for all others. */
export function answerMirror(
  request: IncomingMessage,
  response: ServerResponse,
  facts: () => MirrorFacts,
  anyHost: boolean,
): boolean {
  const path = (request.url ?? "").split("?", 1)[0];
  if (path !== MIRROR_FILE && path !== "/healthz" && path !== "/metrics") return false;
  if (!anyHost && !isOwnName(request.headers.host)) return false;
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  const send = (type: string, body: string, headers: Readonly<Record<string, string>> = {}) => {
    response.writeHead(200, { "Content-Type": type, "Cache-Control": "no-store", ...headers });
    response.end(request.method === "HEAD" ? undefined : body);
  };
  const { peer, addresses, gateway, ...counts } = facts();
  if (path === "/metrics") send("text/plain; version=0.0.4; charset=utf-8", metrics(counts));
  else if (path === "/healthz") {
    const seconds = Math.round((Date.now() - counts.startedAt) / 1000);
    const over = counts.kept?.members.filter(({ isOver }) => isOver).length ?? 0;
    send("application/json", `${JSON.stringify({ status: "ok", seconds, connections: counts.connections, over })}\n`);
  } else {
    // Pages of other addresses may ask too: it is meant to be found.
    send("application/json", `${JSON.stringify({ version: 1, peer, addresses, gateway })}\n`, {
      "Access-Control-Allow-Origin": "*",
    });
  }
  return true;
}

/** Prometheus's text format, version 0.0.4. */
function metrics(facts: Omit<MirrorFacts, "peer" | "addresses" | "gateway">): string {
  const line = (name: string, type: string, help: string, value: number) =>
    `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
  return [
    line("kroma_mirror_connections", "gauge", "Connections to peers.", facts.connections),
    line("kroma_mirror_reservations", "gauge", "Peers that others are passed on to.", facts.reservations),
    line("kroma_mirror_waiting_bytes", "gauge", "Bytes that wait to be passed on.", facts.waitingBytes),
    line("kroma_mirror_received_bytes_total", "counter", "Bytes received on all connections.", facts.receivedBytes),
    line("kroma_mirror_sent_bytes_total", "counter", "Bytes sent on all connections.", facts.sentBytes),
    line("kroma_mirror_refused_total", "counter", "Connections refused by a quota.", facts.refused),
    ...(facts.kept
      ? [
          line("kroma_mirror_notebooks", "gauge", "Notebooks that it was given to keep.", facts.kept.notebooks),
          line("kroma_mirror_notebooks_here", "gauge", "Of them, those that have come.", facts.kept.here),
          line("kroma_mirror_missing_blocks", "gauge", "Outputs that it still waits for.", facts.kept.missing),
          line("kroma_mirror_members", "gauge", "Links to members of them.", facts.kept.peers),
          byMember(
            "kroma_mirror_member_stored_bytes",
            "Bytes that are kept, by who brought them.",
            facts.kept,
            "stored",
          ),
          byMember("kroma_mirror_member_received_bytes", "Bytes received today, by member.", facts.kept, "received"),
          byMember("kroma_mirror_member_relayed_bytes", "Bytes passed on today, by sender.", facts.kept, "relayed"),
          byMember("kroma_mirror_member_over", "1 for members who are over their quota.", facts.kept, "isOver"),
        ]
      : []),
    line("kroma_mirror_start_time_seconds", "gauge", "Unix time of the start.", Math.round(facts.startedAt / 1000)),
  ].join("");
}

/** Members that figures are given of: those who cost most. */
const MOST_SHOWN = 100;

function byMember(
  name: string,
  help: string,
  { members }: KeeperCounts,
  what: Exclude<keyof MemberCounts, "member">,
): string {
  const lines = members.slice(0, MOST_SHOWN).map((one) => `${name}{member="${one.member}"} ${Number(one[what])}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join("")}`;
}

export interface DoorOptions {
  /** Where libp2p listens for WebSockets, on loopback. */
  readonly port: number;
  readonly anyHost: boolean;
  /** More WebSockets than this are not let in. */
  readonly most: number;
  readonly onRefused: () => void;
}

/** Passes WebSockets of the server on to libp2p. Returns the way to end them all. */
export function openDoor(server: Server, { port, anyHost, most, onRefused }: DoorOptions): () => void {
  const open = new Set<Duplex>();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    if (!anyHost && !(isOwnName(request.headers.host) && isOwnOrigin(request.headers.origin))) {
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
      return;
    }
    if (open.size >= most) {
      onRefused();
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
      return;
    }
    open.add(socket);
    const inner = connect(port, "127.0.0.1", () => {
      inner.write(requestHead(request));
      inner.write(head);
      socket.pipe(inner).pipe(socket);
    });
    const end = () => {
      open.delete(socket);
      socket.destroy();
      inner.destroy();
    };
    socket.on("close", end);
    inner.on("close", end);
    inner.on("error", end);
  });
  return () => {
    for (const socket of open) socket.destroy();
  };
}

/** A page of another site may not use a mirror that only this machine is to reach. */
function isOwnOrigin(origin: string | undefined): boolean {
  if (origin === undefined) return true;
  const url = URL.parse(origin);
  return url !== null && isOwnName(url.host);
}

function requestHead(request: IncomingMessage): string {
  const lines = [`${request.method} ${request.url} HTTP/1.1`];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}
