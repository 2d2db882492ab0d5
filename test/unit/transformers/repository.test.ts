/** Where a pipeline's files come from, and what it is told when they do not come. */
import { expect, test } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import type { FetchedFile } from "#core/store/fetched.ts";
import { type RepositoryParts, repositoryOf } from "#plugins/transformers/repository.ts";

const HUB = "http://127.0.0.1:1/hub";
const BASE = `${HUB}/ada/model/resolve/main/`;

/** A store that keeps some files and has no network. */
function offlineStore(kept: Readonly<Record<string, string | undefined>>): RepositoryParts["models"] {
  return {
    get: (url) =>
      kept[url] === undefined
        ? Promise.reject(new KromaError("unavailable", `${url} could not be fetched.`))
        : Promise.resolve(new TextEncoder().encode(kept[url])),
    addPart: () => Promise.resolve(),
    list: () =>
      Promise.resolve(
        Object.entries(kept).map(([url, text]): FetchedFile => {
          const cid = text === undefined ? undefined : "bafy";
          return {
            url,
            bytes: text?.length ?? 1,
            total: 9,
            cid,
            used: 0,
            isPinned: false,
            licence: undefined,
            parts: [],
            isFromPeople: false,
          };
        }),
      ),
  };
}

const partsOf = (parts: Partial<RepositoryParts> = {}): RepositoryParts => ({
  files: () => undefined,
  models: offlineStore({}),
  content: {
    get: ({ cid, path }) => Promise.resolve(new TextEncoder().encode(`${cid} ${path}`)),
  },
  hub: () => HUB,
  isOffline: false,
  ...parts,
});

async function read(
  parts: RepositoryParts,
  source: string,
  file: string,
  revision?: string,
): Promise<string | undefined> {
  const bytes = await repositoryOf(parts, source, revision).file(file, new AbortController().signal, () => undefined);
  return bytes && new TextDecoder().decode(bytes);
}

test("a source means a hub's repository, an address or a folder with a CID", async () => {
  const cid = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
  const models = offlineStore({
    [`${BASE}onnx/model.onnx`]: "hub",
    [`${HUB}/ada/model/resolve/v2/onnx/model.onnx`]: "revision",
    "https://example.org/m/onnx/model.onnx": "address",
  });
  const parts = partsOf({ models });
  const file = "onnx/model.onnx";
  expect(await read(parts, "ada/model", file)).toBe("hub");
  expect(await read(parts, "hub:ada/model@v2", file)).toBe("revision");
  expect(await read(parts, "ada/model", file, "v2")).toBe("revision");
  expect(await read(parts, "https://example.org/m", file)).toBe("address");
  expect(await read(parts, `ipfs://${cid}/models`, file)).toBe(`${cid} models/onnx/model.onnx`);
});

test("a notebook that is not trusted fetches nothing from the web", async () => {
  const parts = partsOf({ isOffline: true, models: offlineStore({ [`${BASE}config.json`]: "{}" }) });
  await expect(read(parts, "ada/model", "config.json")).rejects.toMatchObject({ code: "denied" });
});

test("without a network a model that was loaded before lacks what is not kept of it", async () => {
  const kept = { [`${BASE}config.json`]: "{}", [`${BASE}onnx/model.onnx`]: "model" };
  const repository = repositoryOf(partsOf({ models: offlineStore(kept) }), "ada/model", undefined);
  const signal = new AbortController().signal;
  expect(await repository.file("generation_config.json", signal, () => undefined)).toBeUndefined();
  expect(repository.doubt("generation_config.json")).toMatchObject({ code: "unavailable" });
  const part = { ...kept, [`${BASE}tokenizer.json`]: undefined };
  await expect(read(partsOf({ models: offlineStore(part) }), "ada/model", "tokenizer.json")).rejects.toMatchObject({
    code: "unavailable",
  });
  const never = { [`${BASE}config.json`]: "{}" };
  await expect(read(partsOf({ models: offlineStore(never) }), "ada/model", "x.json")).rejects.toMatchObject({
    code: "unavailable",
  });
});
