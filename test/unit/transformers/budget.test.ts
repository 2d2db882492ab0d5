/** The memory that pipelines may use, with the real library in this thread. */
import { expect, test } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import type { Library } from "#plugins/transformers/library.ts";
import { Pipelines } from "#plugins/transformers/pipelines.ts";
import { repositoryOf } from "#plugins/transformers/repository.ts";
import { sentiment } from "./tiny-models.ts";

const CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
const signal = new AbortController().signal;

/** Pipelines with so much room, whose models all are the same few files. */
function pipelinesWith(budget: number): Pipelines {
  const files = sentiment();
  const content = {
    get: ({ path }: { readonly path: string }): Promise<Uint8Array<ArrayBuffer>> => {
      const bytes = files[path.replace(/^\w\//, "")];
      return bytes
        ? Promise.resolve(bytes.slice())
        : Promise.reject(new KromaError("missing", `There is no file "${path}".`));
    },
  };
  const models = {
    get: () => Promise.reject(new KromaError("unavailable", "There is no network.")),
    list: () => Promise.resolve([]),
    addPart: () => Promise.resolve(),
  };
  const parts = { files: () => undefined, models, content, hub: () => undefined, isOffline: false };
  return new Pipelines({
    library: async () => (await import("@huggingface/transformers")) as unknown as Library,
    repository: (source, revision) => repositoryOf(parts, source, revision),
    readFile: () => undefined,
    budget,
    breathe: () => Promise.resolve(),
  });
}

const open = (pipelines: Pipelines, name: string) =>
  pipelines.open("test", { task: "text-classification", model: `ipfs://${CID}/${name}` }, signal, () => undefined);

test("one that is not held goes for another, and one that is held stays", async () => {
  const size = sentiment()["onnx/model.onnx"]!.length;
  const pipelines = pipelinesWith(size * 4);
  const names = () => pipelines.status().models.map(({ names: [name] }) => name?.at(-1));
  const first = await open(pipelines, "a");
  const second = await open(pipelines, "b");
  expect(pipelines.status().used).toBe(2 * Math.ceil(size * 1.5));
  await expect(open(pipelines, "c")).rejects.toMatchObject({ code: "exhausted" });
  expect(names()).toEqual(["a", "b"]);
  await pipelines.release("test", first.pipeline);
  await open(pipelines, "c");
  expect(names()).toEqual(["b", "c"]);
  const run = { given: ["good"], options: {}, signal, onText: () => undefined };
  expect(await pipelines.run("test", second.pipeline, run)).toMatchObject([{ label: "POSITIVE" }]);
  await pipelines.leave("test");
});
