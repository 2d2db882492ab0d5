/** Finds a Chromium for the tests, or installs one: Debian's where we may, else the one that Playwright brings. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { root, type Log } from "./site.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const PLACES = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

function find(): string | undefined {
  const named = process.env["KROMA_CHROMIUM"];
  if (named !== undefined) return named;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), ...PLACES];
  return candidates.find((path) => existsSync(path));
}

/** The path of a Chromium-based browser. Throws with what to do when there is none and none can be installed. */
export async function ensureChromium(log: Log): Promise<string> {
  const found = find();
  if (found !== undefined) return found;
  const run = (command: string, args: readonly string[]) => spawnSync(command, args, { stdio: "inherit" }).status === 0;
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    log("installing Chromium for the tests (apt-get)");
    run("apt-get", ["update", "-q"]);
    run("apt-get", ["install", "-y", "-q", "--no-install-recommends", "chromium"]);
  } else {
    log("installing Chromium for the tests (playwright)");
    if (run(process.execPath, [join(root, "node_modules/playwright/cli.js"), "install", "chromium"])) {
      const { chromium } = await import("playwright");
      return chromium.executablePath();
    }
  }
  const installed = find();
  if (installed !== undefined) return installed;
  throw new Error("no Chromium found: install one, or name it in KROMA_CHROMIUM");
}
