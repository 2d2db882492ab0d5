/** Where a shell kernel lives in the browser tests: a worker of the page, files in OPFS, the built image over HTTP. */
import { expect } from "vitest";
import { randomId } from "#core/base/ids.ts";
import { defaultSettings } from "#core/kernel/defaults.ts";
import type { KernelHost } from "#core/kernel/kernel.ts";
import { removeOpfsWorkspace, startOpfsWorkspace } from "#plugins/opfs/opfs.ts";

/** Makes a host with an empty workspace of its own. */
export async function opfsHost(): Promise<{ readonly host: KernelHost; readonly close: () => Promise<void> }> {
  const document = randomId();
  const files = new Worker(new URL("../../../app/browser/workspace.worker.ts", import.meta.url), { type: "module" });
  const workspace = await startOpfsWorkspace(files, { document }, { failed: (message) => expect.fail(message) });
  const assets = new URL("/assets/", location.href).href;
  const host: KernelHost = {
    spawn: () => {
      const worker = new Worker(new URL("../../../kernels/shell/worker.ts", import.meta.url), { type: "module" });
      return {
        port: worker,
        terminate: () => worker.terminate(),
        onError: (listener) => {
          const failed = (event: ErrorEvent): void => listener(event.message);
          worker.addEventListener("error", failed);
          return () => worker.removeEventListener("error", failed);
        },
      };
    },
    asset: (path) => new URL(path, assets).href,
    workspace: workspace.shared,
    settings: { ...defaultSettings, vmImage: new URL("vm/", assets).href },
    foreign: false,
  };
  return {
    host,
    close: async () => {
      await workspace.close();
      await removeOpfsWorkspace(document);
    },
  };
}
