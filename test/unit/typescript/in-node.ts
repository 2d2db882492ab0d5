/** A TypeScript kernel in a real thread of Node over a real folder, for the tests of this area. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildNpmAssets } from "#app/node/setup/npm-assets.ts";
import { createNodeHost } from "#app/node/node-host.ts";
import type { KernelSettings } from "#core/kernel/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { KernelDriver } from "./kernel-driver.ts";

export interface InNode {
  readonly kernel: KernelDriver;
  readonly folder: string;
  close(): Promise<void>;
}

/** Starts one; `npm` bundles the shipped modules first. */
export async function startInNode(
  options: { readonly npm?: boolean; readonly settings?: Partial<KernelSettings>; readonly foreign?: boolean } = {},
): Promise<InNode> {
  const folder = await mkdtemp(join(tmpdir(), "kroma-typescript-"));
  const assets = join(tmpdir(), "kroma-typescript-assets");
  if (options.npm) await buildNpmAssets(assets, () => undefined);
  const host = await createNodeHost({
    folder,
    assets,
    foreign: options.foreign ?? false,
    settings: { ...options.settings },
  });
  const kernel = await KernelDriver.start(typescriptKernel, host);
  return {
    kernel,
    folder,
    async close() {
      kernel.close();
      await host.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
