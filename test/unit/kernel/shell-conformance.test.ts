/** The kernels' rules for the Linux shell, in Node's threads. Needs the built Linux image, as `npm test` makes it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeHost } from "#app/node/node-host.ts";
import { shellKernel } from "#kernels/shell/kernel.ts";
import { kernelConformance } from "../../conformance/kernel.ts";
import { shellSamples } from "../../conformance/kernel-samples.ts";

kernelConformance(
  "Linux shell",
  shellKernel,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "kroma-conformance-"));
    const host = await createNodeHost({ folder });
    return {
      host,
      close: async () => {
        await host.close();
        await rm(folder, { recursive: true });
      },
    };
  },
  shellSamples,
);
