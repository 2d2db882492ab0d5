/** Tables on the screen: a million rows that scroll, sort, filter and sum, and what is shown of files that are none. */
import "apache-arrow";
import "hyparquet";
import startSqlite from "@sqlite.org/sqlite-wasm";
import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { draw, type Drawn } from "./draw.ts";

const MIME = "application/vnd.kroma.table+json";
let drawn: Drawn | undefined;
afterEach(() => drawn?.remove());

async function show(content: BlobPart, path = "table.csv"): Promise<HTMLElement> {
  drawn = await draw(
    { [MIME]: { path } },
    { file: (name) => Promise.resolve(name === path ? new Blob([content]) : undefined) },
  );
  return drawn.element;
}
const all = (element: HTMLElement, selector: string): string[] =>
  [...element.querySelectorAll(selector)].map(({ textContent }) => textContent);
const said = (element: HTMLElement): string => element.querySelector(".kroma-grid-said")?.textContent ?? "";
const firstCells = (element: HTMLElement, column = 1): string[] =>
  all(element, `.kroma-grid-sheet .kroma-grid-cell:nth-child(${column})`);
const sortBy = (element: HTMLElement, name: string): void =>
  [...element.querySelectorAll<HTMLButtonElement>(".kroma-grid-name")]
    .find(({ textContent }) => textContent === name)!
    .click();
function filter(element: HTMLElement, name: string, text: string): void {
  const input = element.querySelector<HTMLInputElement>(`[aria-label="Filter ${name}"]`)!;
  input.value = text;
  input.dispatchEvent(new InputEvent("input"));
}

test("rows are shown, sorted up and down, filtered and summed", async () => {
  const element = await show("town,rain\nOslo,3.50\nBergen,8\nBodø,5\n");
  await expect.poll(() => firstCells(element)).toEqual(["Oslo", "Bergen", "Bodø"]);
  await expect.poll(() => all(element, ".kroma-grid-foot .number")).toEqual(["Σ 16.5"]);
  sortBy(element, "rain");
  await expect.poll(() => firstCells(element)).toEqual(["Oslo", "Bodø", "Bergen"]);
  expect(element.querySelector("[aria-sort=ascending]")!.textContent).toContain("rain");
  sortBy(element, "rain");
  await expect.poll(() => firstCells(element)).toEqual(["Bergen", "Bodø", "Oslo"]);
  filter(element, "town", "b");
  await expect.poll(() => firstCells(element)).toEqual(["Bergen", "Bodø"]);
  expect(said(element)).toBe("2 of 3 rows · 2 columns");
  expect(all(element, ".kroma-grid-foot .number")).toEqual(["Σ 13"]);
  const { violations } = await axe.run(element);
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});

test("a million rows: the first at once, any place by scrolling, sorted within a second or so, and no long task", async () => {
  const lines = ["id,group,value"];
  for (let row = 0; row < 1_000_000; row++) lines.push(`${row},g${row % 97},${(row * 7919) % 1_000_003}`);
  const file = new Blob([lines.join("\n")]);
  lines.length = 0;
  // What made it was a long task of the test's own, which ends here.
  await file.slice(0, 8).text();
  const tasks: number[] = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration)));
  const started = performance.now();
  const element = await show(file);
  observer.observe({ type: "longtask" });
  await expect.poll(() => firstCells(element).slice(0, 3), { interval: 10 }).toEqual(["0", "1", "2"]);
  const first = performance.now() - started;
  await expect.poll(() => said(element), { interval: 20 }).toBe("1,000,000 rows · 3 columns");
  // A sum that is cut off would be another number.
  const sums = () =>
    [...element.querySelectorAll(".kroma-grid-foot .number")].map((cell) => [
      cell.textContent,
      cell.scrollWidth <= cell.clientWidth,
    ]);
  await expect.poll(sums).toEqual([
    ["Σ 499,999,500,000", true],
    [expect.any(String), true],
  ]);
  await expect.poll(() => all(element, ".kroma-grid-foot .number")[0], { interval: 20 }).toBe("Σ 499,999,500,000");
  const loaded = performance.now() - started;

  const box = element.querySelector(".kroma-grid-box")!;
  box.scrollTop = box.scrollHeight;
  await expect.poll(() => firstCells(element).at(-1), { interval: 20 }).toBe("999999");
  const last = [...element.querySelectorAll(".kroma-grid-sheet .kroma-grid-row")].at(-1)!.getBoundingClientRect();
  const foot = element.querySelector(".kroma-grid-foot")!.getBoundingClientRect();
  expect(last.bottom).toBeLessThanOrEqual(foot.top + 2);
  expect(last.bottom).toBeGreaterThan(foot.top - 30);
  box.scrollTop = box.scrollHeight / 2;
  await expect.poll(() => Number(firstCells(element)[0]), { interval: 20 }).toBeGreaterThan(400_000);

  box.scrollTop = 0;
  const sorting = performance.now();
  sortBy(element, "value");
  await expect.poll(() => firstCells(element, 3).slice(0, 2), { interval: 10 }).toEqual(["0", "1"]);
  const sorted = performance.now() - sorting;
  filter(element, "group", "=g96");
  await expect.poll(() => said(element), { interval: 20 }).toBe("10,309 of 1,000,000 rows · 3 columns");
  observer.disconnect();
  const longest = Math.max(0, ...tasks);
  console.info(
    `first rows ${first.toFixed(0)} ms, all read ${loaded.toFixed(0)} ms, sorted ${sorted.toFixed(0)} ms, longest task ${longest.toFixed(0)} ms`,
  );
  expect(element.querySelectorAll(".kroma-grid-sheet .kroma-grid-row").length).toBeLessThan(60);
});

test("an SQLite file's tables are chosen from, each with an order of its own", async () => {
  const sqlite = await startSqlite();
  const database = new sqlite.oo1.DB(":memory:");
  database.exec(`CREATE TABLE film (title, price); INSERT INTO film VALUES ('Metropolis', 3), ('Nosferatu', 2);
    CREATE TABLE shop (town); INSERT INTO shop VALUES ('Oslo')`);
  const bytes = sqlite.capi.sqlite3_js_db_export(database.pointer!) as Uint8Array<ArrayBuffer>;
  database.close();
  const element = await show(bytes, "shop.db");
  await expect.poll(() => firstCells(element), { timeout: 60_000 }).toEqual(["Metropolis", "Nosferatu"]);
  sortBy(element, "price");
  await expect.poll(() => firstCells(element)).toEqual(["Nosferatu", "Metropolis"]);
  const choice = element.querySelector("select")!;
  expect([...choice.options].map(({ textContent }) => textContent)).toEqual(["film · 2 rows", "shop · 1 rows"]);
  choice.value = "shop";
  choice.dispatchEvent(new Event("change"));
  await expect.poll(() => firstCells(element), { timeout: 60_000 }).toEqual(["Oslo"]);
  expect(all(element, ".kroma-grid-name")).toEqual(["town"]);
  await expect.poll(() => said(element)).toBe("1 row · 1 column");
  const { violations } = await axe.run(element);
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});

test("what can't be shown is said in its place", async () => {
  const missing = await draw({ [MIME]: { path: "gone.csv" } }, { file: () => Promise.resolve(undefined) });
  expect(missing.element.textContent).toBe("The file gone.csv is not in the workspace any more.");
  missing.remove();
  const element = await show("this is text", "table.parquet");
  await expect.poll(() => said(element)).toBe("table.parquet can't be shown as a table: This is not a Parquet file.");
  drawn?.remove();
  const empty = await show("");
  await expect.poll(() => said(empty)).toBe("0 rows · 0 columns");
});

test("a cell's text is text", async () => {
  const element = await show("a\n<img src=x onerror=alert(1)>\n");
  await expect.poll(() => firstCells(element)).toEqual(["<img src=x onerror=alert(1)>"]);
  expect(element.querySelector("img")).toBeNull();
});
