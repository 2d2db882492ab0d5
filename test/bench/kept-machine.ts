/**
 * What it costs that a machine keeps its changes: the start on a disk with thousands of changed files beside the start on
 * none, and writing to that disk beside writing to memory. In Node, the store's bytes in real files.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { LayerDisk } from "#kernels/shell/layer-disk.ts";
import { mountLayer } from "#kernels/shell/layer-mount.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { cacheFolder } from "#app/node/paths.ts";
import { findImage } from "#vm-images/exchange/ensure.ts";
import { startStore } from "../unit/workspace/start-store.ts";
import { median } from "./browser.ts";
import { type Restored, restoreMachine } from "./machine.ts";
import type { Figure } from "./run.ts";

const ROUNDS = 3;
const FILES = 3000;
const WRITTEN = 32;

async function kept(directory: string): Promise<Restored & { end(): Promise<void> }> {
  const store = await startStore({ directory });
  let disk: LayerDisk | undefined;
  const restored = await restoreMachine({ layer: (size) => (disk = new LayerDisk({ size })) });
  const folder = (await findImage(cacheFolder())) ?? "";
  const template = async (): Promise<Uint8Array> =>
    inflateRawSync(await readFile(join(folder, restored.manifest.layer.template.file)));
  const files = new SyncFs(store.open.shared);
  const result = await mountLayer({ mux: restored.mux, disk: disk as LayerDisk, files, template });
  if (!result.kept) throw new Error(result.note);
  return {
    ...restored,
    async end() {
      await restored.machine.stop();
      await store.open.close();
    },
  };
}

/** Measures machines that keep what they change. */
export async function benchKeptMachine(): Promise<readonly Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), "kroma-bench-"));
  const run = async ({ mux }: Restored, script: string): Promise<number> => {
    const from = performance.now();
    const { status, stderr } = await mux.run(["/bin/bash", "-c", script]);
    if (status !== 0) throw new Error(stderr);
    return performance.now() - from;
  };
  try {
    const first = await kept(directory);
    await run(
      first,
      `mkdir -p /opt/many && cd /opt/many && for i in $(seq ${FILES}); do echo $i >$i; done; touch -c /etc/*; sync`,
    );
    const write = (place: string) =>
      run(first, `dd if=/dev/zero of=${place} bs=1M count=${WRITTEN} conv=fsync 2>/dev/null; rm ${place}`);
    const [disk, memory]: [number[], number[]] = [[], []];
    for (let round = -1; round < ROUNDS; round++) {
      const [slow, fast] = [await write("/root/written"), await write("/tmp/written")];
      if (round < 0) continue;
      disk.push(slow);
      memory.push(fast);
    }
    await first.end();
    const [on, off]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      const plain = await restoreMachine();
      await run(plain, "true");
      off.push(plain.elapsed());
      await plain.machine.stop();
      const again = await kept(directory);
      await run(again, `[ "$(cat /opt/many/${FILES})" = ${FILES} ]`);
      on.push(again.elapsed());
      await again.end();
    }
    return [
      {
        name: `start on a disk with ${FILES} changed files, over the start on none`,
        value: median(on) / median(off),
        unit: "×",
        goal: 1.6,
        detail: `${median(on).toFixed(0)} ms, ${median(off).toFixed(0)} ms, each to an answered command`,
      },
      {
        name: "writing to the kept disk, over writing to memory",
        value: median(disk) / median(memory),
        unit: "×",
        goal: 8,
        detail: `${((WRITTEN / median(disk)) * 1000).toFixed(1)} MiB/s with fsync, ${((WRITTEN / median(memory)) * 1000).toFixed(1)} MiB/s`,
      },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
