/**
 * Puts Python's shipped files in place: Pyodide, the sources of Kroma's runtime, and a memory snapshot of a started
 * interpreter that has them loaded. The snapshot is made by a child process, because an interpreter of its own would
 * leave marks in this one.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

const FILES = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"];
const RUNTIME = resolve(import.meta.dirname, "../../../kernels/python/python");
const SNAPSHOT_PROGRAM = resolve(import.meta.dirname, "python-snapshot.ts");
/** Files whose change makes an old snapshot useless. */
const MAKERS = [SNAPSHOT_PROGRAM, resolve(import.meta.dirname, "../../../kernels/python/pack.ts")];
/** Characters of a line of an error that is shown. */
const LONGEST_SHOWN = 1000;

/**
 * Fills `<directory>/pyodide`; does nothing that is done already. Throws if a file is missing or the snapshot can't be
 * made.
 */
export async function buildPythonAssets(directory: string, log: (line: string) => void): Promise<void> {
  const target = join(directory, "pyodide");
  await mkdir(target, { recursive: true });
  const source = dirname(createRequire(import.meta.url).resolve("pyodide/package.json"));
  for (const name of FILES) await copyIfOther(join(source, name), join(target, name));
  // What stands for the standard library until it is wanted, where it can't be a data: URL.
  await writeFile(join(target, "empty.zip"), "");

  const bundle = JSON.stringify(await runtimeModules());
  const hash = createHash("sha256").update(bundle);
  for (const path of [...FILES.map((name) => join(target, name)), ...MAKERS]) hash.update(await readFile(path));
  const key = hash.digest("hex");
  await replace(join(target, "kroma_runtime.json"), bundle);

  const keyFile = join(target, "kroma.pack.key");
  const pack = join(target, "kroma.pack");
  const [done, size] = await Promise.all([
    readFile(keyFile, "utf8").catch(() => ""),
    stat(pack).then(
      (found) => found.size,
      () => 0,
    ),
  ]);
  if (done === `${key} ${size}`) return;
  log("Python: making the memory snapshot");
  const begin = performance.now();
  await rm(keyFile, { force: true });
  await makeSnapshot(target, key, log);
  await replace(keyFile, `${key} ${(await stat(pack)).size}`);
  const megabytes = ((await stat(pack)).size / 1e6).toFixed(1);
  log(`Python: snapshot of ${megabytes} MB made in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

async function copyIfOther(from: string, to: string): Promise<void> {
  const [source, target] = await Promise.all([stat(from), stat(to).catch(() => undefined)]);
  if (target && target.size === source.size && (await readFile(from)).equals(await readFile(to))) return;
  await copyFile(from, `${to}.${process.pid}`);
  await rename(`${to}.${process.pid}`, to);
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.${process.pid}`, text);
  await rename(`${path}.${process.pid}`, path);
}

/** The runtime's sources by module name. */
async function runtimeModules(): Promise<Record<string, { source: string; package: boolean }>> {
  const modules: Record<string, { source: string; package: boolean }> = {};
  const entries = await readdir(RUNTIME, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile() && entry.name.endsWith(".py"));
  for (const path of paths.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    const parts = relative(RUNTIME, path).replace(/\.py$/, "").split(/[\\/]/);
    const isPackage = parts.at(-1) === "__init__";
    if (isPackage) parts.pop();
    modules[parts.join(".")] = { source: await readFile(path, "utf8"), package: isPackage };
  }
  return modules;
}

async function makeSnapshot(target: string, key: string, log: (line: string) => void): Promise<void> {
  // The snapshot must be made by an engine that can switch WebAssembly stacks; Node 24 is one.
  const node = Number(process.versions.node.split(".")[0]) >= 24 ? process.execPath : packagedNode();
  const child = spawn(node, ["--no-warnings", SNAPSHOT_PROGRAM, target, key], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stdout.on("data", (data: Buffer) => log(`Python: ${data.toString().trim()}`));
  child.stderr.on("data", (data: Buffer) => (errors += data.toString()));
  const status = await new Promise<number | null>((done, fail) => child.once("close", done).once("error", fail));
  if (status === 0) return;
  // Node shows the line of code at fault, and Pyodide's code is one line.
  const shown = errors.split("\n").filter((line) => line.length < LONGEST_SHOWN);
  throw new Error(`The Python snapshot could not be made (exit status ${status}).\n${shown.join("\n")}`);
}

function packagedNode(): string {
  return join(dirname(createRequire(import.meta.url).resolve("node/package.json")), "bin", "node");
}
