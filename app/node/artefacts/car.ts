/** `kroma car`: blocks in and out of the home folder as CAR files. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { readAddress } from "#core/artefact/address.ts";
import { publishedDirectory } from "#core/artefact/directory.ts";
import { decodeRoot } from "#core/artefact/manifest.ts";
import { KromaError } from "#core/base/errors.ts";
import { exportCar, importCar } from "#core/store/car.ts";
import { blockCid, codecOf } from "#core/store/cid.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { checkWritable } from "../files.ts";
import { counted, readArguments, sizeText } from "./arguments.ts";
import { type Home, openHome } from "./home.ts";
import { nameOf } from "./obtain.ts";
import { writeCarFile } from "./publish-parts.ts";
import { stopOnSignals } from "./stopping.ts";

const USAGE = "car: usage: kroma car import FILE | export CID… [--output FILE.car]";

/** Performs the verb after "car"; the answer is the exit status. */
export async function car(args: readonly string[], terminal: Terminal): Promise<number> {
  const [verb, ...rest] = args;
  if (verb === "import") return importVerb(rest, terminal);
  if (verb === "export") return exportVerb(rest, terminal);
  throw new UsageError(USAGE);
}

/** Every block is checked; the roots are pinned, and said on standard output. */
async function importVerb(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("car import", args, { quiet: { type: "boolean", short: "q" } });
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw new UsageError(USAGE);
  if (file !== "-") await checkReadable(file);
  const stopping = stopOnSignals();
  const home = openHome();
  try {
    const stream = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 2 ** 20 });
    const imported = await home.writing(async () => {
      const came = await importCar(stream as AsyncIterable<Uint8Array>, home.blocks, {
        signal: stopping.signal,
        came: (block) => home.envelopes.notice(block),
      });
      for (const root of came.roots) {
        // One that is pinned keeps its name.
        if (await home.pins.has(root)) continue;
        await home.pins.add(root, (await nameOf(home, root)) ?? `from ${file}`);
      }
      return came;
    });
    const { roots, blocks, bytes } = imported;
    if (values.quiet !== true) terminal.say(`took ${counted(blocks, "block")}, ${sizeText(bytes)}, from ${file}`);
    if (roots.length === 0) terminal.say("the file names no root, so nothing of it is pinned");
    for (const root of roots) terminal.out(`${root}\n`);
    return 0;
  } catch (error) {
    if (error instanceof KromaError) throw new KromaError(error.code, `${file}: ${error.message}`, { cause: error });
    throw error;
  } finally {
    stopping.end();
    home.close();
  }
}

/** Everything below the CIDs, to a file, or to standard output when that is no terminal. */
async function exportVerb(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("car export", args, {
    output: { type: "string", short: "o" },
    quiet: { type: "boolean", short: "q" },
  });
  const roots = positionals.map((text) => {
    const address = readAddress(text);
    if (!address) throw new UsageError(`car export: "${text.slice(0, 100)}" is no CID and no link with one in it`);
    return address.cid;
  });
  if (roots.length === 0) throw new UsageError(USAGE);
  const { output } = values;
  if (output === undefined && process.stdout.isTTY)
    throw new UsageError("car export: a CAR file is not for reading; name one: --output FILE.car");
  if (output !== undefined) await checkWritable(output);
  const stopping = stopOnSignals();
  const home = openHome();
  try {
    const whole = await Promise.all(roots.map((root) => withSignature(root, home)));
    const bytes = exportCar([...new Set(whole.flat())], home.blocks, { signal: stopping.signal });
    if (output === undefined) await writeOut(bytes);
    else {
      await writeCarFile(output, bytes);
      if (values.quiet !== true) terminal.say(`wrote ${output} (${sizeText((await stat(output)).size)})`);
    }
    return 0;
  } finally {
    stopping.end();
    home.close();
  }
}

/** The root of an artefact that was published or taken whole goes with its directory, as `publish --car` writes it. */
async function withSignature(cid: string, home: Home): Promise<readonly string[]> {
  for (const envelope of codecOf(cid) === "dag-cbor" ? await home.envelopes.of(cid) : []) {
    const root = await home.blocks.get(cid);
    if (!root) break;
    // The list outlives what garbage took.
    if (!(await home.blocks.has(envelope))) continue;
    const { files } = decodeRoot(root);
    const directory = await publishedDirectory({ files, root: cid, envelope }, home.blocks, { put: blockCid });
    if (await home.blocks.has(directory)) return [cid, directory];
  }
  return [cid];
}

async function writeOut(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of bytes)
    await new Promise<void>((resolve, reject) =>
      process.stdout.write(piece, (error) => (error ? reject(error) : resolve())),
    );
}

async function checkReadable(file: string): Promise<void> {
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file}: ${error.code === "ENOENT" ? "no such file or directory" : error.message}`);
  });
  if (!found.isFile()) throw new UsageError(`${file}: is no file`);
}
