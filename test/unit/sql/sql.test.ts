/** SQL cells over files, values of other languages and tables of their own. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { tableFromArrays, tableFromIPC, tableToIPC } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { getValue, setValue } from "#core/workspace/values.ts";
import { pythonKernel } from "#kernels/python/kernel.ts";
import { typescriptKernel } from "#kernels/typescript/kernel.ts";
import { makeParquet } from "../data/make-parquet.ts";
import { KernelDriver, type RunResult } from "../typescript/kernel-driver.ts";
import { type SqlInNode, startSqlInNode } from "./in-node.ts";

let sql: SqlInNode;
beforeAll(async () => {
  sql = await startSqlInNode();
}, 120_000);
afterAll(() => sql?.close(), 60_000);

/** The last table of a run, as text. */
const plain = ({ displays, error }: RunResult): string =>
  error ? `${error.ename}: ${error.evalue}` : String(displays.at(-1)?.["text/plain"]);
const show = async (code: string): Promise<string> => plain(await sql.kernel.run(code));
const write = (path: string, content: string | Uint8Array): Promise<void> => writeFile(join(sql.folder, path), content);

describe("SQL over files", () => {
  it("reads CSV files and patterns of them, and writes one", async () => {
    await mkdir(join(sql.folder, "months"));
    await write("months/one.csv", "city,n\nOslo,3\nRome,4\n");
    await write("months/two.csv", "city,n\nOslo,5\n");
    expect(await show("SELECT city, sum(n) AS n FROM 'months/*.csv' GROUP BY city ORDER BY city")).toBe(
      "city  n\n────  ─\nOslo  8\nRome  4",
    );
    expect(await show("SELECT count(*) AS n FROM read_csv('/workspace/months/one.csv')")).toBe("n\n─\n2");
    const copied = await sql.kernel.run("COPY (SELECT 1 AS a, 'x' AS b) TO 'out.csv'");
    expect(copied.stdout).toBe("COPY 1 row\n");
    expect(await readFile(join(sql.folder, "out.csv"), "utf8")).toBe("a,b\n1,x\n");
  });

  it("reads Parquet, JSON and Arrow by name, and again when they have changed", async () => {
    await write("p.parquet", makeParquet({ n: [1, 2, 3] }));
    expect(await show("SELECT sum(n) AS s FROM 'p.parquet'")).toBe("s\n─\n6");
    expect(await show("SELECT sum(n) AS s FROM read_parquet('p.parquet')")).toBe("s\n─\n6");
    await write("j.json", '[{"a": 1, "b": "x"}, {"a": 2.5, "c": [1, 2]}]');
    expect(await show("SELECT * FROM 'j.json'")).toBe("a    b  c\n───  ─  ─────\n1    x\n2.5     [1,2]");
    await write("j.json", '{"a": 7}\n{"a": 8}\n');
    expect(await show("SELECT sum(a) AS a FROM 'j.json'")).toBe("a\n──\n15");
    await write("t.arrow", tableToIPC(tableFromArrays({ x: [1, 2], w: ["a", "b"] }), "file"));
    expect(await show("SELECT w FROM 't.arrow' WHERE x = 2")).toBe("w\n─\nb");
  });

  it("says what is wrong with a file", async () => {
    await write("cut.parquet", makeParquet({ n: [1, 2, 3] }).subarray(0, 60));
    await write("bad.json", '[{"a": 1},');
    await write("bad.arrow", "no arrow");
    expect(await show("FROM 'cut.parquet'")).toMatch(
      /cut\.parquet can't be read as a table\. The Parquet file is damaged/,
    );
    expect(await show("FROM 'bad.json'")).toMatch(/bad\.json can't be read as a table\. It is not JSON/);
    expect(await show("FROM 'bad.arrow'")).toMatch(/It is not an Arrow file/);
    expect(await show("FROM 'gone.parquet'")).toMatch(/no such file in the workspace/);
    expect(await show("FROM 'gone.csv'")).toMatch(/^IOError: No files found/);
    expect(await show("FROM '../secret.csv'")).toMatch(/outside of the workspace/);
    expect(await show("FROM 'what.xyz'")).toMatch(/what\.xyz/);
  });
});

describe("SQL over SQLite files", () => {
  const make = (name: string, script: string): void => {
    const database = new DatabaseSync(join(sql.folder, name));
    database.exec(script);
    database.close();
  };

  it("reads a table by the file and its name, and lists those that there are", async () => {
    make(
      "shop.db",
      `DROP VIEW IF EXISTS dear; DROP TABLE IF EXISTS film; CREATE TABLE film (id INTEGER PRIMARY KEY, title TEXT, price REAL, cover BLOB, code);
       INSERT INTO film VALUES (1, 'Metropolis', 2.5, x'01', 1), (2, 'Čapek', NULL, NULL, 'b'), (9007199254740993, '', 3, x'', x'0a');
       CREATE VIEW dear AS SELECT title, price FROM film WHERE price > 2.7`,
    );
    expect(await show("FROM 'shop.db'")).toBe("name  rows  columns\n────  ────  ───────\ndear        2\nfilm  3     5");
    expect(await show("SELECT max(id) AS id, sum(price) AS s, count(cover) AS c FROM 'shop.db/film'")).toBe(
      "id                s    c\n────────────────  ───  ─\n9007199254740993  5.5  2",
    );
    expect(await show("SELECT typeof(id) AS i, typeof(title) AS t, typeof(price) AS p, typeof(cover) AS c, code FROM sqlite_scan('shop.db', 'FILM') WHERE id > 2")).toBe(
      "i       t        p       c     code\n──────  ───────  ──────  ────  ─────\nBIGINT  VARCHAR  DOUBLE  BLOB  x'0a'",
    ); // prettier-ignore
    expect(await show("FROM 'shop.db/gone'")).toMatch(/The file shop\.db has no table gone\. It has dear, film\./);
  });

  it("attaches a file under a name, and sees what changes in it", async () => {
    make(
      "store.sqlite",
      "DROP TABLE IF EXISTS price; DROP TABLE IF EXISTS later; CREATE TABLE price (item, euro); INSERT INTO price VALUES ('tea', 3)",
    );
    expect(await show("ATTACH 'store.sqlite' AS s (TYPE sqlite); SELECT euro FROM s.price")).toBe("euro\n────\n3");
    make("store.sqlite", "INSERT INTO price VALUES ('bun', 'free'); CREATE TABLE later (x)");
    expect(await show("SELECT euro FROM s.Price WHERE item = 'bun'")).toBe("euro\n────\nfree");
    expect(await show("FROM s.later")).toMatch(/^CatalogError/);
    expect(await show("ATTACH 'store.sqlite' AS s")).toMatch(/There is a database s already/);
    expect(await show("DETACH s; ATTACH IF NOT EXISTS 'store.sqlite'; SELECT count(*) AS n FROM store.price")).toBe(
      "n\n─\n2",
    );
    expect(await show("FROM s.price")).toMatch(/^CatalogError/);
  });

  it("says what is wrong with a file", async () => {
    await write("none.db", "no database");
    await write("cut.db", (await readFile(join(sql.folder, "shop.db"))).subarray(0, 4096));
    expect(await show("FROM 'none.db'")).toMatch(/none\.db can't be read as a table\. This is not an SQLite file/);
    expect(await show("FROM 'cut.db/film'")).toMatch(/The SQLite file is damaged or cut off/);
    expect(await show("ATTACH 'none.db' (TYPE sqlite)")).toMatch(/This is not an SQLite file/);
    expect(await show("FROM 'gone.db'")).toMatch(/no file gone\.db in the workspace/);
  });
});

describe("SQL and other languages", () => {
  it("reads values by name and names its rows for others", async () => {
    const python = await KernelDriver.start(pythonKernel, sql.host);
    await python.run("import kroma\nkroma.set('people', [{'name': 'Ada', 'age': 36}, {'name': 'Alan', 'age': 41}])");
    const typescript = await KernelDriver.start(typescriptKernel, sql.host);
    await typescript.run("kroma.set('scores', { name: ['Ada', 'Alan'], score: [2.5, 4] })");
    const joined = await sql.kernel.run(
      "-- name: ranked\nSELECT name, age, score FROM people JOIN scores USING (name) ORDER BY score DESC",
    );
    expect(plain(joined)).toBe("name  age  score\n────  ───  ─────\nAlan  41   4\nAda   36   2.5");
    expect(await python.show("kroma.get('ranked')[0]")).toBe("{'name': 'Alan', 'age': 41, 'score': 4}");
    expect(await typescript.show("kroma.get('ranked').map((row) => row.age)")).toBe("[ 41, 36 ]");
    await python.run("kroma.set('people', {'name': ['Eve'], 'age': [1]})");
    expect(await show("SELECT name FROM people")).toBe("name\n────\nEve");
    python.close();
    typescript.close();
  }, 120_000);

  it("reads variables of the kernels that run, as they are when the cell runs", async () => {
    const python = await KernelDriver.start(pythonKernel, sql.host);
    const typescript = await KernelDriver.start(typescriptKernel, sql.host);
    await python.run("towns = [{'town': 'Oslo', 'n': 1}]\nodd = {1: 2}\nclass Frame:\n    columns = ['a']\n    def __getitem__(self, name):\n        return [1.5, float('nan')]\nframe = Frame()"); // prettier-ignore
    await typescript.run("const rain = [{ town: 'Oslo', mm: 3 }, { town: 'Rome', mm: 2 }]; function helper() {}");
    expect(await show("FROM towns")).toMatch(/^CatalogError: Table with name towns does not exist/);
    sql.kernel.others.set("python", python).set("typescript", typescript);
    try {
      expect(await show("SELECT town, n, mm FROM towns JOIN rain USING (town)")).toBe(
        "town  n  mm\n────  ─  ──\nOslo  1  3",
      );
      await python.run("towns = [{'town': 'Rome', 'n': 5}]");
      expect(await show("FROM towns")).toBe("town  n\n────  ─\nRome  5");
      expect(await show("SELECT a FROM frame")).toBe("a\n───\n1.5\n");
      expect(await show("FROM odd")).toMatch(/^SqlError: odd can't be read as a table\. .*only text can be a key/);
      for (const none of ["helper", "list", "nobody", "kroma"])
        expect(await show(`FROM ${none}`)).toMatch(/^CatalogError/);
      expect(await python.show("kroma.list()")).not.toContain("_sql");
    } finally {
      sql.kernel.others.clear();
      python.close();
      typescript.close();
    }
  }, 120_000);

  it("gives every type as the other languages have it", async () => {
    await sql.kernel.run(
      `-- name: types
      SELECT 1::DECIMAL(10,2) AS d, 2::HUGEINT AS h, DATE '2020-01-02' AS day, TIMESTAMP '2020-01-02 03:04:05' AS ts,
        TIME '01:02:03' AS tm, INTERVAL 1 DAY AS iv, [1, 2] AS l, {'a': 1} AS s, 'x'::BLOB AS b, true AS t, NULL AS n,
        9007199254740993::BIGINT AS big, 'a'::ENUM('a', 'b') AS e, MAP {'k': 1} AS m`,
    );
    const files = new SyncFs(sql.host.workspace!);
    expect(getValue(files, "types")).toEqual([
      {
        d: 1, h: 2, day: new Date("2020-01-02"), ts: new Date("2020-01-02T03:04:05Z"), tm: "01:02:03", iv: "1 days", l: [1, 2],
        s: { a: 1 }, b: new Uint8Array([120]), t: true, n: null, big: 9007199254740993n, e: "a", m: { k: 1 },
      },
    ]); // prettier-ignore
    setValue(files, "numbers", new Float64Array([1.5, 2.5]));
    expect(await show("SELECT sum(value) AS s FROM numbers")).toBe("s\n─\n4");
    setValue(files, "bytes", new Uint8Array(3));
    expect(await show("FROM bytes")).toMatch(/bytes can't be read as a table\. It holds bytes/);
    files.release();
  });

  it("refuses a name that is none, before it runs the statement", async () => {
    expect(await show("-- name: a/b\nCREATE TABLE never AS SELECT 1")).toMatch(/no name for a value/);
    expect(await show("FROM never")).toMatch(/^CatalogError/);
  });
});

it("runs in the notebook of a stranger, whose thread has no way to the disk", async () => {
  const foreign = await startSqlInNode({ foreign: true });
  await writeFile(join(foreign.folder, "a.csv"), "n\n4\n");
  expect(plain(await foreign.kernel.run("FROM 'a.csv'"))).toBe("n\n─\n4");
  expect(plain(await foreign.kernel.run("FROM '/etc/passwd'"))).not.toContain("root");
  const database = new DatabaseSync(join(foreign.folder, "a.db"));
  database.exec("CREATE TABLE IF NOT EXISTS t AS SELECT 5 AS n");
  database.close();
  expect(plain(await foreign.kernel.run("FROM 'a.db/t'"))).toBe("n\n─\n5");
  await foreign.close();
}, 120_000);

describe("SQL cells", () => {
  it("keep tables and views, and show each statement's rows", async () => {
    const { displays, stdout } = await sql.kernel.run(
      "CREATE TABLE t AS SELECT range AS i FROM range(3);\nSELECT max(i) AS m FROM t;\nEXPLAIN FROM t;\nFROM t WHERE false",
    );
    expect(stdout).toMatch(/^CREATE 3 rows\n/);
    expect(stdout).toContain("SEQ_SCAN");
    expect(displays.map((data) => data["text/plain"])).toEqual(["m\n─\n2", "i\n─\n(no rows)"]);
    expect(displays[0]?.["text/html"]).toBe(
      "<table><thead><tr><th>m</th></tr></thead><tbody><tr><td>2</td></tr></tbody></table>",
    );
    await sql.kernel.run("DROP TABLE t");
  });

  it("hold a large result as a file beside the notebook", async () => {
    const { displays } = await sql.kernel.run("SELECT range AS i, 'row ' || range AS w FROM range(200000)");
    const viewer = displays[0]?.["application/vnd.kroma.table+json"] as { readonly path: string };
    const files = new SyncFs(sql.host.workspace!);
    expect(tableFromIPC(files.readFile(viewer.path)).numRows).toBe(200_000);
    files.release();
    expect(String(displays[0]?.["text/plain"])).toContain("… 199,980 more rows");
  });

  it("say the line of an error in the cell, with DuckDB's hint", async () => {
    const { error } = await sql.kernel.run("SELECT 1;\n\n-- a comment\nSELECT foo\nFROM (SELECT 1 AS fob)");
    expect(error).toMatchObject({ ename: "BinderError", line: 4 });
    expect(error?.traceback.join("\n")).toContain('Candidate bindings: "fob"');
    expect(error?.traceback.join("\n").match(/LINE/g)).toEqual(["LINE"]);
  });

  it("have no extensions and no network", async () => {
    expect(await show("LOAD httpfs")).toMatch(/no extensions/);
    expect(await show("INSTALL 'http://127.0.0.1:1/x.wasm'")).toMatch(/no extensions/);
    expect(await show("FROM 'http://127.0.0.1:1/x.csv'")).toMatch(/files of the workspace/);
    expect(await show("SELECT '{}'->>'a'")).toMatch(/extension json, which Kroma's SQL does not have\. JSON files/);
    expect(await show("SELECT '{}'::JSON AS j")).toBe("j\n──\n{}");
    expect(await show("SELECT current_date = now()::TIMESTAMP::DATE AS d")).toBe("d\n────\ntrue");
    for (const zoned of ["date_trunc('month', now())", "now() AT TIME ZONE 'Asia/Tokyo'", "now() - INTERVAL 1 DAY"]) {
      expect(await show(`SELECT ${zoned}`)).toMatch(
        /extension icu, which Kroma's SQL does not have\. Times are in UTC/,
      );
    }
    expect(await show("SET autoload_known_extensions = true; SELECT json_valid('{}')")).not.toMatch(/^\w+\n─/);
  });
});
