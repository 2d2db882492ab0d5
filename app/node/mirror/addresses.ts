/** Addresses of a mirror's peer, as multiaddrs. */
import { isIP, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

/** The addresses that others are told, without the peer's id and the certificate's hash, which libp2p adds. */
export function announced(address: string, port: number, publicUrl: URL | undefined): readonly string[] {
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

/** The protocol of an address of the Internet. */
export function family(address: string): "ip4" | "ip6" {
  return isIPv6(address) ? "ip6" : "ip4";
}

/** The port at which one of them listens for WebSockets. */
export function websocketPort(listening: readonly string[]): number {
  const found = listening.map((address) => /\/tcp\/(\d+)\/ws/.exec(address)?.[1]).find((port) => port !== undefined);
  return Number(found);
}
