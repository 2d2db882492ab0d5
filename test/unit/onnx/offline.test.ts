/** Models of a notebook that may not reach the network: nothing is asked of anybody, and what is here by its CID is loaded. */
import { expect, test } from "vitest";
import { ModelSources } from "#plugins/onnx/sources.ts";

const never = new AbortController().signal;

test("an address and a hub's name are refused, and no request is made", async () => {
  const asked: string[] = [];
  const sources = new ModelSources({
    files: () => undefined,
    asset: (path) => `https://kroma.example/assets/${path}`,
    fetch: async (url) => {
      asked.push(url);
      return new Response();
    },
    models: undefined,
    largest: 1000,
    hub: () => "https://hub.example/",
    content: { get: async () => Uint8Array.of(1, 2, 3) },
    isOffline: true,
  });
  for (const source of ["https://a.example/m.onnx?what=was-read", "hub:a/b/m.onnx", "hf://a/b/m.onnx"])
    await expect(sources.open(source, never), source).rejects.toMatchObject({ code: "denied" });
  expect(asked).toEqual([]);
  const cid = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
  expect((await sources.open(`ipfs://${cid}`, never)).bytes).toEqual(Uint8Array.of(1, 2, 3));
});
