/** Lays out the machine's files from unpacked packages: the first file system, the disk, and what each holds of ours. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { configure, type InstalledPackage } from "./configure.ts";
import { cpio } from "./cpio.ts";
import { packageFiles, packageRecord } from "./debian.ts";
import { BUSYBOX_APPLETS, isWanted, MODULES } from "./recipe.ts";
import { squashfs } from "./squashfs.ts";
import { untar } from "./tar.ts";
import { Tree } from "./tree.ts";

/** Debian's merged /usr: these are symbolic links, whatever a package says. */
const MERGED = { bin: "usr/bin", sbin: "usr/sbin", lib: "usr/lib" } as const;

/** Where Debian's Python finds the module `kroma`. */
const PYTHON_MODULE = "usr/lib/python3/dist-packages/kroma";

/** Values are the same files with the same rules in both of the notebook's Pythons, so it is the same source. */
export const VALUES_SOURCE = "../kernels/python/python/_kroma/values.py";

/** A file beside this one. */
export function ownFile(name: string): Promise<Uint8Array> {
  return readFile(new URL(name, import.meta.url));
}

/** The kernel's image and, by name, the modules of the machine. */
export interface KernelParts {
  readonly kernel: Uint8Array;
  readonly modules: readonly (readonly [name: string, data: Uint8Array])[];
}

/** Takes the kernel and the modules named in the recipe, with what they depend on, in loading order. */
export async function kernelParts(packageFile: string): Promise<KernelParts> {
  const tree = new Tree();
  untar(await packageFiles(packageFile), tree, (path) => path.startsWith("boot/vmlinuz-") || path.endsWith(".ko"));
  const available = new Map<string, Uint8Array>();
  let kernel: Uint8Array | undefined;
  for (const [path, entry] of tree.entries()) {
    if (entry.kind !== "file") continue;
    if (path.startsWith("boot/")) kernel = entry.data;
    else available.set(moduleName(path), entry.data);
  }
  if (!kernel) throw new Error("the kernel's package holds no kernel");
  const order = new Map<string, Uint8Array>();
  const add = (name: string) => {
    const data = available.get(name);
    if (order.has(name)) return;
    if (!data) throw new Error(`the kernel's package has no module ${name}`);
    for (const dependency of dependencies(data)) add(dependency);
    order.set(name, data);
  };
  for (const name of MODULES) add(moduleName(name));
  return { kernel, modules: [...order] };
}

function moduleName(path: string): string {
  return path.replace(/^.*\//, "").replace(/\.ko$/, "").replaceAll("-", "_");
}

/** A module says in its .modinfo section what it needs: "depends=a,b". */
function dependencies(module: Uint8Array): string[] {
  const text = Buffer.from(module.buffer, module.byteOffset, module.byteLength);
  const at = text.indexOf("\0depends=");
  if (at < 0) return [];
  const list = text.toString("latin1", at + 9, text.indexOf(0, at + 9));
  return list.split(",").filter(Boolean).map(moduleName);
}

/** The first root file system: busybox, the modules and /init, packed. */
export async function firstFileSystem(parts: KernelParts, busybox: Uint8Array): Promise<Uint8Array> {
  const tree = new Tree();
  tree.set("bin/busybox", { kind: "file", mode: 0o755, data: busybox });
  tree.symlink("bin/sh", "busybox");
  tree.set("init", { kind: "file", mode: 0o755, data: await ownFile("guest/initramfs.sh") });
  for (const [name, data] of parts.modules) tree.set(`modules.d/${name}.ko`, { kind: "file", mode: 0o644, data });
  tree.text("modules", parts.modules.map(([name]) => `${name}.ko\n`).join(""));
  return gzipSync(cpio(tree), { level: 9 });
}

/** The static busybox of its package. */
export async function busyboxOf(packageFile: string): Promise<Uint8Array> {
  const tree = new Tree(MERGED);
  untar(await packageFiles(packageFile), tree, () => true);
  const entry = tree.get("bin/busybox");
  if (entry?.kind !== "file") throw new Error("the busybox package holds no busybox");
  return entry.data;
}

/** A file of the firmware's package. */
export async function firmware(packageFile: string, name: string): Promise<Uint8Array> {
  const tree = new Tree();
  untar(await packageFiles(packageFile), tree, (path) => path === `usr/share/seabios/${name}`);
  const entry = tree.get(`usr/share/seabios/${name}`);
  if (entry?.kind !== "file") throw new Error(`the firmware's package holds no ${name}`);
  return entry.data;
}

/** Directories that no package brings. */
const DIRECTORIES: readonly string[] =
  "dev proc sys run mnt opt srv home var/tmp root workspace etc usr/local/bin usr/local/lib/python3.11/dist-packages".split(
    " ",
  );

/** Unpacks packages into one tree, in their order; tells the paths that came of each. */
async function unpack(
  files: readonly string[],
  wanted: (path: string) => boolean,
): Promise<{ readonly tree: Tree; readonly paths: readonly (readonly string[])[] }> {
  const tree = new Tree(MERGED);
  // Two are unpacked ahead: dpkg-deb works in processes of its own.
  const ahead = files.slice(0, 2).map(packageFiles);
  const paths: string[][] = [];
  for (const index of files.keys()) {
    const archive = await ahead.shift();
    const later = files[index + 2];
    if (later !== undefined) ahead.push(packageFiles(later));
    const own: string[] = [];
    if (archive) untar(archive, tree, (path) => wanted(path) && own.push(path) > 0);
    paths.push(own);
  }
  for (const directory of DIRECTORIES) tree.directory(directory);
  tree.directory("tmp", 0o1777);
  return { tree, paths };
}

/** The disk that the agent is compiled on: the compiler, its headers, and the sources by name. */
export async function compilerDisk(
  files: readonly string[],
  busybox: Uint8Array,
  sources: Readonly<Record<string, Uint8Array>>,
): Promise<Uint8Array> {
  const { tree } = await unpack(files, (path) => !path.startsWith("usr/share/"));
  tree.set("usr/lib/kroma/busybox", { kind: "file", mode: 0o755, data: busybox });
  tree.set("usr/lib/kroma/compile", { kind: "file", mode: 0o755, data: await ownFile("guest/compile.sh") });
  for (const [name, data] of Object.entries(sources)) tree.set(`usr/src/${name}`, { kind: "file", mode: 0o644, data });
  return squashfs(tree);
}

/** The files of the machine's disk: the packages' programs, set up as Debian would, and ours. */
export async function machineTree(
  programs: readonly string[],
  outside: readonly string[],
  busybox: Uint8Array,
  agent: Uint8Array,
): Promise<Tree> {
  const { tree, paths } = await unpack(programs, isWanted);
  const packages: InstalledPackage[] = [];
  for (const [index, file] of programs.entries())
    packages.push({ ...(await packageRecord(file)), files: paths[index] ?? [] });
  const isLicence = (path: string) => /^usr\/share\/doc\/[^/]+\/copyright$/.test(path);
  for (const file of outside) {
    untar(await packageFiles(file), tree, isLicence);
  }
  const own = async (path: string, name: string, mode: number) =>
    tree.set(path, { kind: "file", mode, data: await ownFile(`guest/${name}`) });
  await own("usr/lib/kroma/init", "init.sh", 0o755);
  await own("usr/lib/kroma/shellrc", "shellrc.bash", 0o644);
  await own("usr/lib/kroma/warm", "warm.sh", 0o644);
  await own("usr/lib/kroma/science", "science.sh", 0o755);
  await own("usr/lib/kroma/python.py", "python.py", 0o644);
  tree.symlink("usr/lib/kroma/python", "agent");
  await own("usr/local/bin/apt", "apt.sh", 0o755);
  tree.symlink("usr/local/bin/apt-get", "apt");
  tree.symlink("usr/local/bin/apt-cache", "apt");
  await own("usr/local/bin/man", "man.sh", 0o755);
  await own(`${PYTHON_MODULE}/__init__.py`, "kroma.py", 0o644);
  tree.set(`${PYTHON_MODULE}/_values.py`, { kind: "file", mode: 0o644, data: await ownFile(VALUES_SOURCE) });
  tree.set("usr/lib/kroma/agent", { kind: "file", mode: 0o755, data: agent });
  tree.symlink("usr/bin/kroma", "../lib/kroma/agent");
  tree.set("usr/lib/kroma/busybox", { kind: "file", mode: 0o755, data: busybox });
  tree.symlink("usr/bin/busybox", "../lib/kroma/busybox");
  configure(tree, packages, await Promise.all(outside.map(packageRecord)));
  for (const applet of BUSYBOX_APPLETS) {
    if (!tree.get(`usr/bin/${applet}`) && !tree.get(`usr/sbin/${applet}`)) tree.symlink(`usr/bin/${applet}`, "busybox");
  }
  return tree;
}
