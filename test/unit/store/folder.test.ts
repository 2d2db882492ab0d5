import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { blockCid } from "#core/store/cid.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { FolderBlockStore } from "#plugins/folder/block-store.node.ts";
import { describeBlockStore } from "../../conformance/stores.ts";

let folder: string;
let count = 0;
const folders = new WeakMap<BlockStore, string>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kroma-blocks-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function open(): FolderBlockStore {
  const path = join(folder, `${++count}`);
  const store = new FolderBlockStore(path);
  folders.set(store, path);
  return store;
}
const pathOf = (store: BlockStore, cid: string): string =>
  join(folders.get(store) ?? "", cid.slice(-3, -1), `${cid}.block`);

describeBlockStore(
  "a folder",
  async () => open(),
  async (store, cid) => writeFileSync(pathOf(store, cid), "x"),
);

it("makes a damaged block good when it is put again", async () => {
  const store = open();
  const cid = await store.put(Uint8Array.of(1, 2, 3));
  writeFileSync(pathOf(store, cid), "xyz");
  await store.put(Uint8Array.of(1, 2, 3));
  expect(await store.get(cid)).toEqual(Uint8Array.of(1, 2, 3));
});

it("leaves nothing half written in the way, and clears away what is old", async () => {
  const store = open();
  const cid = await store.put(Uint8Array.of(1));
  const [left, fresh] = [`${pathOf(store, cid)}.left`, `${pathOf(store, cid)}.fresh`];
  writeFileSync(left, "half");
  writeFileSync(fresh, "half");
  utimesSync(left, 0, 0);
  const names: string[] = [];
  for await (const name of store.list()) names.push(name);
  expect(names).toEqual([cid]);
  expect(readdirSync(join(pathOf(store, cid), "..")).sort()).toEqual([`${cid}.block`, `${cid}.block.fresh`]);
});

it("is written and read by several processes at once", async () => {
  const store = open();
  const program = `
    import { FolderBlockStore } from "#plugins/folder/block-store.node.ts";
    const store = new FolderBlockStore(process.argv[1]);
    for (let index = 0; index < 40; index += 1) {
      const bytes = new Uint8Array(5000).fill(index);
      const cid = await store.put(bytes);
      if ((await store.get(cid))?.[0] !== index) process.exit(1);
    }`;
  const ends = Array.from({ length: 3 }, () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program, folders.get(store) ?? ""], {
      stdio: "inherit",
    });
    return new Promise((resolve) => child.on("close", resolve));
  });
  expect(await Promise.all(ends)).toEqual([0, 0, 0]);
  for (let index = 0; index < 40; index += 1) {
    const bytes = new Uint8Array(5000).fill(index);
    expect(Buffer.compare((await store.get(await blockCid(bytes))) ?? Buffer.of(), bytes)).toBe(0);
  }
});
