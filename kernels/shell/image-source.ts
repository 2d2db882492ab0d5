/**
 * Where the files of a Linux image come from: a folder of the page's host, or blocks named by a CID that any gateway may have.
 * What comes is checked by whoever reads it (image.ts); blocks are checked against the CID before that.
 */
import * as v from "valibot";
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
  if (settings.vmImageCid === undefined) return hostedImage(settings.vmImage ?? new URL("vm/", assets).href);
  // Most never need what reads blocks.
  const { publishedImage } = await import("./image-blocks.ts");
  return publishedImage(settings.vmImageCid, settings.gateways ?? []);
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
