/** Where a request to pin says that blocks are, as multiaddrs: gateways over HTTP, and peers. */
import { isIP } from "node:net";
import { multiaddr } from "@multiformats/multiaddr";
import { SeveralSources } from "#core/store/fetch-blocks.ts";
import { GatewaySource, type NamedSource } from "#core/store/gateway.ts";
import type { BlockSource } from "#core/store/stores.ts";

/** Peers that can be asked for blocks: those who are connected, and those whom one connects to. */
export interface PeerBlocks {
  readonly source: NamedSource;
  connect(address: string, signal?: AbortSignal): Promise<void>;
}

/**
 * Who can be asked for blocks, as one source: the gateways and the peers of the origins, and whoever is connected; undefined
 * when there is nobody. With `isOpen`, addresses of this machine and of its own network are not asked: a mirror that serves
 * others must not be sent to look around there.
 */
export function sourceOfOrigins(
  origins: readonly string[],
  isOpen: boolean,
  peers?: PeerBlocks,
): BlockSource | undefined {
  const sources: NamedSource[] = [];
  const named: string[] = [];
  for (const origin of origins) {
    const url = urlOf(origin);
    const host = url === undefined ? hostOf(origin) : new URL(url).hostname;
    if (host === undefined || (isOpen && isPrivate(host))) continue;
    if (url !== undefined) sources.push(new GatewaySource(url));
    else named.push(origin);
  }
  if (peers) sources.push(peersAt(named, peers));
  return sources.length === 0 ? undefined : new SeveralSources(sources);
}

/** The peers, connected to when the first block is asked for. One who is not there may be no loss: others may have it. */
function peersAt(addresses: readonly string[], { source, connect }: PeerBlocks): NamedSource {
  let connecting: Promise<unknown> | undefined;
  return {
    name: source.name,
    async get(cid, options) {
      connecting ??= Promise.allSettled(addresses.map((address) => connect(address, options?.signal)));
      await connecting;
      return source.get(cid, options);
    },
  };
}

/** The host of a peer's address, whoever it is reached by; undefined for one that does not say where it is. */
function hostOf(origin: string): string | undefined {
  try {
    const parts = multiaddr(origin).getComponents();
    const [host] = parts;
    const isDialled = parts.some(({ name }) => name === "p2p") && !parts.some(({ name }) => name === "p2p-circuit");
    return isDialled && host && /^(?:ip4|ip6|dns|dns4|dns6)$/.test(host.name) ? host.value : undefined;
  } catch {
    return undefined;
  }
}

/** The web address that a multiaddr stands for: `/dns/name/tcp/443/https`, `/ip4/…/tcp/…/http`. */
export function urlOf(origin: string): string | undefined {
  let parts: readonly { readonly name: string; readonly value?: string | undefined }[];
  try {
    parts = multiaddr(origin).getComponents();
  } catch {
    return undefined;
  }
  const names = parts.map(({ name }) => name);
  const isSecure = names.includes("https") || (names.includes("http") && names.includes("tls"));
  if (!isSecure && !names.includes("http")) return undefined;
  const [host, port] = parts;
  if (!host?.value || !/^(?:ip4|ip6|dns|dns4|dns6)$/.test(host.name)) return undefined;
  const number = port?.name === "tcp" && port.value !== undefined ? `:${port.value}` : "";
  const name = host.name === "ip6" ? `[${host.value}]` : host.value;
  return URL.parse(`${isSecure ? "https" : "http"}://${name}${number}/`)?.href;
}

/** True for names and addresses that mean this machine or its own network. */
function isPrivate(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (isIP(host) === 0)
    return host === "localhost" || host.endsWith(".localhost") || host.endsWith(".local") || !host.includes(".");
  if (isIP(host) === 6) return /^(?:::|::1|f[cd]|fe[89ab])/.test(host) || host.startsWith("::ffff:");
  const [first = 0, second = 0] = host.split(".").map(Number);
  return (
    first === 0 || first === 10 || first === 127 || first >= 224 ||
    (first === 169 && second === 254) || (first === 172 && second >= 16 && second < 32) ||
    (first === 192 && second === 168) || (first === 100 && second >= 64 && second < 128)
  ); // prettier-ignore
}
