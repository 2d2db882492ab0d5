/** Where the verbs that serve something listen. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { UsageError } from "./cli-error.ts";

/** So many ports are tried before giving up. */
const PORTS = 50;

/** The port that was asked for; a usage error when it is none. */
export function readPort(verb: string, text: string | undefined, otherwise: number): number {
  const port = Number(text ?? otherwise);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new UsageError(`${verb}: --port takes a number from 0 to 65535, not "${text}"`);
}

/** A host as it stands in a URL. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Binds to the port or the next free one of `ports`; 0 lets the system choose. */
export async function listen(
  verb: string,
  server: Server,
  host: string,
  first: number,
  ports: number = PORTS,
): Promise<number> {
  for (let port = first; port < Math.min(first + ports, 65_536); port += 1) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          resolve();
        });
      });
      return (server.address() as AddressInfo).port;
    } catch (error) {
      server.removeAllListeners("error");
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EADDRINUSE") continue;
      if (code === "EACCES") throw new UsageError(`${verb}: port ${port} needs more rights than you have`);
      throw new UsageError(`${verb}: can't listen on ${host}: ${message}`);
    }
  }
  throw new UsageError(ports === 1 ? `${verb}: port ${first} is taken` : `${verb}: no free port from ${first} on`);
}

/** True for addresses that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
