/**
 * Where the files of a Linux image come from: a folder of the page's host, or blocks named by a CID that any gateway may
 * have; a copy of Kroma that was published with a notebook has a note of that CID beside it.
 * What comes is checked by whoever reads it (image.ts); blocks are checked against the CID before that.
 */
import * as v from "valibot";
import { readAddress } from "#core/artefact/address.ts";
import { type LinuxNote, readLinuxNote } from "#core/artefact/linux-note.ts";
import { LINUX_FOLDER } from "#core/artefact/places.ts";
import { KromaError } from "#core/base/errors.ts";
import type { KernelSettings } from "#core/kernel/kernel.ts";
import { keptBytes } from "./image-cache.ts";

/** How to get the image, told to whoever lacks it. */
export const HOW_TO_BUILD =
  "Build it with `npm run vm-image` (needs Debian's apt), take one with `kroma vm import`, or name one by its CID in Settings; then restart the shell.";

export interface ImageSource {
  /** Under which this browser keeps the manifest. */
  readonly keptAs: string;
  /** The text of manifest.json; `onMaking` hears what the host is doing while it makes the image. */
  manifest(onMaking: (stage: string) => void): Promise<string>;
  /** A file beside it, as it comes. */
  read(file: string): AsyncIterable<Uint8Array>;
}

/** The image that the settings name: by a CID, or the one of the page's host. */
export async function imageSource(settings: KernelSettings, assets: string): Promise<ImageSource> {
  const { gateways = [], vmImageNotes = [] } = settings;
  if (settings.vmImageCid !== undefined) return imageByCid(settings.vmImageCid, gateways);
  const hosted = hostedImage(settings.vmImage ?? new URL("vm/", assets).href);
  return vmImageNotes.length === 0 ? hosted : orNoted(hosted, vmImageNotes, gateways);
}

// Most never need what reads blocks.
const imageByCid = async (cid: string, gateways: readonly string[]): Promise<ImageSource> =>
  (await import("./image-blocks.ts")).publishedImage(cid, gateways);

/**
 * The image of the host, or else the one that a note beside this copy of Kroma names: the one in the folder beside the note, or its
 * blocks, from the gateway that the note itself came from and then from the others.
 */
export function orNoted(hosted: ImageSource, notes: readonly string[], gateways: readonly string[]): ImageSource {
  let chosen: ImageSource | undefined;
  const choose = async (onMaking: (stage: string) => void): Promise<string> => {
    let failure: unknown;
    for await (const image of candidates(hosted, notes, gateways)) {
      try {
        const text = await image.manifest(onMaking);
        chosen = image;
        return text;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
  return {
    keptAs: hosted.keptAs,
    manifest: choose,
    async *read(file) {
      if (!chosen) await choose(() => undefined);
      yield* (chosen ?? hosted).read(file);
    },
  };
}

async function* candidates(
  hosted: ImageSource,
  notes: readonly string[],
  gateways: readonly string[],
): AsyncGenerator<ImageSource> {
  yield hosted;
  for (const address of notes) {
    const note = await fetchNote(address);
    if (!note) continue;
    if (note.isAlong) yield hostedImage(new URL(`${LINUX_FOLDER}/`, address).href);
    const own = readAddress(address)?.from ?? [];
    yield await imageByCid(note.image, [...new Set([...own, ...gateways])]);
    return;
  }
}

/** The note at that address, where there is one. */
async function fetchNote(address: string): Promise<LinuxNote | undefined> {
  try {
    const response = await fetch(address);
    return response.ok ? readLinuxNote(await response.text()) : undefined;
  } catch {
    // No such file, no network, or something else under its name.
    return undefined;
  }
}

/** How often a host is asked that is making the image, in milliseconds. */
const ASK_AGAIN = 1000;
const stageSchema = v.object({ stage: v.pipe(v.string(), v.maxLength(1000)) });

/**
 * The image in the folder at `url` (ending in "/"); without network its manifest is that of the last visit. Waits while the
 * host says that it is making one (status 503 and `{ stage }`).
 */
export function hostedImage(url: string): ImageSource {
  const keptAs = `manifest?${encodeURIComponent(url)}`;
  return {
    keptAs,
    async manifest(onMaking) {
      for (;;) {
        try {
          const response = await fetch(new URL("manifest.json", url)).catch(async (error: unknown) => {
            const bytes = await keptBytes(keptAs);
            if (!bytes) throw error;
            return new Response(bytes);
          });
          const making = response.status === 503 ? v.safeParse(stageSchema, await response.json()) : undefined;
          if (making?.success) {
            onMaking(making.output.stage);
            await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
            continue;
          }
          if (!response.ok) throw new Error(`status ${response.status}`);
          return await response.text();
        } catch {
          throw new KromaError("missing", `There is no Linux image. ${HOW_TO_BUILD}`);
        }
      }
    },
    async *read(file) {
      let response: Response;
      try {
        response = await fetch(new URL(file, url));
      } catch (error) {
        throw new KromaError("unavailable", `cannot fetch ${file} of the Linux image`, { cause: error });
      }
      if (!response.ok)
        throw new KromaError("unavailable", `cannot fetch ${file} of the Linux image (status ${response.status})`);
      for (const reader = response.body?.getReader(); reader;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    },
  };
}
