/** Tables as their worker has them: files read, rows in order, those that pass, and what they come to. */
import { tableFromArrays, tableToIPC, vectorFromArray, Table, TimestampMillisecond } from "apache-arrow";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Column, columnOf, numberColumn } from "#plugins/data/columns.ts";
import { CsvReader } from "#plugins/data/csv.ts";
import { DataTable } from "#plugins/data/data-table.ts";
import type { TableFormat } from "#plugins/data/messages.ts";
import { ordered } from "#plugins/data/order.ts";
import { readTable } from "#plugins/data/readers.ts";
import { makeParquet } from "./make-parquet.ts";
import { failure } from "../kit.ts";

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const rowsOf = (columns: readonly Column[], rows: number): string[][] =>
  Array.from({ length: rows }, (_, row) => columns.map((column) => column.text(row)));
function readCsv(text: string, separator?: string) {
  const reader = new CsvReader(bytes(text), separator);
  while (!reader.isDone) reader.read(2);
  const columns = reader.columns();
  return {
    names: columns.map(({ name }) => name),
    kinds: columns.map(({ kind }) => kind),
    rows: rowsOf(columns, reader.rows),
  };
}
async function readAll(content: Uint8Array<ArrayBuffer>, format: TableFormat) {
  let last;
  for await (const part of readTable({ file: new Blob([content]), format })) last = part;
  const { columns, rows } = last!;
  return { kinds: columns.map(({ name, kind }) => `${name}:${kind}`), rows: rowsOf(columns, rows) };
}

describe("separated values", () => {
  test("numbers are numbers and stay as they were written", () => {
    expect(readCsv("name,price,share\nbun,2.90,1e3\ntea,-0.5,\n")).toEqual({
      names: ["name", "price", "share"],
      kinds: ["text", "number", "number"],
      rows: [
        ["bun", "2.90", "1e3"],
        ["tea", "-0.5", ""],
      ],
    });
  });

  test("quotes hold separators, quotes and line ends", () => {
    expect(readCsv('a,b\r\n"x, ""y""","two\nlines"\r\n"",z\r\n').rows).toEqual([
      ['x, "y"', "two\nlines"],
      ["", "z"],
    ]);
  });

  test("the separator is told from the head, and names that lack or repeat are made up", () => {
    expect(readCsv("a;b;;a\n1;2;3;4\n")).toMatchObject({
      names: ["a", "b", "column 3", "a (2)"],
      rows: [["1", "2", "3", "4"]],
    });
    expect(readCsv("\ufeffa\tb\n1\t2", "\t").names).toEqual(["a", "b"]);
  });

  test("rows that are too short or too long, empty lines and a quote that never ends lose nothing", () => {
    expect(readCsv("a,b\n1\n\n2,3,4\n").rows).toEqual([
      ["1", ""],
      ["2", "3"],
    ]);
    expect(readCsv('a,b\n1,"open\n2,3').rows).toEqual([["1", "open\n2,3"]]);
    expect(readCsv("")).toEqual({ names: [], kinds: [], rows: [] });
    expect(readCsv("a,b\n")).toMatchObject({ names: ["a", "b"], rows: [] });
  });

  test.each([
    ["01234\n5", "text"],
    ["0\n0.5\n-0", "number"],
    [".5\n5.\n+7", "number"],
    ["1.2.3\n4", "text"],
    ["-\n1", "text"],
    [".\n1", "text"],
    ["2024-01-01", "text"],
    ["12345678901234567890\n1", "number"],
    ["NaN\n1", "text"],
  ])("%j is %s", (cells, kind) => {
    expect(readCsv(`head\n${cells}`).kinds).toEqual([kind]);
  });

  test("whatever is written as RFC 4180 says comes back", () => {
    const word = fc.string({ maxLength: 8 }).map((text) => text.replaceAll("\r", ""));
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word, word), { minLength: 1, maxLength: 12 }), (rows) => {
        const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
        const file = ["a,b,c", ...rows.map((row) => row.map(quoted).join(","))].join("\n");
        expect(readCsv(file).rows).toEqual(rows);
      }),
    );
  });

  test("any bytes are a table and never a crash", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const reader = new CsvReader(noise);
        for (let turns = 0; !reader.isDone; turns++) {
          expect(turns).toBeLessThan(300);
          reader.read(1);
        }
        rowsOf(reader.columns(), reader.rows);
      }),
    );
  });

  test("numbers are the nearest there are to what is written", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = String(value);
        const reader = new CsvReader(bytes(`n\n${text}\n1`));
        reader.read(10);
        const [column] = reader.columns();
        expect(column!.kind === "number" && column!.values[0]! - Number(text)).toBe(0);
      }),
    );
  });
});

describe("files that are not quite tables", () => {
  async function notesOf(content: Uint8Array<ArrayBuffer>): Promise<readonly string[]> {
    let last;
    for await (const part of readTable({ file: new Blob([content]), format: "csv" })) last = part;
    return last?.notes ?? [];
  }

  test("what is odd about a file is said, and what can be read is", async () => {
    expect(await notesOf(bytes("a,b\n1,2\n"))).toEqual([]);
    expect(await notesOf(bytes(""))).toEqual(["The file is empty."]);
    expect(await notesOf(bytes('a,b\n1,2\n3,"4\n5,6\n'))).toEqual([
      "A quote in row 2 is never closed: all that follows is in that cell.",
    ]);
    expect(await notesOf(bytes('a,"b\n1,2'))).toEqual([
      "A quote in the head is never closed: all that follows is in that cell.",
    ]);
    expect(await notesOf(bytes("a\n1,2\n3\n4,5,6\n"))).toEqual([
      "2 rows have more cells than the head; what is over is left out.",
    ]);
    expect(await notesOf(bytes(`${"c,".repeat(999_999)}c\n1,2\n`))).toEqual([
      "The file has 1,000,000 columns; the first 2,000 are read.",
    ]);
  });

  test("letters that are not UTF-8 are found, wherever a piece of the file ends", async () => {
    for (const at of [0, 65_533, 65_534, 65_535, 65_536, 70_000]) {
      const content = bytes(`é${"x".repeat(80_000)}`.slice(0, 80_000));
      expect(await notesOf(content)).toEqual([]);
      content[at + 2] = 0xff;
      expect(await notesOf(content)).toEqual([
        `The file is not UTF-8 from byte ${at + 3} on: some letters stand as \ufffd.`,
      ]);
    }
  });

  test("a cell of many millions of letters is cut on the screen, and found whole by a filter", async () => {
    const content = bytes(`a,b\n1,${"x".repeat(20_000_000)}end\n2,y\n`);
    let last;
    for await (const part of readTable({ file: new Blob([content]), format: "csv" })) last = part;
    const table = new DataTable(last!.columns, last!.rows);
    expect(table.cells(0, 2).map((cells) => cells[1]!.length)).toEqual([2000, 1]);
    table.look({ sort: undefined, filters: { 1: "xend" } });
    expect(table.length).toBe(1);
  });
});

describe("Parquet and Arrow", () => {
  const names = ["Ada", "Bo", "", "Čeněk"];
  test.each([false, true])("a Parquet file is read (packed: %s)", async (packed) => {
    const file = makeParquet(
      { name: names, height: [1.5, 2.25, 0, -1], born: [1n, 2n, 3n, 9007199254740993n] },
      packed,
    );
    expect(await readAll(file, "parquet")).toEqual({
      kinds: ["name:text", "height:number", "born:number"],
      rows: [
        ["Ada", "1.5", "1"],
        ["Bo", "2.25", "2"],
        ["", "0", "3"],
        ["Čeněk", "-1", "9007199254740990"],
      ],
    });
  });

  test("Arrow files and streams are read, with moments, truth values and what is missing", async () => {
    const table = new Table({
      when: vectorFromArray([0, 86_400_000, null], new TimestampMillisecond()),
      well: vectorFromArray([true, null, false]),
      word: vectorFromArray(["a", null, "c"]),
      size: vectorFromArray(Int32Array.of(1, 2, 3)),
    });
    const wanted = {
      kinds: ["when:time", "well:truth", "word:text", "size:number"],
      rows: [
        ["1970-01-01", "true", "a", "1"],
        ["1970-01-02", "", "", "2"],
        ["", "false", "c", "3"],
      ],
    };
    expect(await readAll(tableToIPC(table, "file").slice() as Uint8Array<ArrayBuffer>, "arrow")).toEqual(wanted);
    expect(await readAll(tableToIPC(table, "stream").slice() as Uint8Array<ArrayBuffer>, "arrow")).toEqual(wanted);
  });

  test("the first bytes know better than the name, and damage is said", async () => {
    const file = makeParquet({ n: [1, 2] });
    expect((await readAll(file, "csv")).kinds).toEqual(["n:number"]);
    expect(await failure(readAll(bytes("a,b\n1,2"), "parquet"))).toBe("corrupt: This is not a Parquet file.");
    expect(await failure(readAll(file.slice(0, 40), "parquet"))).toMatch(/^corrupt: The Parquet file is damaged/);
    expect(await failure(readAll(bytes("not arrow at all"), "arrow"))).toMatch(/^corrupt: /);
    const ipc = tableToIPC(tableFromArrays({ a: [1, 2, 3] }), "file").slice() as Uint8Array<ArrayBuffer>;
    expect(await failure(readAll(ipc.slice(0, 60), "arrow"))).toMatch(/^corrupt: /);
  });
});

describe("order", () => {
  const all = (length: number): Uint32Array => Uint32Array.from({ length }, (_, row) => row);

  test("is that of a stable sort, up and down, with nothing last", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.double({ noDefaultInfinity: true }), fc.integer({ min: -3, max: 3 })), { maxLength: 60 }),
        fc.boolean(),
        (list, down) => {
          const values = Float64Array.from(list, (value) => value + 0);
          const expected = [...all(values.length)].sort((a, b) => {
            const [left, right] = [values[a]!, values[b]!];
            if (Number.isNaN(left) || Number.isNaN(right))
              return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
            return down ? right - left || 0 : left - right || 0;
          });
          expect([...ordered(all(values.length), numberColumn("n", values), down)]).toEqual(expected);
        },
      ),
    );
  });

  test("infinities stand at the ends, and both zeros are one", () => {
    const values = Float64Array.of(1, -Infinity, NaN, Infinity, -0, 0);
    expect([...ordered(all(6), numberColumn("n", values), false)]).toEqual([1, 4, 5, 0, 3, 2]);
    expect([...ordered(all(6), numberColumn("n", values), true)]).toEqual([3, 0, 4, 5, 1, 2]);
  });

  test("text is in order of its characters", () => {
    const column = columnOf("t", ["b", "", "a", "b", "č", "Z"]);
    expect([...ordered(all(6), column, false)]).toEqual([5, 2, 0, 3, 4, 1]);
    expect([...ordered(all(6), column, true)]).toEqual([4, 0, 3, 2, 5, 1]);
  });
});

describe("a table", () => {
  const table = (): DataTable =>
    new DataTable(
      [
        columnOf("city", ["Oslo", "Bergen", "Bodø", "oslo"]),
        numberColumn("rain", Float64Array.of(3, 8, NaN, 5)),
        columnOf("day", [new Date(0), new Date(86_400_000), new Date(2 * 86_400_000), new Date(3 * 86_400_000)]),
      ],
      4,
    );
  const shown = (filters: Readonly<Record<number, string>>, sort?: { column: number; descending: boolean }): string => {
    const data = table();
    data.look({ sort, filters });
    return data
      .cells(0, 10)
      .map(([city]) => city)
      .join(" ");
  };

  test.each([
    [{ 0: "OS" }, "Oslo oslo"],
    [{ 0: "=Oslo" }, "Oslo"],
    [{ 1: ">4" }, "Bergen oslo"],
    [{ 1: "<= 5" }, "Oslo oslo"],
    [{ 1: "3..5" }, "Oslo oslo"],
    [{ 1: "!= 8" }, "Oslo Bodø oslo"],
    [{ 1: "8" }, "Bergen"],
    [{ 0: "o", 1: ">3" }, "oslo"],
    [{ 2: ">1970-01-02" }, "Bodø oslo"],
    [{ 0: "  " }, "Oslo Bergen Bodø oslo"],
    [{ 0: "zzz" }, ""],
  ])("%j shows %s", (filters, cities) => {
    expect(shown(filters)).toBe(cities);
  });

  test("is sorted among the rows that pass", () => {
    expect(shown({ 1: ">0" }, { column: 1, descending: true })).toBe("Bergen oslo Oslo");
    expect(shown({}, { column: 1, descending: false })).toBe("Oslo oslo Bergen Bodø");
  });

  test("sums the numbers that are shown, and loses nothing on the way", () => {
    const data = table();
    data.look({ sort: undefined, filters: { 0: "o" } });
    expect(data.summaries()).toEqual([undefined, { count: 2, sum: 8, least: 3, most: 5 }, undefined]);
    const many = new DataTable([numberColumn("n", new Float64Array(1_000_000).fill(0.1))], 1_000_000);
    expect(many.summaries()[0]!.sum).toBe(100_000);
  });
});
