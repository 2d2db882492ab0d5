/** Where a request to pin says that blocks are: gateways over HTTP, as multiaddrs. */
import { isIP } from "node:net";
import { multiaddr } from "@multiformats/multiaddr";
import { SeveralSources } from "#core/store/fetch-blocks.ts";
import { GatewaySource } from "#core/store/gateway.ts";
import type { BlockSource } from "#core/store/stores.ts";

/**
 * The origins that can be asked, as one source; undefined when there are none. With `isOpen`, addresses of this machine and of
 * its own network are not asked: a mirror that serves others must not be sent to look around there.
 */
export function sourceOfOrigins(origins: readonly string[], isOpen: boolean): BlockSource | undefined {
  const sources = origins.flatMap((origin) => {
    const url = urlOf(origin);
    return url === undefined || (isOpen && isPrivate(new URL(url).hostname)) ? [] : [new GatewaySource(url)];
  });
  return sources.length === 0 ? undefined : new SeveralSources(sources);
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
