/**
 * Compiles the image's Python modules ahead: in the machine that would take minutes, at each start anew. The compiler
 * is the image's own Python (byte code is its version's alone), run here where this computer runs 32-bit x86 programs.
 * Where it does not, modules are compiled as they are first imported, which is slower and otherwise the same.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Tree } from "./tree.ts";

const LOADER = "usr/lib/ld-linux.so.2";
const LIBRARIES = "usr/lib/i386-linux-gnu";
const MODULES = ["usr/lib/python3.11", "usr/lib/python3/dist-packages"];
/** What the compiler needs to run. */
const WANTED =
  /^usr\/(bin\/python3\.11|lib\/ld-linux\.so\.2|lib\/i386-linux-gnu\/(ld-linux|lib(c|m|z|expat|dl|pthread|rt|util))[.-][^/]*|lib\/python3[./].*\.(py|so))$/;
/** Every file of the image has this time, and byte code names the time of its source. */
const EPOCH = 0;

/** Puts byte code beside the tree's Python modules; says why if it cannot. */
export async function compileModules(tree: Tree, log: (line: string) => void): Promise<void> {
  if (process.platform !== "linux" || !["x64", "ia32"].includes(process.arch)) return log(`Byte code: ${SLOWER}`);
  const root = await mkdtemp(join(tmpdir(), "kroma-python-"));
  try {
    const made = new Set<string>();
    for (const [path, entry] of tree.entries()) {
      if (!WANTED.test(path) || entry.kind === "directory") continue;
      const file = join(root, path);
      if (!made.has(dirname(file))) await mkdir(dirname(file), { recursive: true });
      made.add(dirname(file));
      if (entry.kind === "symlink") await symlink(entry.target, file);
      else {
        await writeFile(file, entry.data, { mode: entry.mode });
        await utimes(file, EPOCH, EPOCH);
      }
    }
    const failure = await run(root);
    if (failure) return log(`Byte code: ${SLOWER} (${failure})`);
    for (const folder of MODULES) {
      for (const name of await readdir(join(root, folder), { recursive: true })) {
        if (!name.endsWith(".pyc")) continue;
        tree.set(`${folder}/${name}`, { kind: "file", mode: 0o644, data: await readFile(join(root, folder, name)) });
      }
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const SLOWER = "this computer does not run 32-bit x86 programs, so Python compiles modules when they are first used";

/** Runs the compiler; resolves with why it did not work. */
function run(root: string): Promise<string | undefined> {
  const python = [join(root, "usr/bin/python3.11"), "-S", "-B", "-m", "compileall", "-q"];
  const times = ["--invalidation-mode", "timestamp", "-s", root, "-p", "/"];
  const program = join(root, LOADER);
  const folders = MODULES.map((folder) => join(root, folder));
  const args = ["--library-path", join(root, LIBRARIES), ...python, ...times, ...folders];
  return new Promise((resolve) => {
    const env = { PYTHONHOME: join(root, "usr"), LC_ALL: "C.UTF-8" };
    execFile(program, args, { env, maxBuffer: 1 << 24 }, (error, _stdout, stderr) => {
      // Modules that do not compile (templates, Python 2) are told with status 1 and are no reason to stop.
      const died = error && typeof error.code !== "number" ? error.message : undefined;
      resolve(error && error.code !== 1 ? (died ?? stderr.trim().split("\n").at(-1)) : undefined);
    });
  });
}
