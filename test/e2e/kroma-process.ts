/** Kroma as a user starts it: the command line in a process of its own, and a browser beside it. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright";
import { chromiumArguments, chromiumPath } from "../chromium.ts";

export const root: string = join(import.meta.dirname, "../..");

export interface Finished {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a verb of the command line to its end. */
export function kroma(
  args: readonly string[],
  options: { cwd?: string; stdin?: string; environment?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [join(root, "app/node/cli.ts"), ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, ...options.environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(options.stdin ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? undefined, stdout, stderr }));
  });
}

export interface Site {
  readonly url: string;
  close(): void;
}

/** `kroma serve` on a free port; resolves when it has said its address. */
export async function serve(args: readonly string[] = []): Promise<Site> {
  const child: ChildProcess = spawn(
    process.execPath,
    [join(root, "app/node/cli.ts"), "serve", "--port", "0", "--no-open", ...args],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let said = "";
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      const found = /http:\/\/[^\s/]+:\d+/.exec(said)?.[0];
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.on("close", () => reject(new Error(`kroma serve ended:\n${said}`)));
  });
  return { url, close: () => child.kill() };
}

/** Real Chromium on a profile folder, so that what it keeps can be seen again after it was killed; `more` are flags for it. */
export async function browser(
  profile: string,
  viewport = { width: 1280, height: 800 },
  executablePath = chromiumPath,
  more: readonly string[] = [],
): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [...chromiumArguments, ...more],
    viewport,
    acceptDownloads: true,
  });
  // A machine that many share may take its time.
  context.setDefaultTimeout(60_000);
  return context;
}

/** Ends every process of the browser on that profile at once, as a crash does; the profile can be opened again then. */
export async function killBrowser(context: BrowserContext, profile: string): Promise<void> {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(profile)) process.kill(Number(entry), "SIGKILL");
    } catch {
      // it ended while we looked
    }
  }
  await context.close().catch(() => undefined);
  for (const name of readdirSync(profile)) if (name.startsWith("Singleton")) rmSync(join(profile, name));
}
