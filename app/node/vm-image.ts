/** Where the Linux image is. It may still be being built, so it is looked for each time it is wanted. */
import { findImage } from "#vm-images/exchange/ensure.ts";
import { makingStage } from "#vm-images/exchange/making.ts";
import { cacheFolder } from "./paths.ts";

/** The folder of the image in use, or undefined. */
export function findVmImage(): Promise<string | undefined> {
  return findImage(cacheFolder());
}

/** What is being done to make it, while it is being made. */
export function vmImageStage(): Promise<string | undefined> {
  return makingStage(cacheFolder());
}
