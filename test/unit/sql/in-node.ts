/** A SQL kernel in a real thread of Node over a real folder, for the tests of this area. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { sqlKernel } from "#kernels/sql/kernel.ts";
import { KernelDriver } from "../typescript/kernel-driver.ts";

export interface SqlInNode {
  readonly kernel: KernelDriver;
  readonly host: NodeHost;
  readonly folder: string;
  close(): Promise<void>;
}

export async function startSqlInNode(options: { readonly foreign?: boolean } = {}): Promise<SqlInNode> {
  const folder = await mkdtemp(join(tmpdir(), "kroma-sql-"));
  const host = await createNodeHost({ folder, foreign: options.foreign ?? false });
  const kernel = await KernelDriver.start(sqlKernel, host);
  return {
    kernel,
    host,
    folder,
    async close() {
      kernel.close();
      await host.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
