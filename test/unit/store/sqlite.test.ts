import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BlockStore, DocStore } from "#core/store/stores.ts";
import { SqliteStores } from "#plugins/sqlite/stores.node.ts";
import { describeBlockStore, describeDocStore } from "../../conformance/stores.ts";

let folder: string;
let count = 0;
const files = new WeakMap<DocStore | BlockStore, string>();
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kroma-sqlite-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const open = <K extends "documents" | "blocks">(kind: K, file = join(folder, `${++count}.db`)): SqliteStores[K] => {
  const store = new SqliteStores(file)[kind];
  files.set(store, file);
  return store;
};

describeDocStore(
  "SQLite",
  async () => open("documents"),
  async (old) => open("documents", files.get(old)),
);
describeBlockStore(
  "SQLite",
  async () => open("blocks"),
  async (store, cid) => {
    const database = new DatabaseSync(files.get(store) ?? "");
    database.prepare("UPDATE blocks SET bytes = x'00' WHERE cid = ?").run(cid);
    database.close();
  },
);

it("refuses a file that is something else, and leaves it as it is", () => {
  const file = join(folder, "notes.txt");
  writeFileSync(file, "these are notes, and no database at all\n".repeat(100));
  expect(() => new SqliteStores(file)).toThrow(expect.objectContaining({ code: "corrupt" }));
});

it("waits for another process that writes to the same file", async () => {
  const file = join(folder, "shared.db");
  const mine = open("documents", file);
  const program = `
    import { DatabaseSync } from "node:sqlite";
    const database = new DatabaseSync(${JSON.stringify(file)});
    database.exec("BEGIN IMMEDIATE");
    console.log("writing");
    setTimeout(() => { database.exec("COMMIT"); database.close(); }, 300);
  `;
  const other = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(other.stdout, "data");
  await mine.write({ put: [[["a"], Uint8Array.of(1)]] });
  expect(await mine.load(["a"])).toEqual(Uint8Array.of(1));
  mine.close();
});
