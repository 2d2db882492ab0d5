/** `kroma serve`: the built page on this machine. Nothing but files; all computing is done where the page is read. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Terminal, UsageError } from "./cli-error.ts";
import { isLoopback, listen, readPort, urlHost } from "./listen.ts";
import { createSiteHandler } from "./site-handler.ts";
import { findVmImage, vmImageStage } from "./vm-image.ts";

const DEFAULT_PORT = 8040;

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
  const port = await listen("serve", server, options.host, options.port);
  const url = `http://${urlHost(options.host)}:${port}/`;
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
  const port = readPort("serve", values.port, DEFAULT_PORT);
  return { port, host: values.host ?? "127.0.0.1", open: values["no-open"] !== true };
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
