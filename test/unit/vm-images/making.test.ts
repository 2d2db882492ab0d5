/** While an image is made, others hear how far it is, and a shell that starts meanwhile waits for it. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createSiteHandler } from "#app/node/site-handler.ts";
import { loadManifest } from "#kernels/shell/image.ts";
import { hostedImage } from "#kernels/shell/image-source.ts";
import { makingStage, whileMaking } from "#vm-images/exchange/making.ts";

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "kroma-making-"));
});
afterEach(() => rm(cache, { recursive: true }));

it("is told while it lasts, however it ends, and not by a process that is gone", async () => {
  expect(await makingStage(cache)).toBeUndefined();
  const told: string[] = [];
  const work = whileMaking(
    cache,
    (line) => told.push(line),
    async (log) => {
      log("Writing the disk");
      await expect.poll(() => makingStage(cache)).toBe("Writing the disk");
      throw new Error("no room");
    },
  );
  await expect(work).rejects.toThrow("no room");
  expect(told).toEqual(["Writing the disk"]);
  expect(await makingStage(cache)).toBeUndefined();
  const gone = spawnSync(process.execPath, ["-e", ""]);
  await writeFile(join(cache, "vm/.making"), JSON.stringify({ process: gone.pid, stage: "Writing the disk" }));
  expect(await makingStage(cache)).toBeUndefined();
  await writeFile(join(cache, "vm/.making"), "{");
  expect(await makingStage(cache)).toBeUndefined();
});

it("keeps the shell waiting until it is there, or until nobody makes it any more", async () => {
  let image: string | undefined;
  const handler = createSiteHandler({
    site: cache,
    vmImage: () => Promise.resolve(image),
    vmImageStage: () => makingStage(cache),
    anyHost: false,
  });
  const server = createServer(handler).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/assets/vm/`;
  const stages: string[] = [];
  try {
    await whileMaking(
      cache,
      () => undefined,
      async (log) => {
        log("Packing");
        await expect.poll(() => makingStage(cache)).toBe("Packing");
        const waiting = loadManifest(hostedImage(url), (stage) => stages.push(stage));
        await expect.poll(() => stages).toContain("Packing");
        await writeFile(join(cache, "manifest.json"), '{"format":99}');
        image = cache;
        // It has been read: what it says is of no format we know.
        await expect(waiting).rejects.toThrow("unknown format");
        image = undefined;
        const other = loadManifest(hostedImage(url), (stage) => stages.push(`again: ${stage}`));
        await expect.poll(() => stages).toContain("again: Packing");
        void other.catch((error: unknown) => stages.push(String(error)));
      },
    );
    await expect.poll(() => stages.at(-1)).toContain("There is no Linux image");
  } finally {
    server.close().closeAllConnections();
  }
});
