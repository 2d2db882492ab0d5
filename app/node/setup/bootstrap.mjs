/**
 * The first thing `npm start` and `npm test` run, on whatever Node the machine has (18 or newer): it installs the
 * locked dependencies if they are not there, then hands over to the Node that is one of them. Plain JavaScript,
 * because an older Node cannot run TypeScript.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const stamp = join(root, "node_modules/.kroma-lock");
const lock = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");
const node = join(root, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");

function run(command, args) {
  // Standard output belongs to the task: `kroma run --json` prints nothing else there.
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
    // onnxruntime-node comes with all that a CPU needs; its install script would fetch 200 MB for graphics cards.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
  if (done.error) {
    process.stderr.write(`kroma: cannot run ${command}: ${done.error.message}\n`);
    process.exit(1);
  }
  return done.status ?? 1;
}

if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== lock || !existsSync(node)) {
  process.stderr.write("kroma: installing dependencies (once; about a minute)\n");
  const status = run("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"]);
  if (status !== 0) {
    process.stderr.write("kroma: `npm ci` failed, see above. Is the package registry within reach?\n");
    process.exit(status);
  }
  // Some npm versions run no install scripts, and the `node` package fetches its binary in one.
  if (!existsSync(node)) run(process.execPath, [join(root, "node_modules/node/installArchSpecificPackage.js")]);
  writeFileSync(stamp, lock);
}

const [task, ...rest] = process.argv.slice(2);
const known = { start: "start.ts", test: "test.ts", build: "build.ts", check: "check.ts", kroma: "kroma.ts" };
if (!(task in known)) {
  process.stderr.write(`kroma: no set-up task is called ${task}\n`);
  process.exit(2);
}
// Arguments are paths as the user sees them, so the task keeps the user's directory (npm changes it; INIT_CWD tells).
const cwd = task === "kroma" ? (process.env["INIT_CWD"] ?? process.cwd()) : root;
// Node says of ML-DSA that it is experimental; whoever runs a mirror can do nothing about it.
const flags = ["--disable-warning=ExperimentalWarning"];
const child = spawn(node, [...flags, join(root, "app/node/setup", known[task]), ...rest], { cwd, stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("close", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
