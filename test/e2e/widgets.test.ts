/** Widgets in the built app: from a kernel to a frame, a click back to the kernel; and where links of texts lead. */
import type { Locator, Page } from "playwright";
import { describe, expect, it } from "vitest";
import { Visit } from "./visit.ts";

const visit = new Visit("widgets");

async function open(path: string): Promise<Page> {
  const page = await visit.open(path);
  await page.locator("[data-cell]").first().waitFor();
  return page;
}

const output = (cell: Locator): Locator => cell.locator("[data-output]");
const widgetIn = (cell: Locator): Locator => cell.frameLocator("iframe[title=Widget]").getByRole("button");

/** Puts code into a cell, runs it, and gives its cell once it has run. */
async function run(page: Page, id: string, code: string): Promise<Locator> {
  const cell = page.locator(`[data-cell="${id}"]`);
  await cell.getByRole("textbox").click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(code);
  await page.keyboard.press("Control+Enter");
  return cell;
}

describe("widgets of the shipped notebook", () => {
  it("count clicks in Python and in TypeScript, and follow what cells set", async () => {
    const page = await open("/?path=notebooks/outputs.ipynb");
    await page.getByRole("button", { name: "Run all" }).click();
    const inPython = widgetIn(page.locator("[data-cell=widget-python]"));
    const inTypeScript = widgetIn(page.locator("[data-cell=widget-typescript]"));
    await inPython.getByText("Python counts 3").click();
    await inPython.getByText("Python counts 4").click();
    await inPython.getByText("Python counts 5").waitFor();
    await inTypeScript.getByText("TypeScript counts 5").click();
    await inTypeScript.getByText("TypeScript counts 6").waitFor();

    // What was clicked is what cells read, and what they set is what the buttons say.
    const python = await run(page, "text", "counter.count += 20\ncounter.count");
    await output(python).getByText("25", { exact: true }).waitFor();
    await inPython.getByText("Python counts 25").waitFor();
    const typescript = await run(
      page,
      "vega",
      "clicks.set('count', clicks.get('count') * 10);\n`read ${clicks.get('count')}`",
    );
    await output(typescript).getByText("read 60").waitFor();
    await inTypeScript.getByText("TypeScript counts 60").waitFor();

    // A second view of the same model moves with the first, which keeps working.
    const second = widgetIn(await run(page, "progress", "counter"));
    await second.getByText("Python counts 25").click();
    await inPython.getByText("Python counts 26").waitFor();
  });

  it("say that they need their kernel when the notebook is opened again", async () => {
    const page = await open("/?path=notebooks/outputs.ipynb");
    await page.getByRole("button", { name: "Run all" }).click();
    await widgetIn(page.locator("[data-cell=widget-python]")).waitFor();
    await expect.poll(() => page.locator("[data-cell][data-status=running]").count()).toBe(0);
    await page.getByText("Saved", { exact: true }).first().waitFor();
    await page.reload();
    const cell = page.locator("[data-cell=widget-python]");
    await cell.getByText("needs its kernel").waitFor();
    expect(await output(cell).innerText()).toContain("Counter(count=3)");
  });
});

describe("texts", () => {
  it("show pictures and charts of the workspace's files, link to files and to headings of other cells", async () => {
    const page = await visit.open();
    await page.getByRole("button", { name: "New notebook" }).click();
    const first = page.locator("[data-cell]").first();
    await first.waitFor();
    const id = (await first.getAttribute("data-cell")) ?? "";
    await run(
      page,
      id,
      [
        "import os",
        "os.makedirs('data', exist_ok=True)",
        `open('data/dot.svg', 'w').write('<svg xmlns="http://www.w3.org/2000/svg" width="33" height="9"/>')`,
        "open('data/note.txt', 'w').write('words in a file')",
        "open('data/n.csv', 'w').write('n,v\\na,1\\nb,2\\nc,3\\n')",
        "from IPython.display import Markdown, display",
        `chart = {"data": {"url": "data/n.csv"}, "mark": "bar", "encoding": {"x": {"field": "n"}, "y": {"field": "v", "type": "quantitative"}}}`,
        "display({'application/vnd.vegalite.v6+json': chart}, raw=True)",
        "Markdown('![dot](./data/dot.svg) [the note](data/note.txt) [gone](nowhere.txt) [down](#the-end)' + '\\n\\npause' * 60)",
      ].join("\n"),
    );
    const picture = output(first).locator("img[alt=dot]");
    await picture.waitFor();
    await expect.poll(() => picture.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(33);

    await expect.poll(() => output(first).locator("svg .mark-rect path").count()).toBe(3);

    await page.getByRole("link", { name: "the note" }).click();
    const dialog = page.getByRole("dialog", { name: "data/note.txt" });
    expect(await dialog.getByRole("textbox").inputValue()).toBe("words in a file");
    const download = page.waitForEvent("download");
    await dialog.getByRole("button", { name: "Download" }).click();
    expect((await download).suggestedFilename()).toBe("note.txt");
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByRole("link", { name: "gone" }).click();
    await page.getByText("There is no file “nowhere.txt”").waitFor();

    await page.locator(`[data-cell="${id}"]`).focus();
    await page.keyboard.press("b");
    const last = page.locator("[data-cell]").nth(1);
    await expect.poll(() => last.evaluate((cell) => cell === document.activeElement)).toBe(true);
    await page.keyboard.press("m");
    const text = page.locator("[data-cell][data-language=markdown]");
    await text.waitFor();
    await page.keyboard.press("Enter");
    await text.getByRole("textbox").click();
    await page.keyboard.insertText("# The end\n\nIt ends here.");
    await page.keyboard.press("Control+Enter");
    const heading = page.getByRole("heading", { name: "The end" });
    await heading.waitFor();
    await page.locator(`[data-cell="${id}"]`).focus();
    const link = page.getByRole("link", { name: "down" });
    await link.scrollIntoViewIfNeeded();
    expect(await isInView(heading)).toBe(false);
    await link.click();
    await expect.poll(() => isInView(heading)).toBe(true);
  });
});

/** Is the element inside the window, as far as scrolling goes? */
const isInView = (place: Locator): Promise<boolean> =>
  place.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
