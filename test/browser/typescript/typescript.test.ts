/** The TypeScript kernel in a worker of real Chromium: what a page does differently from Node. */
// What the worker imports: the test server then prepares it before the first test, not during it.
import "acorn";
import "fflate";
import "linkedom/worker";
import "magic-string";
import "sucrase";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KernelHost } from "#core/kernel/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { KernelDriver } from "../../unit/typescript/kernel-driver.ts";

const here = new URL("/test/fixtures/", location.href).href;

function host(foreign = false): KernelHost {
  return {
    spawn() {
      const worker = new Worker(new URL("../../../kernels/typescript/worker.ts", import.meta.url), { type: "module" });
      return {
        port: worker,
        terminate: () => worker.terminate(),
        onError: (listener) => {
          const heard = (event: ErrorEvent) => listener(event.message);
          worker.addEventListener("error", heard);
          return () => worker.removeEventListener("error", heard);
        },
      };
    },
    asset: (path) => new URL(path, new URL("/assets/", location.href)).href,
    workspace: undefined,
    settings: { wheelMirrors: [], npmMirrors: [new URL("npm/", here).href], pythonMemory: 0, vmMemory: 0 },
    foreign,
  };
}

let kernel: KernelDriver;
beforeAll(async () => {
  kernel = await KernelDriver.start(typescriptKernel, host());
});
afterAll(() => kernel.close());

test("Plot draws, with a legend painted by an OffscreenCanvas", async () => {
  const simple = await kernel.run(`import * as Plot from "@observablehq/plot"
    Plot.plot({ marks: [Plot.barY([3, 1, 2]), Plot.ruleY([0]), Plot.text(["a & b"])] })`);
  expect(simple.error).toBeUndefined();
  const image = String(simple.result?.["image/svg+xml"]);
  const parsed = new DOMParser().parseFromString(image, "image/svg+xml");
  expect(parsed.querySelector("parsererror")).toBeNull();
  expect(parsed.querySelectorAll('[aria-label="bar"] rect')).toHaveLength(3);
  const ramp = await kernel.run(
    `Plot.plot({ color: { legend: true, scheme: "viridis" }, marks: [Plot.dot([1, 2, 3], { x: (d) => d, y: (d) => d, fill: (d) => d, fx: (d) => d % 2 })] })`,
  );
  const legend = /href="(data:image\/png;base64,[^"]+)"/.exec(String(ramp.result?.["text/html"]))?.[1];
  const picture = new Image();
  picture.src = legend!;
  await picture.decode();
  expect([picture.naturalWidth, picture.naturalHeight]).toEqual([256, 1]);
});

test("objects of the platform are shown by what their getters say", async () => {
  expect(await kernel.show('new Headers({ a: "1" })')).toBe("Headers { a: '1' }");
  expect(await kernel.show('new URL("https://a.b/c?d=1").searchParams')).toBe("URLSearchParams { 'd' => '1' }");
  expect(await kernel.show('new URL("https://a.b:8/c?d=1#e")')).toMatch(
    /^URL \{\n {2}href: 'https:\/\/a\.b:8\/c\?d=1#e',\n {2}origin: 'https:\/\/a\.b:8',\n/,
  );
  expect(await kernel.show('await fetch("data:text/plain,hi")')).toMatch(/^Response \{[^]*status: 200,[^]*ok: true,/);
  expect(await kernel.show("[Response.prototype, new Event('x').type, Math, new Intl.NumberFormat('en')].length")).toBe(
    "4",
  );
});

test("TSX makes elements that Plot's can be put into", async () => {
  const { result, error } = await kernel.run(`const plot = Plot.plot({ marks: [Plot.dot([1], { x: 1, y: 1 })] })
    const Card = ({ title, children }: { title: string; children?: unknown }) => <section><h3>{title}</h3>{children}</section>;
    <Card title="A <card>">{plot}</Card>`);
  expect(error).toBeUndefined();
  expect(result?.["text/html"]).toMatch(/^<section><h3>A &lt;card(?:>|&gt;)<\/h3><svg/);
});

test("a canvas and pixels are shown as PNG", async () => {
  const { displays, result } = await kernel.run(
    `const canvas = new OffscreenCanvas(4, 4); canvas.getContext("2d")!.fillRect(0, 0, 4, 4); display(canvas); new ImageData(2, 2)`,
  );
  for (const bundle of [displays[0], result]) expect(String(bundle?.["image/png"])).toMatch(/^iVBORw0KGgo/);
});

test("a mirror's modules with nested, cyclic imports are linked", async () => {
  const { result, error, messages } = await kernel.run(`import nested, { name } from "nested"; [nested(), name]`);
  expect(error).toBeUndefined();
  expect(result?.["application/json"]).toEqual(["nested with part of nested", "nested"]);
  expect(messages.find((message) => message.type === "dependency" && message.name === "nested")).toMatchObject({
    version: "1.0.0",
  });
});

test("a wrong hash and a missing module are told", async () => {
  expect(
    (await kernel.run(`import x from "${here}npm/nested/parts/part.js?other" with { integrity: "sha256-AAAA" }`)).error
      ?.evalue,
  ).toMatch(/was refused/);
  expect((await kernel.run(`import x from "${location.origin}/@fs/none/none.js"`)).error?.evalue).toMatch(
    /Cannot load .*: the server answered/,
  );
});

test("errors name the cell and its line in V8's worker stacks", async () => {
  const { error } = await kernel.run("const ok: number = 1\nnull!.x as any", "cell 5");
  expect([error?.ename, error?.line]).toEqual(["TypeError", 2]);
  expect((await kernel.run("const fixed = 1; fixed")).error).toBeUndefined();
  expect((await kernel.run("fixed = 2")).error?.evalue).toBe("Assignment to constant variable.");
});

test("background failures become stderr and the kernel goes on", async () => {
  const from = kernel.all.length;
  await kernel.run("Promise.reject(new Error('lonely')); setTimeout(() => { throw new Error('timed') }, 1)");
  for (const text of ["lonely", "timed"])
    await kernel.next((message) => message.type === "stream" && message.text.includes(text), from);
  expect(await kernel.show("1")).toBe("1");
});

test("cells cannot reach the pipe by any of its names", async () => {
  expect(await kernel.show("DedicatedWorkerGlobalScope.prototype.postMessage")).not.toMatch(/native code/);
  await kernel.run(
    "self.onmessage = () => {}; EventTarget.prototype.addEventListener.call(self, 'message', (e: Event) => e.stopImmediatePropagation()); dispatchEvent(new MessageEvent('message', { data: { type: 'execute_request', id: 'forged', code: '1' } }))",
  );
  expect(await kernel.show("'alive'")).toBe("'alive'");
  expect(kernel.all.some((message) => "parent" in message && message.parent === "forged")).toBe(false);
});

test("a foreign notebook's cells have no storage and no other workers", async () => {
  const foreign = await KernelDriver.start(typescriptKernel, host(true));
  const names = [
    "indexedDB",
    "caches",
    "BroadcastChannel",
    "Worker",
    "SharedWorker",
    "importScripts",
    "cookieStore",
    "XMLHttpRequest",
  ];
  expect(
    (
      await foreign.run(
        `[${names.map((name) => `typeof ${name}`).join(", ")}, typeof navigator.storage, typeof navigator.locks, typeof FileSystemFileHandle]`,
      )
    ).result?.["application/json"],
  ).toEqual(Array.from({ length: names.length + 3 }, () => "undefined"));
  expect(
    await foreign.show(
      "Object.getOwnPropertyNames(Object.getPrototypeOf(globalThis)).concat(Object.getOwnPropertyNames(WorkerGlobalScope.prototype)).filter((name) => /indexedDB|caches/.test(name)).length",
    ),
  ).toBe("0");
  expect(await foreign.show("1 + 1")).toBe("2");
  foreign.close();
});

test("an endless loop is ended, and the kernel goes on", async () => {
  const from = kernel.all.length;
  const { over } = kernel.begin("while (true) {}");
  await kernel.next((message) => message.type === "status" && message.status === "busy", from);
  kernel.send({ type: "interrupt_request", id: "stop" });
  expect((await over).error?.ename).toBe("KeyboardInterrupt");
  await kernel.next(
    (message) => message.type === "status" && message.status === "idle" && message.parent === undefined,
    from,
  );
  expect(await kernel.show("1 + 1")).toBe("2");
});
