/** Models in the built app: the notebook that reads a picture, then pipelines, with nothing asked of anybody but Kroma's own host. */
import { describe, expect, it } from "vitest";
import { colour, sentiment } from "../unit/transformers/tiny-models.ts";
import { Visit } from "./visit.ts";

const visit = new Visit("models");

/** A notebook whose cell writes two models into the workspace and runs them. */
function pipelines(): Buffer {
  const files = Object.entries({ mood: sentiment(), colour: colour() }).flatMap(([folder, model]) =>
    Object.entries(model).map(([name, bytes]) => [`${folder}/${name}`, Buffer.from(bytes).toString("base64")]),
  );
  const source = `for (const [name, text] of ${JSON.stringify(files)})
  kroma.files.write(name, Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
const classify = await kroma.ml.pipeline("text-classification", "mood");
const see = await kroma.ml.pipeline("image-classification", "colour");
const red = Uint8Array.from({ length: 192 }, (_, at) => (at % 3 === 0 ? 255 : 0));
const found = [...await classify(["so good", "bad"]), ...await see({ data: red, shape: [8, 8, 3] }, { top_k: 1 })];
console.log(found.map(({ label }) => label).join(" and "));`;
  const cell = { id: "pipelines", cell_type: "code", source, outputs: [], execution_count: null };
  const language = { metadata: { kroma: { language: "typescript" } } };
  return Buffer.from(
    JSON.stringify({ cells: [{ ...cell, ...language }], metadata: {}, nbformat: 4, nbformat_minor: 5 }),
  );
}

describe("the notebook that reads the text in a picture, and one with pipelines", () => {
  it("reads it in three languages, draws the boxes, classifies, and asks nobody else for anything", async () => {
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
    await page.goto(`${visit.url}/`);
    const chosen = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Import", exact: true }).click();
    await (
      await chosen
    ).setFiles({ name: "pipelines.ipynb", mimeType: "application/x-ipynb+json", buffer: pipelines() });
    await page.locator("[data-cell=pipelines]").waitFor({ state: "attached" });
    await page.getByRole("button", { name: "Run all" }).click();
    await page
      .locator("[data-cell=pipelines] [data-output]")
      .getByText("POSITIVE and NEGATIVE and red")
      .waitFor({ timeout: 120_000 });
    expect(elsewhere).toEqual([]);
  }, 480_000);
});
