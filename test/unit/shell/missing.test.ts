/** Without a Linux image, or with a damaged one, the shell says why and what to do. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { startLinux } from "./harness.ts";

async function withImage<T>(content: string | undefined, use: (url: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "kroma-image-"));
  if (content !== undefined) await writeFile(join(folder, "manifest.json"), content);
  try {
    return await use(pathToFileURL(join(folder, "/")).href);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.each([
  ["no image", undefined],
  ["a page instead of a manifest", "<!doctype html>"],
  ["a manifest of another format", '{"format":99}'],
])("%s: the kernel dies and says how to build one", async (_, content) => {
  await withImage(content, async (vmImage) => {
    await expect(startLinux({ settings: { vmImage } })).rejects.toThrow(/npm run vm-image/);
  });
});
