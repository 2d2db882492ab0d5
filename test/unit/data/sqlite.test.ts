/** SQLite files as tables: what their cells hold, what stands beside them, and what is said of files that are none. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTable, type ReadSoFar } from "#plugins/data/readers.ts";
import { failure } from "../kit.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-sqlite-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file that SQLite itself (Node's) has made. */
async function make(name: string, script: string): Promise<Uint8Array<ArrayBuffer>> {
  const database = new DatabaseSync(join(folder, name));
  database.exec(script);
  database.close();
  return new Uint8Array(await readFile(join(folder, name)));
}

interface Asked {
  readonly table?: string;
  readonly wal?: Blob;
  readonly journal?: Blob;
}

async function read(bytes: Uint8Array<ArrayBuffer>, asked: Asked = {}): Promise<ReadSoFar> {
  let last: ReadSoFar | undefined;
  for await (const part of readTable({ file: new Blob([bytes]), format: "sqlite", ...asked })) last = part;
  return last!;
}
const rowsOf = ({ columns, rows }: ReadSoFar): string[][] =>
  Array.from({ length: rows }, (_, row) => columns.map((column) => column.text(row)));

const SHOP = `
  CREATE TABLE film (id INTEGER PRIMARY KEY, title TEXT, price REAL, cover BLOB);
  INSERT INTO film VALUES (1, 'Metropolis', 2.5, x'0102'), (2, 'Čapek''s', NULL, NULL), (9007199254740993, '', 3, x'');
  CREATE TABLE mixed (a, b INTEGER);
  INSERT INTO mixed VALUES (1, 10), ('two', NULL), (3.5, -1);
  CREATE VIEW dear AS SELECT title FROM film WHERE price > 2.7;
  CREATE TABLE "odd ""name" (x);`;

describe("an SQLite file", () => {
  test("gives its tables, and the cells of each as they are", async () => {
    const shop = await make("shop.db", SHOP);
    const mixed = await read(shop, { table: "mixed" });
    expect(mixed.tables).toEqual([
      { name: "dear", rows: undefined, columns: 1 },
      { name: "film", rows: 3, columns: 4 },
      { name: "mixed", rows: 3, columns: 2 },
      { name: 'odd "name', rows: 0, columns: 1 },
    ]);
    expect(mixed.columns.map(({ name, kind }) => `${name}:${kind}`)).toEqual(["a:text", "b:number"]);
    expect(rowsOf(mixed)).toEqual([
      ["1", "10"],
      ["two", ""],
      ["3.5", "-1"],
    ]);
    const film = await read(shop, { table: "film" });
    expect(film.columns.map(({ kind }) => kind)).toEqual(["number", "text", "number", "text"]);
    expect(rowsOf(film)).toEqual([
      ["1", "Metropolis", "2.5", "2 bytes"],
      ["2", "Čapek's", "", ""],
      ["9007199254740993", "", "3", "0 bytes"],
    ]);
    const first = await read(shop);
    expect([first.table, rowsOf(first)]).toEqual(["dear", [[""]]]);
    expect((await read(shop, { table: 'odd "name' })).rows).toBe(0);
    expect(await failure(read(shop, { table: "gone" }))).toBe("missing: There is no table gone in it.");
  });

  test("comes piece by piece, whatever it is called", async () => {
    const many = await make(
      "many.db",
      `CREATE TABLE t (n, w); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60000)
       INSERT INTO t SELECT n, 'word ' || n FROM c`,
    );
    const sizes: number[] = [];
    let last: ReadSoFar | undefined;
    for await (const part of readTable({ file: new Blob([many]), format: "csv" })) {
      sizes.push(part.rows);
      expect(part.columns[1]!.text(part.rows - 1)).toBe(`word ${part.rows}`);
      last = part;
    }
    expect(sizes).toEqual([1000, 51_000, 60_000]);
    expect(last!.progress).toBe(1);
    const [numbers] = last!.columns;
    expect(numbers!.kind === "number" && numbers!.values.reduce((sum, value) => sum + value, 0)).toBe(1_800_030_000);
  });

  test("holds what stands in its write-ahead log, if that is there", async () => {
    const path = join(folder, "log.db");
    const database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (n); INSERT INTO t VALUES (1)");
    database.exec("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (2)");
    const [bytes, log] = await Promise.all([readFile(path), readFile(`${path}-wal`)]);
    database.close();
    const file = new Uint8Array(bytes);
    expect(rowsOf(await read(file))).toEqual([["1"]]);
    const whole = await read(file, { wal: new Blob([new Uint8Array(log)]) });
    expect(rowsOf(whole)).toEqual([["1"], ["2"]]);
    expect(whole.notes).toEqual(["What the write-ahead log beside it holds is included."]);
    // A log that is cut off counts up to its last whole change.
    expect(rowsOf(await read(file, { wal: new Blob([new Uint8Array(log).slice(0, 100)]) }))).toEqual([["1"]]);
  });

  test("without tables says so", async () => {
    const empty = await make("empty.db", "PRAGMA user_version = 1");
    expect(await read(empty)).toMatchObject({ columns: [], rows: 0, notes: ["The file has no tables."] });
  });
});

describe("a file that is none", () => {
  test("is said to be none, or damaged", async () => {
    const shop = await make("cut.db", `${SHOP} CREATE TABLE big (n); INSERT INTO big SELECT zeroblob(5000) FROM film`);
    const none = "corrupt: This is not an SQLite file, or it is encrypted.";
    expect(await failure(read(new Uint8Array([1, 2, 3])))).toBe(none);
    expect(await failure(read(new TextEncoder().encode("a,b\n1,2\n")))).toBe(none);
    expect(await failure(read(shop.slice(0, 4096 * 2)))).toBe("corrupt: The SQLite file is damaged or cut off.");
    expect(await failure(read(shop.slice(0, 60)))).toMatch(/^corrupt: /);
    const wrong = shop.slice();
    wrong.fill(0xff, 100, 4096);
    expect(await failure(read(wrong))).toBe("corrupt: The SQLite file is damaged or cut off.");
  });

  test("never stops the program, whichever bytes are wrong", async () => {
    const shop = await make("noise.db", SHOP);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(shop.length - 1), fc.nat(255)), { minLength: 1, maxLength: 40 }),
        async (changes) => {
          const bytes = shop.slice();
          for (const [at, value] of changes) bytes[at] = value;
          try {
            rowsOf(await read(bytes, { table: "film" }));
          } catch (error) {
            expect(error).toMatchObject({ name: "KromaError" });
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test("whose schema has something of its own to run runs nothing but what it shows", async () => {
    const hostile = await make(
      "hostile.db",
      "CREATE TABLE a (x); INSERT INTO a VALUES (1); CREATE VIEW b AS SELECT load_extension('x') AS y FROM a",
    );
    expect(await failure(read(hostile, { table: "b" }))).toMatch(/^corrupt: SQLite can't read it: /);
  });
});
