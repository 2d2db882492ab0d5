/** Where the Linux image is. It may still be being built, so it is looked for each time it is wanted. */
import { findImage } from "#vm-images/exchange/ensure.ts";
import { cacheFolder } from "./paths.ts";

/** The folder of the image in use, or undefined. */
export function findVmImage(): Promise<string | undefined> {
  return findImage(cacheFolder());
}
