/** `kroma vm`: the Linux images of this machine, and a terminal on one. */
import { existsSync } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ImageManifest } from "#kernels/shell/image.ts";
import { partsOf, readManifest } from "#kernels/shell/image.ts";
import { writeCar } from "#vm-images/exchange/car.ts";
import { ensureImage, findImage, imageSettings } from "#vm-images/exchange/ensure.ts";
import { obtainImage } from "#vm-images/exchange/obtain.ts";
import { type Terminal, UsageError } from "./cli-error.ts";
import { checkWritable } from "./files.ts";
import { cacheFolder } from "./paths.ts";

const USAGE =
  "vm: usage: kroma vm build [--update] | list | export [IMAGE] --output FILE.car | import SOURCE | shell [FOLDER]";

/** Performs the verb after "vm"; the answer is the exit status. */
export async function vm(args: readonly string[], terminal: Terminal): Promise<number> {
  const [verb, ...rest] = args;
  switch (verb) {
    case "build":
      return build(rest, terminal);
    case "list":
      return list(rest, terminal);
    case "export":
      return exportImage(rest, terminal);
    case "import":
      return importImage(rest, terminal);
    case "shell": {
      const [folder = ".", ...more] = plain(rest);
      if (more.length > 0) throw new UsageError(USAGE);
      const { vmShell } = await import("./vm-shell.ts");
      return vmShell(resolve(folder), terminal);
    }
    default:
      throw new UsageError(USAGE);
  }
}

function read<const T extends NonNullable<Parameters<typeof parseArgs>[0]>["options"]>(
  args: readonly string[],
  options: T,
): {
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
} {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options: options ?? {}, allowPositionals: true });
    return { values: values as Record<string, string | boolean | undefined>, positionals };
  } catch (error) {
    throw new UsageError(`vm: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const plain = (args: readonly string[]): readonly string[] => read(args, {}).positionals;

async function build(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = read(args, { update: { type: "boolean" } });
  if (positionals.length > 0) throw new UsageError(USAGE);
  const update = values["update"] === true;
  terminal.out(`${await ensureImage({ cache: cacheFolder(), log: (line) => terminal.say(line), update })}\n`);
  return 0;
}

async function list(args: readonly string[], terminal: Terminal): Promise<number> {
  if (plain(args).length > 0) throw new UsageError(USAGE);
  const used = await findImage(cacheFolder());
  const folders = await images();
  if (used !== undefined && !folders.includes(used)) folders.unshift(used);
  if (folders.length === 0) terminal.say("there is no Linux image here; `kroma vm build` makes one");
  for (const folder of folders) terminal.out(`${await described(folder)}${folder === used ? "  in use" : ""}\n`);
  return 0;
}

async function exportImage(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = read(args, { output: { type: "string", short: "o" } });
  const output = values["output"];
  if (positionals.length > 1 || typeof output !== "string") throw new UsageError(USAGE);
  await checkWritable(output);
  const [name] = positionals;
  const settings = name === undefined ? imageSettings() : { ...imageSettings(), source: name };
  const folder = await findImage(cacheFolder(), settings);
  if (folder === undefined)
    throw new UsageError(
      `vm: there is no Linux image ${name === undefined ? "here" : `"${name}"`}; see: kroma vm list`,
    );
  const names = ["manifest.json", ...partsOf(await manifestOf(folder)).map((part) => part.file)];
  const root = await writeCar(folder, names, output);
  terminal.say(`wrote ${output} (${((await stat(output)).size / 1e6).toFixed(0)} MB)`);
  terminal.out(`${root.toString()}\n`);
  return 0;
}

async function importImage(args: readonly string[], terminal: Terminal): Promise<number> {
  const [source, ...more] = plain(args);
  if (source === undefined || more.length > 0) throw new UsageError(USAGE);
  const log = (line: string) => terminal.say(line);
  const folder = await obtainImage({ cache: cacheFolder(), source, gateways: imageSettings().gateways, log });
  const { recipe } = await manifestOf(folder);
  if ((await findImage(cacheFolder())) !== folder)
    terminal.say(`it is not the image that this Kroma would make: set KROMA_VM_IMAGE=${recipe} to use it`);
  terminal.out(`${recipe}\n`);
  return 0;
}

async function described(folder: string): Promise<string> {
  let manifest: ImageManifest;
  try {
    manifest = await manifestOf(folder);
  } catch {
    return `${basename(folder)}  of another version of Kroma`;
  }
  const date = (await stat(join(folder, "manifest.json"))).mtime.toISOString().slice(0, 10);
  const size = await sizeOf(folder, manifest);
  return `${manifest.recipe}  ${(size / 1e6).toFixed(0)} MB  ${date}  ${manifest.packages.length} packages`;
}

/** The folders of all whole images in the cache. */
async function images(): Promise<string[]> {
  const vmFolder = join(cacheFolder(), "vm");
  const names = await readdir(vmFolder).catch(() => []);
  return names
    .filter((name) => !name.includes("."))
    .sort()
    .map((name) => join(vmFolder, name))
    .filter((folder) => existsSync(join(folder, "manifest.json")));
}

async function manifestOf(folder: string): Promise<ImageManifest> {
  return readManifest(await readFile(join(folder, "manifest.json"), "utf8"));
}

/** Bytes that the image's files take. */
async function sizeOf(folder: string, manifest: ImageManifest): Promise<number> {
  const sizes = partsOf(manifest).map(
    async (part) => (await stat(join(folder, part.file)).catch(() => undefined))?.size,
  );
  return (await Promise.all(sizes)).reduce<number>((sum, size) => sum + (size ?? 0), 0);
}
