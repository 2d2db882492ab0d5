/** One-line charts of Python's, which are those of TypeScript. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { chartOf } from "#kernels/typescript/plot.ts";
import { type Cells, startPython } from "./harness.ts";

let python: Cells;
beforeAll(async () => {
  python = await startPython();
  await python.run("import json, kroma, datetime\nfrom _kroma.plot import chart_of");
}, 120_000);
afterAll(() => python?.close());

const chart = async (call: string): Promise<unknown> => {
  const run = await python.run(`print(json.dumps(chart_of(${call})))`);
  if (run.error) return run.error.evalue;
  return JSON.parse(run.stdout);
};

test("a chart is the same in both languages", async () => {
  const rows = [
    { city: "Oslo", rain: 3, day: "2020-01-01" },
    { city: "Rome", rain: 4.5, day: "2020-01-02" },
  ];
  const table = JSON.stringify(rows);
  expect(await chart(`${table}, "city", "rain"`)).toEqual(chartOf(rows, { x: "city", y: "rain" }));
  expect(await chart(`${table}, "day", "rain", "city"`)).toEqual(chartOf(rows, { x: "day", y: "rain", color: "city" }));
  expect(await chart(`${table}, "rain", title="Rain"`)).toEqual(chartOf(rows, { x: "rain", title: "Rain" }));
  expect(await chart(`{"a": [1, 2], "b": [3, 4]}, "a", "b", mark="area"`)).toEqual(
    chartOf({ a: [1, 2], b: [3, 4] }, { x: "a", y: "b", mark: "area" }),
  );
  expect(await chart(`[{"d": datetime.date(2020, 1, 2), "n": float("nan")}], "d", "n"`)).toMatchObject({
    data: { values: [{ x: "2020-01-02", y: null }] },
    encoding: { x: { type: "temporal" } },
  });
});

test("mistakes are said, and a chart is shown", async () => {
  expect(await chart(`[{"a": 1}], "b"`)).toContain("the table has no column 'b'; it has a");
  expect(await chart(`7, "b"`)).toContain("plot takes a list of dicts");
  const { messages } = await python.run("kroma.plot([{'a': 1}], 'a')");
  expect(messages.find(({ type }) => type === "display_data")).toMatchObject({
    data: { "application/vnd.vegalite.v6+json": { mark: { type: "bar" } } },
  });
});
