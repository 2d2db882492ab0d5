/** Values as text, compared with what Node itself prints: a script must say the same in a cell. */
import { Console } from "node:console";
import { Writable } from "node:stream";
import { formatWithOptions } from "node:util";
import { assert, constantFrom, double, integer, oneof, property, string, letrec, array, dictionary } from "fast-check";
import { expect, test } from "vitest";
import { tableText } from "#kernels/typescript/console-table.ts";
import { formatLog } from "#kernels/typescript/console.ts";
import { inspect } from "#kernels/typescript/inspect.ts";

const nodes = (...values: unknown[]) => formatWithOptions({}, ...values);

class Point {
  x = 1;
  readonly y: unknown;
  readonly #hidden = 3;
  constructor(y: unknown) {
    this.y = y;
  }
  get sum(): number {
    return this.#hidden;
  }
}
class Tagged extends Point {
  readonly [Symbol.toStringTag] = "Tag";
}

const { value: anything } = letrec((tie) => ({
  leaf: oneof(
    integer(),
    double(),
    string({ maxLength: 40 }),
    string({
      unit: constantFrom(
        "\0",
        "\u001b",
        "\n",
        "\t",
        "\\",
        "'",
        '"',
        "`",
        "${",
        "é",
        "日",
        "한",
        "\u{1f600}",
        "\ud800",
        "\x9f",
      ),
      maxLength: 8,
    }),
    string({ minLength: 60, maxLength: 90, unit: constantFrom("a", "b", "\n", " ") }),
    constantFrom<unknown>(
      null,
      undefined,
      true,
      -0,
      10n,
      Symbol("s"),
      new Date(0),
      new Date(Number.NaN),
      /a+/gi,

      new Uint8Array([1, 2]),
      new Float64Array(9),
      new ArrayBuffer(3),
      new WeakSet(),
      new DataView(new ArrayBuffer(1)),
      () => 1,
      Point,
      Tagged,
      class extends Map {},
      function named() {},
      Math.max,
      async () => 1,
      function* () {},

      Object(1),
      Object("boxed"),
      Object(2n),
      Object(Symbol("b")),
      Object.assign([1], { 2: 3 }),
      Object.assign([], { length: 4 }),
      Object.create(null),
      Math,

      {
        get a() {
          return 1;
        },
        set b(_: unknown) {},
      },
      Object.create({ inherited: 1 }),
      Object.assign(() => 1, { p: 1 }),
    ),
  ),
  value: oneof(
    { depthSize: "medium", withCrossShrink: true },
    tie("leaf"),
    array(tie("value"), { maxLength: 9 }),
    array(integer(), { maxLength: 130 }),
    array(string({ maxLength: 12 }), { maxLength: 40 }),
    dictionary(string({ maxLength: 9 }), tie("value"), { maxKeys: 6, noNullPrototype: false }),
    tie("value").map((value) => new Point(value)),
    tie("value").map((value) => new Tagged(value)),
    array(tie("value"), { maxLength: 5 }).map((values) => new Set(values)),
    array(tie("value"), { maxLength: 4 }).map(
      (values) => new Map(values.map((value, at) => [at % 2 ? `k${at}` : value, value])),
    ),
    tie("value").map((value) => {
      const cyclic: unknown[] = [value];
      cyclic.push({ cyclic });
      return cyclic;
    }),
  ),
}));

test("console.log prints any value as Node does", () => {
  assert(
    property(anything, (value) => {
      expect(formatLog([value, ""])).toBe(nodes(value, ""));
    }),
    { numRuns: 2000 },
  );
});

test("formats in the first argument are filled in as Node does", () => {
  const format = array(constantFrom("%s", "%d", "%i", "%f", "%j", "%O", "%c", "%%", "%x", "a", "%"), { maxLength: 6 });
  const value = oneof(
    integer(),
    double(),
    string({ maxLength: 5 }),
    constantFrom<unknown>(
      -0,
      "12px",
      null,
      undefined,
      Symbol("k"),
      { a: [1, { b: 2 }] },
      [1],
      new Date(0),
      new Point(1),
      { toString: () => "own" },
    ),
  );
  assert(
    property(format, array(value, { minLength: 1, maxLength: 5 }), (marks, values) => {
      expect(formatLog([marks.join(" "), ...values])).toBe(nodes(marks.join(" "), ...values));
    }),
    { numRuns: 500 },
  );
});

test("tables are drawn as Node draws them", () => {
  const tables: readonly (readonly [data: object, columns?: readonly string[]])[] = [
    [[{ name: "日本", v: [1, 2, 3, 4] }, { name: "é", w: { a: 1, b: 2, c: 3 } }, 5, null, () => 1]],
    [
      [{ a: 1, b: 2 }, { b: 3 }],
      ["b", "none"],
    ],
    [{ row: { 10: "x", 2: "y", z: 1 }, other: [1, 2] }],
    [
      new Map<unknown, unknown>([
        ["k", 1],
        [{ a: 1 }, new Set([1])],
      ]),
    ],
    [new Set(["a", [1]])],
    [[]],
    [[new Date(0), undefined, "two\nlines"]],
  ];
  for (const [data, columns] of tables) {
    let drawn = "";
    const stream = new Writable({
      write(chunk, _encoding, done) {
        drawn += String(chunk);
        done();
      },
    });
    new Console(stream).table(data, columns);
    expect(`${tableText(data, columns)}\n`).toBe(drawn);
  }
});

test("values that fight back are shown all the same", () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error("get");
      },
      ownKeys: () => {
        throw new Error("keys");
      },
    },
  );
  expect(inspect(hostile)).toMatch(/cannot be shown/);
  let deep: unknown = 1;
  for (let count = 0; count < 1e5; count++) deep = { deep };
  expect(inspect(deep, { depth: Number.POSITIVE_INFINITY })).toMatch(/cannot be shown|deep/);
  expect(inspect(Object.assign([], { length: 4e9 }))).toBe("[ <4000000000 empty items> ]");
  expect(inspect(Object.assign(Object.create(Date.prototype) as object, { fake: 1 }))).not.toBe("");
});
