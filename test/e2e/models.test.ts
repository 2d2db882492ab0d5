/** Models in the built app: the notebook that reads a picture, with nothing asked of anybody but Kroma's own host. */
import { describe, expect, it } from "vitest";
import { Visit } from "./visit.ts";

const visit = new Visit("models");

describe("the notebook that reads the text in a picture", () => {
  it("reads it in three languages, draws the boxes, and asks nobody else for anything", async () => {
    const page = await visit.open("/?path=notebooks/read-text.ipynb");
    const elsewhere: string[] = [];
    page.context().on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(visit.url) && !/^(?:data|blob):/.test(url)) elsewhere.push(url);
    });
    await page.locator("[data-cell=map]").waitFor({ state: "attached" });
    await page.getByRole("button", { name: "Run all" }).click();
    const output = (cell: string) => page.locator(`[data-cell="${cell}"] [data-output]`);
    await expect.poll(() => output("map").count(), { timeout: 240_000 }).toBe(2);
    expect(await output("map").first().innerText()).toContain("The shell's answer is the same: True");
    await output("read").first().scrollIntoViewIfNeeded();
    expect(await output("read").first().innerText()).toContain("Harbour Café");
    const boxes = page.locator('[data-cell="boxes"] [data-output] polygon');
    await output("boxes").first().scrollIntoViewIfNeeded();
    await expect.poll(() => boxes.count()).toBe(18);
    const picture = page.locator('[data-cell="boxes"] [data-output] image');
    expect((await picture.boundingBox())!.width).toBeGreaterThan(300);
    await output("table").first().scrollIntoViewIfNeeded();
    await page.locator('[data-cell="table"] [data-output] td').filter({ hasText: "Rhubarb cake" }).waitFor();
    expect(elsewhere).toEqual([]);
  }, 300_000);
});
