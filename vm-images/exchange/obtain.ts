/**
 * Takes a Linux image that was built elsewhere, so that a machine without Debian's tools has the shell too: from a
 * folder, a CAR file, a folder on the web (a mirror), or by CID from an IPFS gateway. Every part is checked against the
 * manifest, and what came by CID against the CID; a mirror's manifest is believed as much as the mirror is.
 */
import { createHash } from "node:crypto";
import { createWriteStream, existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { inflateRawSync } from "node:zlib";
import { CID } from "multiformats/cid";
import { KromaError } from "#core/base/errors.ts";
import { type FoundPart, partsOf, readManifest } from "#kernels/shell/image.ts";
import { openCar } from "./car.ts";

/** Most bytes of a manifest, of one part, and of a whole image. */
const [MANIFEST, PART, IMAGE] = [4 * 1024 * 1024, 512 * 1024 * 1024, 2 * 1024 * 1024 * 1024];
/** Parts that are fetched at the same time. */
const AT_ONCE = 8;

export interface ObtainOptions {
  /** Kroma's cache folder; the image goes to its "vm". */
  readonly cache: string;
  /** A folder, a .car file, a http(s) address of a folder, or a CID ("bafy…", "ipfs://bafy…"). */
  readonly source: string;
  /** Gateways that are asked for a CID, in order: addresses before "/ipfs/CID". */
  readonly gateways: readonly string[];
  readonly log: (line: string) => void;
}

/** Takes an image into the cache, unless it is there; resolves with its folder. Nothing is left of a failed try. */
export async function obtainImage(options: ObtainOptions): Promise<string> {
  const { cache, log } = options;
  const work = join(cache, "vm", `.taken-${process.pid}-${Date.now()}`);
  await mkdir(work, { recursive: true });
  try {
    const from = await open(options, work);
    try {
      if (!(await from.take("manifest.json", join(work, "manifest.json"), MANIFEST)))
        throw new KromaError("missing", `${options.source} is no Linux image: it has no manifest.json`);
      const manifest = readManifest(await readFile(join(work, "manifest.json"), "utf8"));
      if (!/^[0-9a-z]{8,64}$/.test(manifest.recipe))
        throw new KromaError("corrupt", `The Linux image has the strange name "${manifest.recipe.slice(0, 40)}"`);
      const folder = join(cache, "vm", manifest.recipe);
      if (existsSync(join(folder, "manifest.json"))) return folder;
      await takeParts(partsOf(manifest), from, work, log);
      await rm(join(work, CAR), { force: true });
      await rename(work, folder);
      log(`The Linux image is ready: ${folder}`);
      return folder;
    } finally {
      await from.close();
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Source {
  /** Copies a file to `target`; false if there is none. */
  take(name: string, target: string, limit: number): Promise<boolean>;
  close(): Promise<void>;
}

const CAR = "image.car";
const nothing = async (): Promise<void> => undefined;

async function open({ source, gateways, log }: ObtainOptions, work: string): Promise<Source> {
  if (/^https?:\/\//.test(source)) {
    const base = source.endsWith("/") ? source : `${source}/`;
    log(`Taking the Linux image from ${base}`);
    return { take: (name, target, limit) => download(new URL(name, base), target, limit), close: nothing };
  }
  const cid = cidOf(source);
  if (cid) {
    const file = join(work, CAR);
    await fromGateways(cid, gateways, file, log);
    return fromCar(file, cid);
  }
  const path = resolve(source);
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new KromaError("missing", `There is no ${path}`);
  if (found.isFile()) return fromCar(path, undefined);
  return {
    take: (name, target) =>
      copyFile(join(path, name), target).then(
        () => true,
        () => false,
      ),
    close: nothing,
  };
}

async function fromCar(file: string, wanted: CID | undefined): Promise<Source> {
  const car = await openCar(file, wanted);
  return { take: (name, target, limit) => car.extract(name, target, limit), close: () => car.close() };
}

function cidOf(source: string): CID | undefined {
  try {
    return CID.parse(source.replace(/^ipfs:\/\//, "").replace(/\/$/, ""));
  } catch {
    return undefined;
  }
}

async function fromGateways(
  cid: CID,
  gateways: readonly string[],
  file: string,
  log: (line: string) => void,
): Promise<void> {
  const troubles: string[] = [];
  for (const gateway of gateways) {
    // https://specs.ipfs.tech/http-gateways/trustless-gateway/
    const url = new URL(
      `ipfs/${cid.toString()}?format=car&dag-scope=all`,
      gateway.endsWith("/") ? gateway : `${gateway}/`,
    );
    log(`Asking ${url.host} for ${cid.toString()}`);
    try {
      if (await download(url, file, IMAGE)) return;
      troubles.push(`${url.host} does not have it`);
    } catch (error) {
      troubles.push(`${url.host}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new KromaError(
    "unavailable",
    gateways.length === 0
      ? "There is no IPFS gateway in the settings (KROMA_GATEWAYS)."
      : `No gateway gave ${cid.toString()}: ${troubles.join("; ")}`,
  );
}

async function download(url: URL, target: string, limit: number): Promise<boolean> {
  let response: Response;
  try {
    response = await fetch(url, { headers: { accept: "application/vnd.ipld.car, */*" } });
  } catch (error) {
    throw new KromaError("unavailable", `cannot reach ${url.host}`, { cause: error });
  }
  if (response.status === 404 || response.status === 410) return false;
  if (!response.ok || !response.body) throw new KromaError("unavailable", `${url.host} answered ${response.status}`);
  let size = 0;
  const count = new Transform({
    transform(piece: Buffer, _encoding, done) {
      size += piece.length;
      if (size > limit) done(new KromaError("corrupt", `${url.pathname} is longer than it should be`));
      else done(undefined, piece);
    },
  });
  await pipeline(Readable.fromWeb(response.body as never), count, createWriteStream(target));
  return true;
}

async function takeParts(
  parts: readonly FoundPart[],
  from: Source,
  work: string,
  log: (line: string) => void,
): Promise<void> {
  const total = parts.reduce((sum, part) => sum + part.size, 0);
  if (total > IMAGE) throw new KromaError("exhausted", `The Linux image has ${total} bytes; ${IMAGE} is the most`);
  const waiting = [...parts];
  let taken = 0;
  let told = 0;
  const takeNext = async (): Promise<void> => {
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const target = join(work, part.file);
      await mkdir(dirname(target), { recursive: true });
      if (!(await from.take(part.file, target, PART)))
        throw new KromaError("missing", `The Linux image lacks its part ${part.file}`);
      await check(target, part);
      taken += part.size;
      if (Math.floor((taken / total) * 10) <= told) continue;
      told = Math.floor((taken / total) * 10);
      log(`Took ${told * 10} % of the Linux image`);
    }
  };
  const ends = await Promise.allSettled(
    Array.from({ length: AT_ONCE }, () =>
      takeNext().catch((error: unknown) => {
        waiting.length = 0;
        throw error;
      }),
    ),
  );
  // Only now does nobody write to the folder any more.
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}

async function check(file: string, part: FoundPart): Promise<void> {
  let bytes: Uint8Array = await readFile(file);
  if (part.deflated) {
    try {
      bytes = inflateRawSync(bytes, { maxOutputLength: part.size + 1 });
    } catch (error) {
      throw new KromaError("corrupt", `${part.file} of the Linux image is damaged`, { cause: error });
    }
  }
  const sum = createHash("sha256").update(bytes).digest("hex");
  if (bytes.length !== part.size || sum !== part.sha256)
    throw new KromaError("corrupt", `${part.file} of the Linux image is damaged (SHA-256 ${sum})`);
}

/** Where the cache keeps which folder a source became, so that it is taken once. */
function recordOf(cache: string, source: string): string {
  return join(cache, "vm", "sources", createHash("sha256").update(source).digest("hex").slice(0, 16));
}

/** The folder that this source has become, if it was taken before. */
export async function takenFrom(cache: string, source: string): Promise<string | undefined> {
  const name = await readFile(recordOf(cache, source), "utf8").catch(() => undefined);
  if (name === undefined) return undefined;
  const folder = join(cache, "vm", name);
  return existsSync(join(folder, "manifest.json")) ? folder : undefined;
}

/** Remembers what `takenFrom` tells. */
export async function rememberTaken(cache: string, source: string, recipe: string): Promise<void> {
  const record = recordOf(cache, source);
  await mkdir(dirname(record), { recursive: true });
  await writeFile(record, recipe);
}
