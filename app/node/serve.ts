/** `kroma serve`: the built page on this machine. Nothing but files; all computing is done where the page is read. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Terminal, UsageError } from "./cli-error.ts";
import { createSiteHandler } from "./site-handler.ts";
import { findVmImage, vmImageStage } from "./vm-image.ts";

const DEFAULT_PORT = 8040;
/** So many ports are tried before giving up. */
const PORTS = 50;

/** Serves until a signal; the answer is the exit status. */
export async function serve(args: readonly string[], terminal: Terminal): Promise<number> {
  const options = readOptions(args);
  const site = join(import.meta.dirname, "../../dist/site");
  if (!existsSync(join(site, "index.html"))) {
    throw new UsageError("serve: the page is not built yet; run: npm run build");
  }
  const server = createServer(
    createSiteHandler({ site, vmImage: findVmImage, vmImageStage, anyHost: !isLoopback(options.host) }),
  );
  const port = await listen(server, options.host, options.port);
  const url = `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}/`;
  if (port !== options.port && options.port !== 0) terminal.say(`port ${options.port} is taken`);
  terminal.out(`Kroma is at ${url}\n`);
  if (options.open && hasDisplay()) openBrowser(url);
  return new Promise((resolve) => {
    const end = () => {
      server.close(() => resolve(0));
      server.closeAllConnections();
    };
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
  });
}

interface ServeOptions {
  readonly port: number;
  readonly host: string;
  readonly open: boolean;
}

function readOptions(args: readonly string[]): ServeOptions {
  let values: { port?: string; host?: string; "no-open"?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: { port: { type: "string" }, host: { type: "string" }, "no-open": { type: "boolean" } },
    }));
  } catch (error) {
    throw new UsageError(`serve: ${error instanceof Error ? error.message : String(error)}`);
  }
  const port = Number(values.port ?? DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new UsageError(`serve: --port takes a number from 0 to 65535, not "${values.port}"`);
  }
  return { port, host: values.host ?? "127.0.0.1", open: values["no-open"] !== true };
}

/** Binds to the port or the next free one; 0 lets the system choose. */
async function listen(server: Server, host: string, first: number): Promise<number> {
  for (let port = first; port < Math.min(first + PORTS, 65_536); port += 1) {
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
      if (code === "EACCES") throw new UsageError(`serve: port ${port} needs more rights than you have`);
      throw new UsageError(`serve: can't listen on ${host}: ${message}`);
    }
  }
  throw new UsageError(`serve: no free port from ${first} on`);
}

/** True for addresses that only this machine reaches. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

function hasDisplay(): boolean {
  if (process.env["CI"]) return false;
  if (process.platform === "darwin" || process.platform === "win32") return true;
  return Boolean(process.env["DISPLAY"] ?? process.env["WAYLAND_DISPLAY"]);
}

function openBrowser(url: string): void {
  const commands: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
    darwin: ["open", url],
    win32: ["cmd", "/c", "start", "", url],
  };
  const [command, ...args] = commands[process.platform] ?? ["xdg-open", url];
  const child = spawn(command, args, { stdio: "ignore", detached: true });
  // No browser to open is no failure: the address is on the screen.
  child.on("error", () => undefined);
  child.unref();
}
