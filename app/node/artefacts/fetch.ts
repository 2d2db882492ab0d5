/** `kroma fetch`: an artefact from others into the home folder, and its files into a folder if one is named. */
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { OpenedArtefact } from "#core/artefact/open.ts";
import { checkPaths } from "#core/artefact/paths.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { counted, oneAddress, readArguments, sizeText } from "./arguments.ts";
import { openHome } from "./home.ts";
import { introduce, obtain } from "./obtain.ts";
import { stopOnSignals } from "./stopping.ts";

/** Fetches it; the answer is the exit status. The root's CID is the last line of standard output. */
export async function fetchVerb(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("fetch", args, {
    output: { type: "string", short: "o" },
    from: { type: "string", multiple: true },
    quiet: { type: "boolean", short: "q" },
  });
  const address = oneAddress("fetch", positionals);
  if (values.output !== undefined) await checkEmpty(values.output);
  const quiet = values.quiet === true;
  const stopping = stopOnSignals();
  const home = openHome();
  try {
    const { artefact, directory } = await obtain(home, address, terminal, {
      from: values.from ?? [],
      quiet,
      signal: stopping.signal,
    });
    if (!quiet) {
      introduce(artefact, terminal);
      if (directory !== undefined) terminal.say(`directory, for gateways and pins: ${directory}`);
    }
    if (values.output !== undefined) {
      const { files, bytes } = await extract(artefact, values.output, "", stopping.signal);
      if (!quiet) terminal.say(`wrote ${counted(files, "file")}, ${sizeText(bytes)}, to ${values.output}`);
    }
    terminal.out(`${artefact.root}\n`);
    return 0;
  } finally {
    stopping.end();
    home.close();
  }
}

/**
 * Writes the files of an artefact below a folder: those whose path starts with `below`, without it. Each is there whole or not
 * at all. Paths were checked when they were read; they lead nowhere else.
 */
export async function extract(
  { files }: OpenedArtefact,
  folder: string,
  below: string,
  signal?: AbortSignal,
): Promise<{ readonly files: number; readonly bytes: number }> {
  const options = signal ? { signal } : {};
  const all = (await files.list(options)).filter(({ path }) => path.startsWith(below));
  checkPaths(all.map(({ path }) => path));
  let bytes = 0;
  await mkdir(folder, { recursive: true });
  for (const { path } of all) {
    const target = join(folder, path.slice(below.length));
    await mkdir(dirname(target), { recursive: true });
    const beside = `${target}.part`;
    try {
      const out = createWriteStream(beside, { flags: "wx" });
      await pipeline(Readable.from(files.read(path, options)), out);
      bytes += out.bytesWritten;
      await rename(beside, target);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  }
  return { files: all.length, bytes };
}

/** Nothing of a person's own is written over. */
async function checkEmpty(folder: string): Promise<void> {
  const found = await readdir(resolve(folder)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new UsageError(`${folder}: ${error.code === "ENOTDIR" ? "is not a directory" : error.message}`);
  });
  if (found.length > 0) throw new UsageError(`${folder}: is not empty; name a folder that is new or empty`);
}
