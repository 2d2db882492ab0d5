/** The kernels' rules, for SQL in a thread of Node. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeHost } from "#app/node/node-host.ts";
import { sqlKernel } from "#kernels/sql/kernel.ts";
import { kernelConformance } from "../../conformance/kernel.ts";
import { sqlSamples } from "../../conformance/kernel-samples.ts";

async function makeHost() {
  const folder = await mkdtemp(join(tmpdir(), "kroma-sql-conformance-"));
  const host = await createNodeHost({ folder });
  return {
    host,
    close: async () => {
      await host.close();
      await rm(folder, { recursive: true });
    },
  };
}

kernelConformance("SQL", sqlKernel, makeHost, sqlSamples);
