/**
 * Bundles the npm modules that cells can import without a network: Observable Plot, d3 with each of its parts, Apache
 * Arrow and jax-js. What they share (d3, above all) is in shared chunks, so that Plot and a cell's d3 are one and the same.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { build } from "vite";

/** As npm/index.json says it; kernels/typescript/resolver.ts reads it. */
interface Shipped {
  readonly version: string;
  readonly file: string;
  readonly integrity: string;
  readonly dom?: true;
}

const root = resolve(import.meta.dirname, "../../..");
const PACKAGES = ["@observablehq/plot", "d3", "apache-arrow", "@jax-js/jax"];
/** Packages that draw: the kernel makes a document before it loads them. */
const DRAWING = /^(?:@observablehq\/plot|d3|d3-(?:selection|axis|brush|drag|zoom|transition))$/;
const SHARED = /node_modules\/(?:d3(?:-[a-z-]+)?|internmap|delaunator|robust-predicates|isoformat|interval-tree-1d)\//;

interface PackageFile {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

async function packageFile(name: string): Promise<PackageFile> {
  return JSON.parse(await readFile(join(root, "node_modules", name, "package.json"), "utf8")) as PackageFile;
}

/** All names that are shipped, with their installed versions. */
async function shippedVersions(): Promise<ReadonlyMap<string, string>> {
  const parts = Object.keys((await packageFile("d3")).dependencies ?? {}).filter((name) => name.startsWith("d3-"));
  const names = [...PACKAGES, ...parts].sort();
  return new Map(await Promise.all(names.map(async (name) => [name, (await packageFile(name)).version] as const)));
}

const fileName = (name: string) => name.replace("@", "").replace("/", "-");

/** Fills `<directory>/npm`, with an index.json of names, versions and integrity; does nothing if it is up to date. */
export async function buildNpmAssets(directory: string, log: (line: string) => void): Promise<void> {
  const versions = await shippedVersions();
  const target = join(directory, "npm");
  const key = createHash("sha256").update(JSON.stringify([...versions]));
  key.update(await readFile(import.meta.filename));
  const stamp = key.digest("hex");
  if ((await readFile(join(target, "stamp"), "utf8").catch(() => "")) === stamp) return;

  log(`npm modules: bundling ${PACKAGES.join(", ")}`);
  const fresh = `${target}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true });
  await bundle(new Map([...versions.keys()].map((name) => [fileName(name), name])), fresh);
  const index: Record<string, Shipped> = {};
  for (const [name, version] of versions) {
    const file = `${fileName(name)}.js`;
    const bytes = await readFile(join(fresh, file));
    const integrity = `sha256-${createHash("sha256").update(bytes).digest("base64")}`;
    index[name] = { version, file, integrity, ...(DRAWING.test(name) ? { dom: true } : {}) };
  }
  await writeFile(join(fresh, "index.json"), `${JSON.stringify(index, undefined, 1)}\n`);
  await writeFile(join(fresh, "stamp"), stamp);
  await rm(target, { recursive: true, force: true });
  await rename(fresh, target);
}

/** `entries`: the file's name without ".js", and the package it holds. */
async function bundle(entries: ReadonlyMap<string, string>, outDir: string): Promise<void> {
  const prefix = "kroma-npm:";
  await build({
    configFile: false,
    root,
    logLevel: "error",
    publicDir: false,
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [
      {
        name: "kroma-npm-entries",
        resolveId: (id) => (id.startsWith(prefix) ? `\0${id}` : undefined),
        load: (id) =>
          id.startsWith(`\0${prefix}`) ? `export * from ${JSON.stringify(id.slice(prefix.length + 1))};` : undefined,
      },
    ],
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2023",
      modulePreload: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 4096,
      rolldownOptions: {
        input: Object.fromEntries([...entries].map(([file, name]) => [file, prefix + name])),
        preserveEntrySignatures: "strict",
        output: {
          format: "es",
          entryFileNames: "[name].js",
          chunkFileNames: "shared-[name].js",
          codeSplitting: { groups: [{ name: "d3", test: SHARED }] },
        },
      },
    },
  });
}
