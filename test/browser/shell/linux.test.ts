/** Linux in a worker of a real browser, on the workspace in OPFS: restored, used, interrupted. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { randomId } from "#core/base/ids.ts";
import type { Channel } from "#core/base/channel.ts";
import { defaultSettings } from "#core/kernel/defaults.ts";
import type { KernelHost } from "#core/kernel/kernel.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import type { OpenWorkspace } from "#core/workspace/host.ts";
import { shellKernel } from "#kernels/shell/kernel.ts";
import { removeOpfsWorkspace, startOpfsWorkspace } from "#plugins/opfs/opfs.ts";

const document = randomId();
let workspace: OpenWorkspace;
let kernel: Channel<FromKernel, ToKernel>;
const abort = new AbortController();

beforeAll(async () => {
  const files = new Worker(new URL("../../../app/browser/workspace.worker.ts", import.meta.url), { type: "module" });
  workspace = await startOpfsWorkspace(files, { document }, { failed: (message) => expect.fail(message) });
  const assets = new URL("/assets/", location.href).href;
  const host: KernelHost = {
    spawn: () => {
      const worker = new Worker(new URL("../../../kernels/shell/worker.ts", import.meta.url), { type: "module" });
      return {
        port: worker,
        terminate: () => worker.terminate(),
        onError: (listener) => {
          worker.addEventListener("error", (event) => listener(event.message));
          return () => undefined;
        },
      };
    },
    asset: (path) => new URL(path, assets).href,
    workspace: workspace.shared,
    settings: { ...defaultSettings, vmImage: new URL("vm/", assets).href },
    foreign: false,
  };
  kernel = await shellKernel.start({ host, signal: abort.signal });
  await new Promise<void>((resolve, reject) => {
    const stop = kernel.receive((message) => {
      if (message.type !== "status") return;
      if (message.status === "dead") reject(new Error(message.reason));
      if (message.status !== "idle") return;
      stop();
      resolve();
    });
  });
});

afterAll(async () => {
  abort.abort();
  await workspace.close();
  await removeOpfsWorkspace(document);
});

let last = 0;
function cell(code: string, interruptAfter?: string): Promise<{ text: string; status: string }> {
  const id = `request-${++last}`;
  let text = "";
  let status = "";
  return new Promise((resolve) => {
    const stop = kernel.receive((message) => {
      if (!("parent" in message) || message.parent !== id) return;
      if (message.type === "stream") text += message.text;
      if (message.type === "stream" && interruptAfter && text.includes(interruptAfter)) {
        kernel.send({ type: "interrupt_request", id: `${id}-interrupt` });
      }
      if (message.type === "execute_reply") status = message.status;
      if (message.type !== "status" || message.status !== "idle") return;
      stop();
      resolve({ text, status });
    });
    kernel.send({ type: "execute_request", id, code });
  });
}

test("a restored machine runs cells on the browser's files", async () => {
  const first = await cell("echo hello; uname -s; pwd; echo from Linux > file.txt");
  expect(first.text).toBe("hello\nLinux\n/workspace\n");
  expect(first.status).toBe("ok");
});

test("a cell whose first line names Python runs as its script, in the shell's directory", async () => {
  const { text } = await cell(
    "#!/usr/bin/env python3\nimport numpy\nprint(numpy.arange(4).sum(), open('file.txt').read())",
  );
  expect(text).toBe("6 from Linux\n\n");
});

test("an interrupt ends the cell and the shell lives", async () => {
  await cell("x=kept");
  const ended = await cell("echo go; sleep 60; echo next", "go");
  expect(ended.status).toBe("error");
  expect(ended.text).toBe("go\n");
  expect((await cell("echo $x; cat file.txt")).text).toBe("kept\nfrom Linux\n");
});
