/** A worker that does to a block store what the test says. */
import { toWireError } from "#core/base/errors.ts";
import { openOpfsBlocks } from "#plugins/opfs/opfs-packs.ts";

/** What the test says. */
export type Ask =
  | { readonly do: "open"; readonly name: string }
  | { readonly do: "put"; readonly bytes: Uint8Array; readonly codec?: "raw" | "dag-pb" | "dag-cbor" }
  | { readonly do: "get" | "has" | "remove"; readonly cid: string }
  | { readonly do: "list" | "usage" }
  /** Puts so many MiB that are all different, each with this mark. */
  | { readonly do: "fill"; readonly mebibytes: number; readonly mark: number };

let opening: ReturnType<typeof openOpfsBlocks> | undefined;

async function answer(ask: Ask): Promise<unknown> {
  if (ask.do === "open") {
    opening = openOpfsBlocks(ask.name);
    await opening;
    return undefined;
  }
  const store = await (opening as ReturnType<typeof openOpfsBlocks>);
  switch (ask.do) {
    case "put":
      return store.put(ask.bytes, ask.codec);
    case "get":
    case "has":
    case "remove":
      return store[ask.do](ask.cid);
    case "list": {
      const names: string[] = [];
      for await (const name of store.list()) names.push(name);
      return names;
    }
    case "usage":
      return store.usage();
    case "fill": {
      const cids: string[] = [];
      const block = new Uint8Array(1 << 20);
      for (let offset = 0; offset < block.length; offset += 65_536)
        crypto.getRandomValues(block.subarray(offset, offset + 65_536));
      const started = performance.now();
      for (let index = 0; index < ask.mebibytes; index += 4) {
        const four = [0, 1, 2, 3].filter((step) => index + step < ask.mebibytes);
        const put = four.map((step) => {
          new DataView(block.buffer).setUint32(0, ask.mark * 65_536 + index + step);
          return store.put(block);
        });
        cids.push(...(await Promise.all(put)));
      }
      return { cids, ms: performance.now() - started };
    }
  }
}

addEventListener("message", ({ data }: MessageEvent<{ id: number; ask: Ask }>) => {
  answer(data.ask).then(
    (value) => postMessage({ id: data.id, value }),
    (error: unknown) => postMessage({ id: data.id, error: toWireError(error) }),
  );
});
