/**
 * `kroma mirror`: a peer that is always on. It serves the page, passes peers on to each other (a circuit relay, with
 * limits), and listens for WebSockets and webrtc-direct. It is a peer like others: the page works without it.
 */
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { KromaError } from "#core/base/errors.ts";
import { realClock } from "#core/mesh/clock.ts";
import { MOST_NAME_LENGTH } from "#core/mesh/identity.ts";
import type { Link } from "#core/mesh/link.ts";
import { storedName } from "#core/store/cid.ts";
import { startBitswap } from "#plugins/ipfs/index.ts";
import { answerNames } from "#plugins/names/peers.ts";
import { parseName } from "#plugins/names/record.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import type { Libp2pOptions } from "#plugins/libp2p/transport.ts";
import { createRelayServer, defaultLimits, type ServerLimits } from "#plugins/libp2p/server.node.ts";
import { type Terminal, UsageError } from "./cli-error.ts";
import { announced, family, websocketPort } from "./mirror/addresses.ts";
import { type Keeper, type KeeperCounts, openKeeper } from "./mirror/keeper.ts";
import type { MirrorLimits } from "./mirror/member-quotas.ts";
import { quotaOptions, type QuotaOptions, readQuotas } from "./mirror/quota-options.ts";
import { isLoopback, listen, readPort, urlHost } from "./listen.ts";
import { openIdentity } from "./mirror/identity.ts";
import type { PeerBlocks } from "./mirror/origins.ts";
import { openPublished, type Published } from "./mirror/published.ts";
import { createPublishedServer, type PublishedServerOptions } from "./mirror/published-server.ts";
import { mirrorToken, PUBLISHED_FOLDER } from "./mirror/token-verb.ts";
import { answerMirror, type MirrorFacts, openDoor } from "./mirror/web.ts";
import { dataFolder } from "./paths.ts";
import { createSiteHandler } from "./site-handler.ts";
import { findVmImage, vmImageStage } from "./vm-image.ts";

const DEFAULT_PORT = 8050;
/** A connection to the gateway on which nothing moves ends after so long, in milliseconds. */
const IDLE = 120_000;

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
  /** What passing on costs by whoever sends. */
  readonly relaying?: Keeper["relaying"];
  /** What was published, and the port to give it on, an origin of its own. */
  readonly gateway?: GatewayPart;
}

export interface GatewayPart {
  readonly published: Published;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Where others reach it through a proxy. */
  readonly publicUrl?: URL;
  /** Peers can be asked for blocks from now on. */
  readonly onExchange?: (exchange: PeerBlocks) => void;
}

/** A mirror that runs. */
export interface Mirror {
  /** Where the page is. */
  readonly url: string;
  /** Where what was published is; undefined when it gives nothing. */
  readonly gateway: string | undefined;
  readonly addresses: readonly string[];
  facts(): MirrorFacts;
  /** Keeps up a link to somebody at this address. */
  reach(address: string): void;
  /** Says goodbye to everyone, then ends. */
  close(): Promise<void>;
}

/** Runs until a signal; the answer is the exit status. */
export async function mirror(args: readonly string[], terminal: Terminal): Promise<number> {
  if (args[0] === "token") return mirrorToken(args.slice(1), terminal);
  const { join: links, gatewayPort, publicGateway, quotas, ...options } = readOptions(args);
  const isOpen = isOpenTo(options);
  let exchange: PeerBlocks | undefined;
  const published = await openPublished({
    folder: join(options.data, PUBLISHED_FOLDER),
    clock: realClock,
    isOpen,
    peers: () => exchange,
    onFailure: (error) => terminal.say(`mirror: blocks could not be tidied up: ${String(error)}`),
  });
  const keeper = await openKeeper(
    join(options.data, "notebooks"),
    `Mirror on ${hostname()}`.slice(0, MOST_NAME_LENGTH),
    { limits: quotas, log: (line) => terminal.say(`mirror: ${line}`) },
  );
  let running: Mirror;
  try {
    const gateway: GatewayPart = {
      published,
      port: gatewayPort,
      onExchange: (started) => (exchange = started),
      ...(publicGateway ? { publicUrl: publicGateway } : {}),
    };
    running = await startMirror({
      ...options,
      onLink: keeper.onLink,
      kept: keeper.counts,
      relaying: keeper.relaying,
      gateway,
    });
    for (const link of links) for (const address of await keeper.join(link)) running.reach(address);
  } catch (error) {
    await keeper.close();
    await published.close();
    throw error;
  }
  terminal.out(`Kroma is at ${running.url}\n`);
  for (const address of running.addresses) terminal.out(`  ${address}\n`);
  terminal.out(`What is published is at ${running.gateway}\n`);
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
  await published.close();
  terminal.say("mirror: stopped");
  return 0;
}

/** Starts a mirror. Rejects with a usage error when it can't listen, `corrupt` when its identity can't be read. */
export async function startMirror(options: MirrorOptions): Promise<Mirror> {
  const limits = { ...defaultLimits, ...options.limits };
  const identity = await openIdentity(options.data);
  const relay = createRelayServer({
    limits,
    certificate: identity.certificate,
    ...(options.relaying ? { relaying: options.relaying } : {}),
  });
  const anyHost = isOpenTo(options);
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
    ...(options.gateway ? { beside: exchangeOf(options.gateway) } : {}),
  }).catch(async (error: unknown) => {
    server.close();
    throw error instanceof KromaError ? new UsageError(`mirror: can't listen on ${address}, UDP port ${port}`) : error;
  });
  const closeAll = async (error: unknown): Promise<never> => {
    server.close();
    await transport.close();
    throw error;
  };
  const facts = (): MirrorFacts => {
    const counts = relay.counts();
    return {
      peer: transport.peer,
      addresses: transport.state.addresses,
      startedAt,
      connections: transport.connections(),
      kept: options.kept?.(),
      gateway: gateway?.url,
      ...counts,
      refused: counts.refused + refusedSockets,
    };
  };
  const url = options.publicUrl?.href ?? `http://${urlHost(options.host)}:${port}/`;
  const gateway =
    options.gateway &&
    (await startGateway(options.gateway, options, { delegates: () => transport.state.addresses, app: url }).catch(
      closeAll,
    ));
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
    url,
    gateway: gateway?.url,
    addresses: transport.state.addresses,
    facts,
    reach: (target) => transport.reach(target),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      await gateway?.close();
      await transport.close();
      closeDoor();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What was published is given to peers of IPFS, too, and they are asked for what is to be pinned; records of names likewise. */
function exchangeOf({ published, onExchange }: GatewayPart): NonNullable<Libp2pOptions["beside"]> {
  const { blocks, isDenied, names } = published;
  return async (node) => {
    const exchange = await startBitswap(node, { blocks, isGiven: (cid) => !isDenied(storedName(cid)) });
    onExchange?.(exchange);
    const answers = await answerNames(node, async (name) => (await names.newest(parseName(name), Date.now()))?.bytes);
    return { close: async () => void (await Promise.all([exchange.close(), answers.close()])) };
  };
}

async function startGateway(
  { published, port, publicUrl }: GatewayPart,
  options: MirrorOptions,
  known: Pick<PublishedServerOptions, "delegates" | "app">,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const anyHost = isOpenTo(options);
  const server = createServer(createPublishedServer({ published, now: Date.now, anyHost, ...known }));
  // Uploads may take their time, as long as something comes.
  server.requestTimeout = 0;
  server.timeout = IDLE;
  const bound = await listen("mirror: the gateway", server, options.host, port, 1);
  return {
    url: publicUrl?.href ?? `http://${urlHost(options.host)}:${bound}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** True when others than this machine may ask. */
function isOpenTo({ host, publicUrl }: Pick<MirrorOptions, "host" | "publicUrl">): boolean {
  return !isLoopback(host) || publicUrl !== undefined;
}

interface ReadOptions extends MirrorOptions {
  readonly join: readonly string[];
  readonly gatewayPort: number;
  readonly publicGateway?: URL;
  readonly quotas: MirrorLimits;
}

function readOptions(args: readonly string[]): ReadOptions {
  let values: {
    port?: string;
    host?: string;
    data?: string;
    public?: string;
    join?: string[];
    "gateway-port"?: string;
    "public-gateway"?: string;
  } & QuotaOptions;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string" },
        host: { type: "string" },
        data: { type: "string" },
        public: { type: "string" },
        join: { type: "string", multiple: true },
        "gateway-port": { type: "string" },
        "public-gateway": { type: "string" },
        ...quotaOptions,
      },
    }));
  } catch (error) {
    throw new UsageError(`mirror: ${error instanceof Error ? error.message : String(error)}`);
  }
  const site = join(import.meta.dirname, "../../dist/site");
  if (!existsSync(join(site, "index.html"))) {
    throw new UsageError("mirror: the page is not built yet; run: npm run build");
  }
  const publicUrl = readUrl("--public", values.public);
  const publicGateway = readUrl("--public-gateway", values["public-gateway"]);
  if (publicUrl && publicGateway?.origin === publicUrl.origin)
    throw new UsageError(
      "mirror: --public-gateway needs a name or port of its own: what is published may come from anybody",
    );
  const port = readPort("mirror", values.port, DEFAULT_PORT);
  return {
    site,
    join: values.join ?? [],
    data: values.data ?? join(dataFolder(), "mirror"),
    host: values.host ?? "127.0.0.1",
    port,
    quotas: readQuotas(values),
    gatewayPort: readPort("mirror", values["gateway-port"], port === 0 ? 0 : port + 1),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(publicGateway === undefined ? {} : { publicGateway }),
  };
}

function readUrl(option: string, text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UsageError(`mirror: ${option} takes an address like https://kroma.example, not "${text}"`);
  return url;
}
