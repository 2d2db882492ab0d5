/**
 * A table of a million rows on the screen: its first rows, sorting, filtering, and whether the page's thread stands still
 * meanwhile; and how SQL asks the same file. From the click to the rows on the screen.
 */
import type { Page } from "playwright";
import { newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";
import { notebookOf, startServer } from "./server.ts";

const ROWS = 1_000_000;
const MAKE_TABLE = `with open("million.csv", "w") as file:
    file.write("id,group,value\\n")
    file.writelines(f"{row},g{row % 97},{row * 7919 % 1000003}\\n" for row in range(${ROWS}))
print("made")`;
const SHOW_TABLE = `import kroma
kroma.table("million.csv")`;
const SQL = `%%sql
SELECT "group", count(*) AS n, sum(value) AS total FROM 'million.csv' GROUP BY "group" ORDER BY total DESC`;

/** In the page: when a table appears and its first rows, and the longest task since. */
const WATCH = `
  window.seen = { table: 0, rows: 0, longest: 0 };
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      if (seen.table > 0 && startTime >= seen.table) seen.longest = Math.max(seen.longest, duration);
  }).observe({ type: "longtask" });
  new MutationObserver(() => {
    if (seen.table === 0 && document.querySelector(".kroma-grid")) seen.table = performance.now();
    if (seen.rows === 0 && document.querySelector(".kroma-grid-sheet .kroma-grid-row")) seen.rows = performance.now();
  }).observe(document, { childList: true, subtree: true });`;

/** In the page: does something and says how long it took until the first two rows are those. */
const timed = (act: string, cells: readonly (readonly [row: number, column: number, text: string])[]): string => `
  new Promise((done) => {
    const started = performance.now();
    const text = (row, column) =>
      document.querySelectorAll(".kroma-grid-sheet .kroma-grid-row")[row]?.children[column]?.textContent;
    const watch = () => {
      if (${JSON.stringify(cells)}.every(([row, column, wanted]) => text(row, column) === wanted)) done(performance.now() - started);
      else requestAnimationFrame(watch);
    };
    ${act}
    watch();
  })`;
const sortBy = (column: number): string => `document.querySelectorAll(".kroma-grid-name")[${column}].click();`;
const filter = (column: number, text: string): string => `
  const input = document.querySelectorAll(".kroma-grid-filter")[${column}];
  input.value = ${JSON.stringify(text)};
  input.dispatchEvent(new Event("input"));`;
const SCROLL = `
  new Promise((done) => {
    const box = document.querySelector(".kroma-grid-box");
    let step = 0;
    const next = () => {
      box.scrollTop = (box.scrollHeight * step) / 120;
      if ((step += 1) > 120) done();
      else requestAnimationFrame(next);
    };
    next();
  })`;

async function runCell(page: Page, index: number): Promise<number> {
  const cell = page.locator(`[data-cell="cell-${index}"]`);
  await cell.getByRole("textbox").first().click();
  const started = performance.now();
  await page.keyboard.press("Control+Enter");
  await page.locator(`[data-cell="cell-${index}"][data-status=done]`).waitFor({ timeout: 300_000 });
  return performance.now() - started;
}

/** Tables and SQL. */
export async function benchTables(): Promise<readonly Figure[]> {
  const server = await startServer();
  const profile = newProfile();
  const browser = await openBrowser(profile);
  try {
    server.pages.set("/notebooks/table.ipynb", notebookOf([MAKE_TABLE, SHOW_TABLE, SQL]));
    const page = await browser.context.newPage();
    await page.addInitScript(WATCH);
    await page.goto(`${server.url}/?path=notebooks/table.ipynb`);
    await runCell(page, 0);
    await runCell(page, 1);
    await page.getByText("1,000,000 rows · 3 columns").waitFor({ timeout: 60_000 });
    const number = (await page.evaluate(timed(sortBy(2), [[0, 2, "0"], [1, 2, "1"]]))) as number; // prettier-ignore
    const text = (await page.evaluate(timed(sortBy(1), [[0, 1, "g0"], [1, 0, "97"]]))) as number; // prettier-ignore
    const filtered = (await page.evaluate(timed(filter(0, "> 999900"), [[0, 0, "999973"], [1, 0, "999974"]]))) as number; // prettier-ignore
    await page.evaluate(timed(filter(0, ""), [[0, 0, "0"], [1, 0, "97"]])); // prettier-ignore
    await page.evaluate(SCROLL);
    const seen = (await page.evaluate("seen")) as { table: number; rows: number; longest: number };
    const loaded = await runCell(page, 2);
    const asked = await runCell(page, 2);
    const file = "of a CSV file of three columns, 20 MB";
    return [
      {
        name: "a million rows: the first on the screen",
        value: seen.rows - seen.table,
        unit: "ms",
        goal: 500,
        detail: `from the table's frame to its first rows, ${file}`,
      },
      { name: "a million rows sorted by a number", value: number, unit: "ms", goal: 1000, detail: "click to rows" },
      { name: "a million rows sorted by a text", value: text, unit: "ms", goal: 1000, detail: "click to rows" },
      {
        name: "a million rows filtered",
        value: filtered,
        unit: "ms",
        goal: 1000,
        detail: "key press to rows, of which 150 ms wait for the next key; sorted by a text meanwhile",
      },
      {
        name: "a million rows: the longest task",
        value: seen.longest,
        unit: "ms",
        goal: 50,
        detail: "of the page's thread while it is read, sorted, filtered and scrolled from end to end",
      },
      {
        name: "SQL over a million rows",
        value: asked,
        unit: "ms",
        goal: 3000,
        detail: `a GROUP BY ${file}; ${(loaded / 1000).toFixed(1)} s the first time, which loads DuckDB`,
      },
    ];
  } finally {
    await browser.close();
    removeProfile(profile);
    await server.close();
  }
}
