/**
 * The image that this machine uses: the one that KROMA_VM_IMAGE names, taken from where it is, or the one that the recipe
 * makes here. Everything that needs the shell in Node asks here.
 */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { buildImage, findImage as findBuilt } from "../build.ts";
import { whileMaking } from "./making.ts";
import { obtainImage, rememberTaken, takenFrom } from "./obtain.ts";

/** Which image is wanted, and who is asked for one that goes by CID. */
export interface ImageSettings {
  /** A folder, a .car file, a http(s) address, a CID, or the name of an image in the cache; absent: what the recipe makes. */
  readonly source?: string;
  readonly gateways: readonly string[];
}

/** Asked when nobody has said otherwise: it serves blocks and CAR files only, which are checked here. */
const GATEWAYS: readonly string[] = ["https://trustless-gateway.link/"];

/** The environment's word: KROMA_VM_IMAGE, and KROMA_GATEWAYS (addresses separated by white space; empty: none). */
export function imageSettings(environment: NodeJS.ProcessEnv = process.env): ImageSettings {
  const source = environment["KROMA_VM_IMAGE"];
  const gateways = environment["KROMA_GATEWAYS"]?.split(/\s+/).filter((address) => address !== "") ?? GATEWAYS;
  return { gateways, ...(source === undefined || source === "" ? {} : { source }) };
}

/** The folder of the image in use, if it is here. */
export async function findImage(cache: string, settings: ImageSettings = imageSettings()): Promise<string | undefined> {
  if (settings.source === undefined) return findBuilt(cache);
  const folder = [join(cache, "vm", settings.source), resolve(settings.source)].find((path) =>
    existsSync(join(path, "manifest.json")),
  );
  return folder ?? takenFrom(cache, settings.source);
}

/** Takes or builds the image in use unless it is here; resolves with its folder. */
export async function ensureImage(
  options: { readonly cache: string; readonly log: (line: string) => void; readonly update?: boolean },
  settings: ImageSettings = imageSettings(),
): Promise<string> {
  const { source, gateways } = settings;
  const { cache } = options;
  const present = options.update === true ? undefined : await findImage(cache, settings);
  if (present !== undefined) return present;
  return whileMaking(cache, options.log, async (log) => {
    if (source === undefined) return buildImage({ ...options, log });
    const folder = await obtainImage({ cache, log, source, gateways });
    await rememberTaken(cache, source, basename(folder));
    return folder;
  });
}
