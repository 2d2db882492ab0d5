/**
 * `kroma mirror`: a peer that is always on. It serves the page, passes peers on to each other (a circuit relay, with
 * limits), and listens for WebSockets and webrtc-direct. It is a peer like others: the page works without it.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, isIP, isIPv6 } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KromaError } from "#core/base/errors.ts";
import { MOST_NAME_LENGTH } from "#core/mesh/identity.ts";
import type { Link } from "#core/mesh/link.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import { createRelayServer, defaultLimits, type ServerLimits } from "#plugins/libp2p/server.node.ts";
import { type Terminal, UsageError } from "./cli-error.ts";
import { type KeeperCounts, openKeeper } from "./mirror/keeper.ts";
import { isLoopback, listen, readPort, urlHost } from "./listen.ts";
import { openIdentity } from "./mirror/identity.ts";
import { answerMirror, type MirrorFacts, openDoor } from "./mirror/web.ts";
import { dataFolder } from "./paths.ts";
import { createSiteHandler } from "./site-handler.ts";
import { findVmImage, vmImageStage } from "./vm-image.ts";

const DEFAULT_PORT = 8050;

export interface MirrorOptions {
  /** The built page. */
  readonly site: string;
  /** The folder of what it keeps. */
  readonly data: string;
  readonly host: string;
  /** For HTTP and WebSockets (TCP), and for WebRTC (UDP); 0 lets the system choose. */
  readonly port: number;
  /** Where others reach it through a proxy that does TLS: https://name or http://name. */
  readonly publicUrl?: URL;
  readonly limits?: Partial<ServerLimits>;
  /** A peer is there; without it, peers are only passed on to each other. */
  readonly onLink?: (link: Link) => void;
  /** The notebooks that it keeps. */
  readonly kept?: () => KeeperCounts;
}

/** A mirror that runs. */
export interface Mirror {
  /** Where the page is. */
  readonly url: string;
  readonly addresses: readonly string[];
  facts(): MirrorFacts;
  /** Keeps up a link to somebody at this address. */
  reach(address: string): void;
  /** Says goodbye to everyone, then ends. */
  close(): Promise<void>;
}

/** Runs until a signal; the answer is the exit status. */
export async function mirror(args: readonly string[], terminal: Terminal): Promise<number> {
  const { join: links, ...options } = readOptions(args);
  const keeper = await openKeeper(
    join(options.data, "notebooks"),
    `Mirror on ${hostname()}`.slice(0, MOST_NAME_LENGTH),
  );
  let running: Mirror;
  try {
    running = await startMirror({ ...options, onLink: keeper.onLink, kept: keeper.counts });
    for (const link of links) for (const address of await keeper.join(link)) running.reach(address);
  } catch (error) {
    await keeper.close();
    throw error;
  }
  terminal.out(`Kroma is at ${running.url}\n`);
  for (const address of running.addresses) terminal.out(`  ${address}\n`);
  const { notebooks } = keeper.counts();
  if (notebooks > 0) terminal.out(`It keeps ${notebooks === 1 ? "a notebook" : `${notebooks} notebooks`}.\n`);
  if (!isLoopback(options.host) && options.publicUrl === undefined) {
    terminal.say(
      "mirror: others reach it without TLS; browsers give pages from plain http fewer powers. See the README.",
    );
  }
  await new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
  });
  await running.close();
  await keeper.close();
  terminal.say("mirror: stopped");
  return 0;
}

/** Starts a mirror. Rejects with a usage error when it can't listen, `corrupt` when its identity can't be read. */
export async function startMirror(options: MirrorOptions): Promise<Mirror> {
  const limits = { ...defaultLimits, ...options.limits };
  const identity = await openIdentity(options.data);
  const relay = createRelayServer({ limits, certificate: identity.certificate });
  const anyHost = !isLoopback(options.host) || options.publicUrl !== undefined;
  const startedAt = Date.now();
  let refusedSockets = 0;
  const site = createSiteHandler({ site: options.site, vmImage: findVmImage, vmImageStage, anyHost });
  let tell: (() => MirrorFacts) | undefined;
  const server = createServer((request, response) => {
    // It listens a moment before its peer does, whose addresses need the port.
    if (!tell || !answerMirror(request, response, tell, anyHost)) site(request, response);
  });
  const port = await listen("mirror", server, options.host, options.port, 1);
  const { address } = server.address() as AddressInfo;
  const transport = await startLibp2p({
    identity: identity.key,
    server: relay,
    targets: [],
    iceServers: [],
    // WebSockets come in by the server's own port; this one is behind it.
    listen: ["/ip4/127.0.0.1/tcp/0/ws", `/${family(address)}/${address}/udp/${port}/webrtc-direct`],
    announce: announced(address, port, options.publicUrl),
    onState: () => undefined,
    ...(options.onLink ? { onLink: options.onLink } : {}),
  }).catch(async (error: unknown) => {
    server.close();
    throw error instanceof KromaError ? new UsageError(`mirror: can't listen on ${address}, UDP port ${port}`) : error;
  });
  const facts = (): MirrorFacts => {
    const counts = relay.counts();
    return {
      peer: transport.peer,
      addresses: transport.state.addresses,
      startedAt,
      connections: transport.connections(),
      kept: options.kept?.(),
      ...counts,
      refused: counts.refused + refusedSockets,
    };
  };
  tell = facts;
  const closeDoor = openDoor(server, {
    port: websocketPort(transport.listening()),
    anyHost,
    most: limits.connections,
    onRefused: () => {
      refusedSockets += 1;
    },
  });
  return {
    url: options.publicUrl?.href ?? `http://${urlHost(options.host)}:${port}/`,
    addresses: transport.state.addresses,
    facts,
    reach: (target) => transport.reach(target),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await transport.close();
      closeDoor();
      server.closeAllConnections();
      await closed;
    },
  };
}

function readOptions(args: readonly string[]): MirrorOptions & { readonly join: readonly string[] } {
  let values: { port?: string; host?: string; data?: string; public?: string; join?: string[] };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string" },
        host: { type: "string" },
        data: { type: "string" },
        public: { type: "string" },
        join: { type: "string", multiple: true },
      },
    }));
  } catch (error) {
    throw new UsageError(`mirror: ${error instanceof Error ? error.message : String(error)}`);
  }
  const site = join(import.meta.dirname, "../../dist/site");
  if (!existsSync(join(site, "index.html"))) {
    throw new UsageError("mirror: the page is not built yet; run: npm run build");
  }
  const publicUrl = values.public === undefined ? undefined : URL.parse(values.public);
  if (publicUrl === null || (publicUrl && !/^https?:$/.test(publicUrl.protocol))) {
    throw new UsageError(`mirror: --public takes an address like https://kroma.example, not "${values.public}"`);
  }
  return {
    site,
    join: values.join ?? [],
    data: values.data ?? join(dataFolder(), "mirror"),
    host: values.host ?? "127.0.0.1",
    port: readPort("mirror", values.port, DEFAULT_PORT),
    ...(publicUrl === undefined ? {} : { publicUrl }),
  };
}

/** The addresses that others are told, without the peer's id and the certificate's hash, which libp2p adds. */
function announced(address: string, port: number, publicUrl: URL | undefined): readonly string[] {
  const wildcard = address === "0.0.0.0" || address === "::";
  const hosts = wildcard ? ownAddresses(isIPv6(address)) : [address];
  const open = hosts.flatMap((host) => [
    `/${family(host)}/${host}/tcp/${port}/ws`,
    `/${family(host)}/${host}/udp/${port}/webrtc-direct`,
  ]);
  if (!publicUrl) return open;
  const name = publicUrl.hostname.replace(/^\[|\]$/g, "");
  const where = isIP(name) === 0 ? `/dns/${name}` : `/${family(name)}/${name}`;
  const secure = publicUrl.protocol === "https:";
  const publicPort = publicUrl.port === "" ? (secure ? 443 : 80) : publicUrl.port;
  return [`${where}/tcp/${publicPort}/${secure ? "tls/ws" : "ws"}`, ...open.filter((one) => one.endsWith("direct"))];
}

/** This machine's addresses; link-local ones mean nothing elsewhere. */
function ownAddresses(withSix: boolean): readonly string[] {
  return Object.values(networkInterfaces())
    .flat()
    .filter((one) => one !== undefined && (one.family === "IPv4" || (withSix && !one.address.startsWith("fe80"))))
    .map((one) => one?.address ?? "");
}

function family(address: string): "ip4" | "ip6" {
  return isIPv6(address) ? "ip6" : "ip4";
}

function websocketPort(listening: readonly string[]): number {
  const found = listening.map((address) => /\/tcp\/(\d+)\/ws/.exec(address)?.[1]).find((port) => port !== undefined);
  return Number(found);
}
