/** One-line charts, as specifications. */
import { tableFromArrays } from "apache-arrow";
import { expect, test } from "vitest";
import { chartOf } from "#kernels/typescript/plot.ts";

const rows = [
  { city: "Oslo", rain: 3, day: new Date("2020-01-01"), unused: {} },
  { city: "Rome", rain: NaN, day: new Date("2020-01-02"), unused: {} },
];

test("a chart holds its columns, and its mark and scales are those that fit", () => {
  expect(chartOf(rows, { x: "city", y: "rain" })).toMatchObject({
    data: {
      values: [
        { x: "Oslo", y: 3 },
        { x: "Rome", y: undefined },
      ],
    },
    mark: { type: "bar" },
    encoding: { x: { type: "nominal", title: "city" }, y: { type: "quantitative", title: "rain" } },
  });
  expect(chartOf(rows, { x: "day", y: "rain", color: "city" })).toMatchObject({
    mark: { type: "line" },
    encoding: { x: { type: "temporal" }, color: { field: "color", type: "nominal" } },
  });
  expect(chartOf(rows, { x: "rain" })).toMatchObject({
    mark: { type: "bar" },
    encoding: { x: { bin: true }, y: { aggregate: "count" } },
  });
  expect(chartOf({ a: [1, 2], b: new Float64Array([3, 4]) }, { x: "a", y: "b", mark: "area" })).toMatchObject({
    data: {
      values: [
        { x: 1, y: 3 },
        { x: 2, y: 4 },
      ],
    },
    mark: { type: "area" },
  });
  expect(chartOf(tableFromArrays({ n: [1n, 2n], m: [5, 6] }), { x: "n", y: "m" })).toMatchObject({
    mark: { type: "point" },
    data: {
      values: [
        { x: 1, y: 5 },
        { x: 2, y: 6 },
      ],
    },
  });
  expect(chartOf([], { x: "a" })).toMatchObject({ data: { values: [] } });
});

test("what is no table, has no such column or too many rows is said", () => {
  expect(() => chartOf(rows, { x: "town" })).toThrow("The table has no column town. It has city, rain, day, unused.");
  expect(() => chartOf(7, { x: "a" })).toThrow("plot takes a list of objects");
  expect(() =>
    chartOf(
      Array.from({ length: 20_001 }, () => ({ a: 1 })),
      { x: "a" },
    ),
  ).toThrow("at most 20000 rows");
  expect(() => chartOf(rows, {} as never)).toThrow("plot needs the name of a column");
});
