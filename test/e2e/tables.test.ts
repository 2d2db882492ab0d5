/** Tables in the built app: from a cell, and from the files beside the notebook. */
import { describe, expect, it } from "vitest";
import { Visit } from "./visit.ts";

const visit = new Visit("tables");

describe("a table's file", () => {
  it("is shown by a cell, and opened beside the notebook as a table and as text", async () => {
    const page = await visit.open("/?path=notebooks/outputs.ipynb");
    const cell = page.locator('[data-cell="table"]');
    await cell.scrollIntoViewIfNeeded();
    await cell.getByRole("textbox").click();
    await page.keyboard.press("Control+Enter");
    const shown = cell.locator("[data-output]");
    await shown.getByText("1,461 rows · 6 columns").waitFor({ timeout: 60_000 });
    const cells = (of: typeof shown) => of.locator(".kroma-grid-sheet .kroma-grid-row").first().locator("[role=cell]");
    await shown.getByRole("button", { name: "temp_max" }).click();
    await expect.poll(() => cells(shown).nth(2).innerText()).toBe("-1.6");

    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Files" }).first().click();
    await page.locator("[data-path=data] .file-name").click();
    await page.locator("[data-path='data/seattle-weather.csv'] .file-name").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("1,461 rows · 6 columns").waitFor();
    await expect.poll(() => cells(dialog).first().innerText()).toBe("2012-01-01");
    await dialog.getByRole("button", { name: "As text" }).click();
    await expect.poll(() => dialog.getByRole("textbox").inputValue()).toMatch(/^date,precipitation,/);
    await dialog.getByRole("button", { name: "As table" }).click();
    await dialog.getByText("1,461 rows · 6 columns").waitFor();
  });
});
