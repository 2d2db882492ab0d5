/** The kernels' rules and the shell's own cases, in a worker of a real browser on the workspace in OPFS. */
import { expect } from "vitest";
import { shellKernel } from "#kernels/shell/kernel.ts";
import { type Cells, cellsOf } from "../../conformance/cells.ts";
import { kernelConformance } from "../../conformance/kernel.ts";
import { shellSamples } from "../../conformance/kernel-samples.ts";
import { shellConformance } from "../../conformance/shell.ts";
import { opfsHost } from "./opfs-host.ts";

kernelConformance("Linux shell", shellKernel, opfsHost, shellSamples);

shellConformance("Linux shell", async (): Promise<Cells> => {
  const { host, close } = await opfsHost();
  const abort = new AbortController();
  const cells = await cellsOf(await shellKernel.start({ host, signal: abort.signal }), async () => {
    abort.abort();
    await close();
  });
  const { stdout } = await cells.cell(
    "#!/usr/bin/env python3\nimport numpy, pathlib\nprint(numpy.arange(4).sum(), pathlib.Path().resolve())",
  );
  expect(stdout).toBe("6 /workspace\n");
  return cells;
});
