/** `kroma.ml.pipeline` in TypeScript and Python cells, and `kroma ml pipeline` as the Linux machine's calls ask for it. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import type { ServiceReply } from "#core/kernel/services.ts";
import { ServiceRequests } from "#core/kernel/service-host.ts";
import { pythonKernel } from "#kernels/python/kernel.ts";
import type { GuestStreamHandle } from "#kernels/shell/mux.ts";
import { Services } from "#kernels/shell/services.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { KernelDriver } from "../typescript/kernel-driver.ts";
import { colour, embedding, sentiment } from "./tiny-models.ts";

let folder: string;
let host: NodeHost;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-languages-"));
  for (const [name, files] of Object.entries({ sentiment: sentiment(), embedding: embedding(), colour: colour() })) {
    for (const [file, bytes] of Object.entries(files)) {
      await mkdir(dirname(join(folder, "models", name, file)), { recursive: true });
      await writeFile(join(folder, "models", name, file), bytes);
    }
  }
  host = await createNodeHost({ folder, cache: join(folder, ".cache"), home: join(folder, ".home") });
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true });
});

test("TypeScript calls a pipeline as a function", async () => {
  const kernel = await KernelDriver.start(typescriptKernel, host);
  await kernel.run(`
    const classify = await kroma.ml.pipeline("text-classification", "models/sentiment");
    const embed = await kroma.ml.pipeline("feature-extraction", "models/embedding");
    const see = await kroma.ml.pipeline("image-classification", "models/colour");
  `);
  expect(await kernel.show("[classify.task, classify.model, classify.dtype]")).toBe(
    "[ 'text-classification', 'models/sentiment', 'fp32' ]",
  );
  expect(await kernel.show("(await classify(['good', 'bad'])).map(({ label }) => label)")).toBe(
    "[ 'POSITIVE', 'NEGATIVE' ]",
  );
  expect(await kernel.show("(await classify('good', { top_k: 2 })).length")).toBe("2");
  expect(
    await kernel.show("const v = await embed('good', { pooling: 'mean', normalize: true }); [v.shape, [...v.data]]"),
  ).toBe("[ [ 1, 3 ], [ 1, 0, 0 ] ]");
  expect(
    await kernel.show(
      "const red = new Uint8Array(48).map((_, i) => i % 3 ? 0 : 255); (await see({ data: red, shape: [4, 4, 3] }, { top_k: 1 }))[0].label",
    ),
  ).toBe("'red'");
  expect(await kernel.show("await kroma.ml.pipeline('dream', 'models/colour').catch((e) => [e.name, e.code])")).toBe(
    "[ 'KromaError', 'invalid' ]",
  );
  expect(await kernel.show("await classify.dispose(); await classify('good').catch((e) => e.message)")).toBe(
    "'The pipeline of models/sentiment was disposed of. Make it again.'",
  );
  kernel.close();
});

test("Python calls a pipeline as a function", async () => {
  const kernel = await KernelDriver.start(pythonKernel, host);
  const made = await kernel.run(`
import kroma, array
classify = kroma.ml.pipeline("text-classification", "models/sentiment")
embed = kroma.ml.pipeline("feature-extraction", "models/embedding")
see = kroma.ml.pipeline("image-classification", "models/colour")`);
  expect(made.error).toBeUndefined();
  expect(await kernel.show("classify")).toBe("<Pipeline text-classification: models/sentiment>");
  expect(await kernel.show("[found['label'] for found in classify(['good', 'bad'])]")).toBe("['POSITIVE', 'NEGATIVE']");
  expect(await kernel.show("len(await classify('good', top_k=2))")).toBe("2");
  expect(await kernel.show("embed('good', pooling='mean', normalize=True).tolist()")).toBe("[[1.0, 0.0, 0.0]]");
  expect(await kernel.show("see(memoryview(bytes([0, 0, 255] * 16)).cast('B', [4, 4, 3]), top_k=1)[0]['label']")).toBe(
    "'blue'",
  );
  expect((await kernel.run("classify(lambda: 1)")).error?.evalue).toMatch(/can't be given a function/);
  expect((await kernel.run("kroma.ml.pipeline('dream', 'models/colour')")).error).toMatchObject({
    ename: "ValueError",
  });
  expect((await kernel.run("classify.dispose()\nclassify('good')")).error).toMatchObject({
    ename: "FileNotFoundError",
  });
  kernel.close();
});

/** What a program of the machine gets for `kroma ml pipeline …`, with the shell's own way of asking. */
function type(words: readonly string[], input = ""): Promise<{ out: string; err: string; status: number }> {
  return new Promise((resolve) => {
    const said = { 65: "", 66: "" };
    const requests = new ServiceRequests(host.services, (reply) => {
      if (reply.type === "service_reply") services.take(reply satisfies ServiceReply);
    });
    const services = new Services({
      say: () => undefined,
      parent: () => undefined,
      mux: () => {
        throw new Error("there is no machine here");
      },
      ask: (message) => requests.take(message),
      note: () => undefined,
    });
    const handle = {
      queued: 0,
      write: (frame: Uint8Array) => {
        const [kind = 0, payload] = [frame[4], frame.slice(5)];
        if (kind === 69) {
          requests.close();
          resolve({ out: said[65], err: said[66], status: payload[0] ?? 255 });
        } else said[kind as 65 | 66] += new TextDecoder().decode(payload);
      },
      end: () => undefined,
      close: () => undefined,
      consumed: () => undefined,
    };
    const caller = services.accept(handle as unknown as GuestStreamHandle, "call");
    const frame = (kind: number, payload: Uint8Array): Uint8Array =>
      Uint8Array.from([payload.length, payload.length >> 8, 0, 0, kind, ...payload]);
    const text = ["", "service", "ml", "/workspace/models", "pipeline", ...words].map((word) => `${word}\0`).join("");
    caller.onData("out", frame(1, Uint8Array.from([1, ...new TextEncoder().encode(text)])));
    caller.onData("out", frame(2, new TextEncoder().encode(input)));
    caller.onData("out", frame(3, new Uint8Array()));
  });
}

test("a command reads a text and prints JSON", async () => {
  const { out, err, status } = await type(["text-classification", "./sentiment"], "good\n");
  expect({ err, status }).toEqual({ err: "", status: 0 });
  expect(JSON.parse(out)).toMatchObject([{ label: "POSITIVE" }]);
  const two = await type(["text-classification", "models/sentiment", "--top-k=2", "very bad"]);
  expect(JSON.parse(two.out)).toMatchObject([{ label: "NEGATIVE" }, { label: "POSITIVE" }]);
  const vector = await type([
    "feature-extraction",
    "models/embedding",
    "--pooling",
    "mean",
    "--normalize",
    "true",
    "good",
  ]);
  expect(vector.out).toBe("[[1,0,0]]\n");
});

test.each([
  [[], 2, /which task, and which model\?[^]*usage: kroma ml pipeline/],
  [["text-classification", "./none", "good"], 1, /no config.json|There is no model/],
  [["dream", "./sentiment", "good"], 1, /There is no task "dream"/],
  [["text-classification", "./sentiment", "a", "b"], 2, /one input, please/],
  [["image-classification", "./colour", "none.png"], 1, /There is no file \/workspace\/models\/none.png/],
])("a command that can't be: %j", async (words, status, complaint) => {
  expect(await type(words)).toMatchObject({ status, out: "", err: expect.stringMatching(complaint) });
});
