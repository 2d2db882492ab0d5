/** The kernels' rules and the shell's own cases, in Node's threads. Needs the built Linux image, as `npm test` makes it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeHost } from "#app/node/node-host.ts";
import { shellKernel } from "#kernels/shell/kernel.ts";
import { kernelConformance } from "../../conformance/kernel.ts";
import { shellSamples } from "../../conformance/kernel-samples.ts";
import { shellConformance } from "../../conformance/shell.ts";
import { startLinux } from "../shell/harness.ts";

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

shellConformance("Linux shell", () => startLinux());
