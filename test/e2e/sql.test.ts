/** SQL cells in the built app. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { deflateSync } from "node:zlib";
import type { Locator, Page } from "playwright";
import { expect, it } from "vitest";
import { Visit } from "./visit.ts";

const visit = new Visit("sql");

/** A file that SQLite itself (Node's) has made. */
async function sqliteFile(script: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "kroma-sqlite-"));
  const database = new DatabaseSync(join(folder, "a.db"));
  database.exec(script);
  database.close();
  const bytes = await readFile(join(folder, "a.db"));
  await rm(folder, { recursive: true });
  return bytes;
}

async function write(page: Page, cell: Locator, source: string): Promise<void> {
  await cell.getByRole("textbox").first().click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(source);
  await page.keyboard.press("Control+Enter");
}

it("asks no other host, shows rows and errors, stops, and hands its rows on", async () => {
  const page = await visit.open("/");
  const elsewhere: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(visit.url) && /^(?:http|ws)s?:/.test(request.url())) elsewhere.push(request.url());
  });
  await page.getByRole("button", { name: "New notebook" }).click();
  await page.getByRole("button", { name: "Add sql cell" }).click();
  const cell = page.locator("[data-cell][data-language=sql]");
  await write(page, cell, "-- name: odd\nSELECT range AS n, n * n AS square FROM range(1000) WHERE n % 2 = 1");
  await cell.getByText("500 rows · 2 columns").waitFor({ timeout: 120_000 });
  await cell.getByRole("button", { name: "square" }).click();
  await cell.getByRole("button", { name: "square" }).click();
  const first = cell.locator(".kroma-grid-sheet .kroma-grid-row").first().locator("[role=cell]");
  await expect.poll(() => first.nth(1).innerText()).toBe("998001");

  await write(page, cell, "SELECT foo\nFROM odd");
  await cell.getByText("Candidate bindings").first().waitFor({ timeout: 120_000 });
  await write(page, cell, "LOAD httpfs");
  await cell.getByText("no extensions").first().waitFor({ timeout: 120_000 });

  await write(page, cell, "CREATE TABLE kept AS SELECT 7 AS seven; SELECT count(*) FROM range(1000000000000)");
  await page.locator("[data-cell][data-status=running]").waitFor({ timeout: 120_000 });
  await page.getByRole("button", { name: "Interrupt" }).click();
  await cell.locator(".kroma-error[data-calm]").waitFor({ timeout: 120_000 });
  await write(page, cell, "FROM kept");
  await cell.getByText("1 row · 1 column").waitFor({ timeout: 120_000 });

  const python = page.locator("[data-cell][data-language=python]").first();
  await write(page, python, "import kroma\nkroma.get('odd')[1]");
  await python.getByText("{'n': 3, 'square': 9}").waitFor({ timeout: 120_000 });

  const shop = await sqliteFile("CREATE TABLE film (title, price); INSERT INTO film VALUES ('Metropolis', 2.5)");
  await write(
    page,
    python,
    `import base64, zlib\nkroma.files.write("shop.db", zlib.decompress(base64.b64decode("${deflateSync(shop).toString("base64")}")))\n"written"`,
  );
  await python.getByText("'written'").waitFor({ timeout: 120_000 });
  await write(page, python, "towns = [{'title': 'Metropolis', 'town': 'Berlin'}]\n'na' + 'med'");
  await python.getByText("'named'").waitFor({ timeout: 120_000 });
  await write(
    page,
    cell,
    "ATTACH 'shop.db' AS shop; SELECT town, price * 2 AS twice FROM shop.film JOIN towns USING (title)",
  );
  await cell.getByText("Berlin").first().waitFor({ timeout: 120_000 });

  // The line that names a language makes the cell one of it, as in a file.
  await write(page, python, "%%typescript\n(await kroma.get('odd'))[1].square + 1");
  await page
    .locator("[data-cell][data-language=typescript]")
    .getByText("10", { exact: true })
    .waitFor({ timeout: 120_000 });

  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Files" }).first().click();
  await page.locator("[data-path='shop.db'] .file-name").click();
  await page.getByRole("dialog").getByText("1 row · 2 columns").waitFor({ timeout: 120_000 });
  expect(elsewhere).toEqual([]);
});
