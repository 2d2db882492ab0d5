/** Where the command line gets blocks from: what --from names, and the gateways of the environment. */
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { isPeerAddress } from "#core/artefact/address.ts";
import { EnvelopeIndex } from "#core/artefact/envelope-index.ts";
import { KromaError } from "#core/base/errors.ts";
import { openCar } from "#core/store/car.ts";
import { storedName } from "#core/store/cid.ts";
import { SeveralSources } from "#core/store/fetch-blocks.ts";
import { GatewaySource, type NamedSource } from "#core/store/gateway.ts";
import { MemoryDocStore } from "#core/store/memory.ts";
import type { Exchange } from "#plugins/ipfs/bitswap.ts";
import { UsageError } from "../cli-error.ts";

/** A CAR file as a source. */
export interface CarSource extends NamedSource {
  readonly roots: readonly string[];
  readonly blocks: number;
  readonly bytes: number;
  close(): Promise<void>;
}

/** Blocks out of a CAR file, each of which has been checked. A KromaError says what is wrong with the file. */
export async function openCarFile(path: string): Promise<CarSource> {
  const envelopes = new EnvelopeIndex(new MemoryDocStore());
  const places = new Map<string, { readonly at: number; readonly length: number }>();
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path}: ${error.code === "ENOENT" ? "no such file or directory" : error.message}`);
  });
  let bytes = 0;
  let blocks = 0;
  try {
    const car = await openCar(handle.createReadStream({ start: 0, autoClose: false, highWaterMark: 1 << 20 }));
    for await (const block of car.blocks) {
      blocks += 1;
      bytes += block.bytes.length;
      places.set(storedName(block.cid), { at: block.at, length: block.bytes.length });
      await envelopes.notice(block);
    }
    return {
      name: path,
      roots: car.roots,
      blocks,
      bytes,
      async get(cid) {
        const place = places.get(storedName(cid));
        if (!place) return undefined;
        const buffer = new Uint8Array(place.length);
        await handle.read(buffer, 0, place.length, place.at);
        return buffer;
      },
      envelopes: (root) => envelopes.of(root),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    if (error instanceof KromaError) throw error;
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A peer that only a link names is waited for so long, in milliseconds. */
const HINT_PATIENCE = 10_000;

/** Sources that are asked in turn. */
export interface OpenSources extends NamedSource {
  /** False when there is nobody to ask. */
  readonly areAny: boolean;
  close(): Promise<void>;
}

/** Peers of IPFS, asked by Bitswap. `unavailable` when one is not there that was named; those of a link may be gone. */
async function openPeers(
  addresses: readonly string[],
  hinted: readonly string[],
): Promise<Pick<Exchange, "source" | "close">> {
  let exchange: Exchange | undefined;
  const nothing = { get: () => Promise.resolve(undefined), has: () => Promise.resolve(false) };
  const { startBitswap } = await import("#plugins/ipfs/index.ts");
  const { startLibp2p } = await import("#plugins/libp2p/index.ts");
  const running = await startLibp2p({
    targets: [],
    iceServers: [],
    listen: [],
    onState: () => undefined,
    beside: async (node) => (exchange = await startBitswap(node, { blocks: nothing })),
  });
  const close = (): Promise<void> => running.close();
  if (!exchange) throw new Error("libp2p started without what runs beside it");
  try {
    for (const address of addresses) await exchange.connect(address);
    for (const address of hinted)
      await exchange.connect(address, AbortSignal.timeout(HINT_PATIENCE)).catch(() => undefined);
  } catch (error) {
    await close();
    throw error;
  }
  return { source: exchange.source, close };
}

/**
 * Opens what was named: web addresses of gateways and mirrors, addresses of peers, and CAR files; then the gateways of the
 * environment.
 */
export async function openSources(named: readonly string[], linked: readonly string[] = []): Promise<OpenSources> {
  const sources: NamedSource[] = [];
  const files: CarSource[] = [];
  const addresses: string[] = [];
  for (const name of named) {
    const address = webAddress(name);
    if (address !== undefined) sources.push(new GatewaySource(address));
    else if (existsSync(name)) {
      const file = await openCarFile(name);
      files.push(file);
      sources.push(file);
    } else if (name.startsWith("/")) addresses.push(name);
    else throw new UsageError(`--from takes a web address, a peer's address or a .car file, not "${name}"`);
  }
  const hinted = linked.filter(isPeerAddress);
  const peers = addresses.length + hinted.length > 0 ? await openPeers(addresses, hinted) : undefined;
  if (peers) sources.push(peers.source);
  const settings = (process.env["KROMA_GATEWAYS"] ?? "").split(/\s+/).filter((part) => part !== "");
  for (const address of [...linked.filter((one) => !isPeerAddress(one)), ...settings])
    sources.push(new GatewaySource(address));
  const several = new SeveralSources(sources);
  return {
    name: several.name,
    areAny: sources.length > 0,
    get: (cid, options) => several.get(cid, options),
    envelopes: (root, options) => several.envelopes(root, options),
    async close() {
      for (const file of files) await file.close();
      await peers?.close();
    },
  };
}

/** A web address, also when it is written as a multiaddr: /dns4/mirror.example/tcp/443/https. */
function webAddress(name: string): string | undefined {
  if (/^https?:\/\//.test(name)) return name;
  const [, kind, host, port, scheme = ""] =
    /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})\/(https?|tls\/http)(?:\/p2p\/\w+)?\/?$/.exec(name) ?? [];
  if (host === undefined) return undefined;
  return `${scheme === "http" ? "http" : "https"}://${kind === "ip6" ? `[${host}]` : host}:${port}`;
}
