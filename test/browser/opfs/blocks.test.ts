/** The block store on the private file system of a real browser, in workers as tabs would have them. */
import { afterAll, describe, expect, it } from "vitest";
import { fromWireError, type WireError } from "#core/base/errors.ts";
import { randomId } from "#core/base/ids.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { describeBlockStore } from "../../conformance/stores.ts";
import type { Ask } from "./blocks.worker.ts";

const workers = new Set<Worker>();
afterAll(() => {
  for (const worker of workers) worker.terminate();
});

interface Opened extends BlockStore {
  readonly name: string;
  readonly worker: Worker;
  ask(ask: Ask): Promise<unknown>;
}

async function open(name = `test-${randomId()}`): Promise<Opened> {
  const worker = new Worker(new URL("./blocks.worker.ts", import.meta.url), { type: "module" });
  workers.add(worker);
  let count = 0;
  const waiting = new Map<number, (data: { value?: unknown; error?: WireError }) => void>();
  worker.addEventListener("message", ({ data }) => waiting.get(data.id)?.(data));
  const ask = (what: Ask): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const id = ++count;
      waiting.set(id, ({ value, error }) => (error ? reject(fromWireError(error)) : resolve(value)));
      worker.postMessage({ id, ask: what });
    });
  await ask({ do: "open", name });
  return {
    name,
    worker,
    ask,
    put: (bytes, codec) => ask({ do: "put", bytes, ...(codec ? { codec } : {}) }) as Promise<string>,
    get: (cid) => ask({ do: "get", cid }) as Promise<Uint8Array | undefined>,
    has: (cid) => ask({ do: "has", cid }) as Promise<boolean>,
    remove: async (cid) => void (await ask({ do: "remove", cid })),
    async *list() {
      yield* (await ask({ do: "list" })) as string[];
    },
  };
}

const packs = async (name: string): Promise<FileSystemDirectoryHandle> => {
  const own = await (await navigator.storage.getDirectory()).getDirectoryHandle("kroma");
  return own.getDirectoryHandle(`${name}-blocks`);
};

describeBlockStore("OPFS", open, async (store) => {
  for await (const handle of (await packs((store as Opened).name)).values()) {
    const file = handle as FileSystemFileHandle;
    const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
    bytes.set([(bytes.at(-1) ?? 0) ^ 1], bytes.length - 1);
    const stream = await file.createWritable();
    await stream.write(bytes);
    await stream.close();
  }
});

describe("Blocks on OPFS", () => {
  it("are written and read by several tabs at once, and are there after all of them are gone", async () => {
    const name = `test-${randomId()}`;
    const tabs = await Promise.all([open(name), open(name), open(name)]);
    const filled = (await Promise.all(tabs.map((tab, mark) => tab.ask({ do: "fill", mebibytes: 12, mark })))) as {
      cids: string[];
    }[];
    const cids = filled.flatMap(({ cids: own }) => own);
    expect(new Set(cids).size).toBe(36);
    for (const tab of tabs) for (const cid of cids) expect(await tab.has(cid)).toBe(true);
    // As when tabs are closed: without a word.
    for (const { worker } of tabs) worker.terminate();
    const later = await open(name);
    for (const cid of cids) expect((await later.get(cid))?.byteLength).toBe(1 << 20);
    for (const cid of cids) await later.remove(cid);
    expect(await later.ask({ do: "usage" })).toEqual({ blocks: 0, bytes: 0 });
    let left = 0;
    for await (const handle of (await packs(name)).values())
      left += (await (handle as FileSystemFileHandle).getFile()).size;
    expect(left).toBe(0);
  });

  it("are read by one tab while another writes", async () => {
    const name = `test-${randomId()}`;
    const [reader, writer] = [await open(name), await open(name)];
    const cid = await reader.put(Uint8Array.of(1, 2, 3));
    const writing = writer.ask({ do: "fill", mebibytes: 40, mark: 9 });
    let isWriting = true;
    void writing.finally(() => (isWriting = false));
    let reads = 0;
    while (isWriting) {
      expect(await reader.get(cid)).toEqual(Uint8Array.of(1, 2, 3));
      reads += 1;
    }
    expect(reads).toBeGreaterThan(0);
    await writing;
  });

  it("keep what was put when a tab dies in the middle of writing", async () => {
    const name = `test-${randomId()}`;
    const tab = await open(name);
    const cid = await tab.put(Uint8Array.of(1, 2, 3));
    void tab.ask({ do: "fill", mebibytes: 400, mark: 1 });
    const watcher = await open(name);
    await expect
      .poll(async () => ((await watcher.ask({ do: "usage" })) as { blocks: number }).blocks)
      .toBeGreaterThan(8);
    tab.worker.terminate();
    const later = await open(name);
    expect(await later.get(cid)).toEqual(Uint8Array.of(1, 2, 3));
    const names = (await later.ask({ do: "list" })) as string[];
    for (const stored of names) expect(await later.get(stored)).toBeDefined();
    const next = await later.put(Uint8Array.of(4));
    expect(await watcher.get(next)).toEqual(Uint8Array.of(4));
  });
});
