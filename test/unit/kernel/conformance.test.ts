/** The kernels' rules, in Node's threads. The same suite runs in a browser's workers. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeHost } from "#app/node/node-host.ts";
import { pythonKernel } from "#kernels/python/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { kernelConformance } from "../../conformance/kernel.ts";
import { pythonSamples, typescriptSamples } from "../../conformance/kernel-samples.ts";

async function makeHost() {
  const folder = await mkdtemp(join(tmpdir(), "kroma-conformance-"));
  const host = await createNodeHost({ folder });
  return {
    host,
    close: async () => {
      await host.close();
      await rm(folder, { recursive: true });
    },
  };
}

kernelConformance("Python", pythonKernel, makeHost, pythonSamples);
kernelConformance("TypeScript", typescriptKernel, makeHost, typescriptSamples);
