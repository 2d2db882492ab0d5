/** `kroma ml` as it is typed, on the real engine: what it prints, writes and complains of. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createNodeHost, type NodeHost } from "#app/node/node-host.ts";
import { readNpy, writeNpy } from "#core/workspace/npy.ts";
import { linear, makeModel } from "./make-model.ts";

let folder: string;
let host: NodeHost;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-command-"));
  await mkdir(join(folder, "models"));
  await writeFile(join(folder, "models/linear.onnx"), linear());
  await writeFile(
    join(folder, "two.onnx"),
    makeModel({
      inputs: { a: ["float32", ["n"]], b: ["bool", [2]] },
      outputs: { c: ["float32", ["n"]], d: ["bool", [2]] },
      nodes: [
        { op: "Neg", inputs: ["a"], outputs: ["c"] },
        { op: "Not", inputs: ["b"], outputs: ["d"] },
      ],
    }),
  );
  await writeFile(join(folder, "x.npy"), writeNpy(Float32Array.of(1, 2, 3), [1, 3]));
  await writeFile(join(folder, "bits.npy"), writeNpy(Uint8Array.of(1, 0), [2], "|b1"));
  host = await createNodeHost({ folder });
});
afterAll(async () => {
  await host.close();
  await rm(folder, { recursive: true });
});

interface Done {
  readonly status: number;
  readonly complaint: string;
  readonly out: Uint8Array;
  readonly text: string;
}
async function type(line: string, input: Uint8Array = new Uint8Array(), directory = "/workspace"): Promise<Done> {
  const answer = await host.services!.call("ml", {
    client: "shell",
    method: "command",
    value: { words: line.split(" "), directory },
    buffers: [input.slice().buffer],
    signal: new AbortController().signal,
  });
  const out = new Uint8Array(answer.buffers![0]!);
  return { ...(answer.value as { status: number; complaint: string }), out, text: new TextDecoder().decode(out) };
}

test("info tells what a model takes and gives", async () => {
  const { status, text } = await type("info linear.onnx", undefined, "/workspace/models");
  expect(status).toBe(0);
  expect(text).toMatch(
    /^models\/linear\.onnx: 1 kB, onnx 17, by kroma-test\ninput {2}x: float32 \[batch, 3\]\noutput y: float32 \[batch, 2\]\nsha256 [0-9a-f]{64}\nonnxruntime-node 1\.\d+\.\d+ \(\d+ threads?\)\ncpu: there is nothing else to run models here\n$/,
  );
});

test("run tells what came out when no file is asked for", async () => {
  expect(await type("run models/linear.onnx --input x=x.npy")).toMatchObject({
    status: 0,
    complaint: "",
    text: "y: float32 [1, 2]  32 48\n",
  });
});

test("what runs a model is told with what is loaded, and may be asked for", async () => {
  const { text } = await type("run --device=wasm models/linear.onnx --input x.npy");
  expect(text).toBe("y: float32 [1, 2]  32 48\n");
  expect((await type("status")).text).toContain("  cpu: there is nothing else to run models here\n");
});

test("arrays go from file to file", async () => {
  const done = await type(
    "run ../models/linear.onnx --input ../x.npy --output y=y.npy",
    undefined,
    "/workspace/models",
  );
  expect(done).toMatchObject({ status: 0, text: "", complaint: "" });
  expect(readNpy(await readFile(join(folder, "models/y.npy")))).toEqual({
    data: Float32Array.of(32, 48),
    shape: [1, 2],
    dtype: "<f4",
  });
});

test("arrays go through pipes, as files or as bare elements", async () => {
  const npy = await type("run models/linear.onnx --input - --output -", writeNpy(Float32Array.of(1, 1, 1), [1, 3]));
  expect([...readNpy(npy.out).data]).toEqual([19, 32]);
  const raw = await type("run models/linear.onnx -i x=- -o y=- --raw", new Uint8Array(Float32Array.of(1, 2, 3).buffer));
  expect([...new Float32Array(raw.out.slice().buffer)]).toEqual([32, 48]);
});

test("several arrays go in one archive, and truth values stay what they are", async () => {
  const done = await type("run two.onnx --input a=x1.npy --input b=bits.npy --output all.npz");
  expect(done.complaint).toBe("kroma ml: there is no file x1.npy\n");
  await writeFile(join(folder, "x1.npy"), writeNpy(Float32Array.of(1, 2), [2]));
  expect((await type("run two.onnx --input a=x1.npy --input b=bits.npy --output all.npz")).status).toBe(0);
  const files = unzipSync(await readFile(join(folder, "all.npz")));
  expect(Object.keys(files)).toEqual(["c.npy", "d.npy"]);
  expect(readNpy(files["d.npy"]!)).toEqual({ data: Uint8Array.of(0, 1), shape: [2], dtype: "|b1" });
  await rm(join(folder, "x1.npy"));
  await writeFile(join(folder, "in.npz"), await readFile(join(folder, "all.npz")));
  expect((await type("run two.onnx --input in.npz")).complaint).toBe(
    'kroma ml: The model has no input "c". It has: a (float32 [n]), b (bool [2]).\n',
  );
});

test.each([
  ["", 2, /^kroma ml: what\? Try/],
  ["fly", 2, /^kroma ml: what\? Try/],
  ["run", 2, /which model\?/],
  ["run a b", 2, /one model, please/],
  ["run models/linear.onnx --speed", 2, /unknown option --speed/],
  ["run models/linear.onnx --input", 2, /--input wants \[NAME=\]FILE/],
  ["run two.onnx --input x.npy", 2, /which input is x\.npy\? .*the model has: a, b/],
  ["run models/linear.onnx --input x.npy --output z=z.npy", 2, /no output z; it has: y/],
  ["run none.onnx", 1, /There is no file \/workspace\/none\.onnx/],
  [
    "run models/linear.onnx --input bits.npy",
    1,
    /Input "x" was given bool \[2\], but the model wants float32 \[batch, 3\]/,
  ],
  ["run /etc/passwd", 1, /lies outside of \/workspace/],
  ["info", 2, /info takes one model/],
  ["run models/linear.onnx --device webgpu --input x.npy", 1, /Models run by WebGPU in a browser only/],
  ["info models/linear.onnx --device=toaster", 2, /--device wants one of auto, wasm, webgpu/],
  ["info models/linear.onnx --device", 2, /--device wants one of/],
])("kroma ml %s is refused with status %i", async (line, status, complaint) => {
  const done = await type(line);
  expect(done.status).toBe(status);
  expect(done.complaint).toMatch(complaint);
});
