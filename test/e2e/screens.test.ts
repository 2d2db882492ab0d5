/** What a person sees first, wide, narrow and on paper: nothing covers anything, and the next step is in sight. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { Visit } from "./visit.ts";

const visit = new Visit("screens");

const notebook = (cells: number): string =>
  JSON.stringify({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: "python3", display_name: "Python", language: "python" } },
    cells: Array.from({ length: cells }, (_, i) => ({
      id: `c${i}`,
      cell_type: "code",
      metadata: {},
      source: `"cell ${i}", "${"wide ".repeat(60)}"`,
      execution_count: i + 1,
      outputs: [{ output_type: "stream", name: "stdout", text: `output ${i}\n` }],
    })),
  });

async function openNotebook(cells: number): Promise<Page> {
  const page = await visit.open("/");
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Import" }).click();
  await (
    await chooser
  ).setFiles({ name: "made.ipynb", mimeType: "application/json", buffer: Buffer.from(notebook(cells)) });
  await page.locator("[data-cell=c0]").waitFor();
  return page;
}

describe("the library", () => {
  it("says that files can be dropped while they are dragged over it, and no longer", async () => {
    const page = await visit.open("/");
    await page.getByRole("searchbox").waitFor();
    const drag = (type: string): Promise<void> =>
      page.evaluate((name) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File(["{}"], "some.ipynb"));
        document.querySelector("main")?.dispatchEvent(new DragEvent(name, { bubbles: true, dataTransfer }));
      }, type);
    await drag("dragover");
    await page.getByText("Drop notebooks to import them").waitFor();
    await drag("dragleave");
    await page.getByText("Drop notebooks to import them").waitFor({ state: "detached" });
  });
});

describe("a notebook", () => {
  it("shows below its last cell how another is added, in each language", async () => {
    const page = await visit.open("/");
    await page.getByRole("button", { name: "New notebook" }).click();
    await page.locator("[data-cell] [role=textbox]").waitFor();
    await page.getByRole("button", { name: "Add typescript cell" }).click();
    const made = page.locator("[data-cell][data-language=typescript]");
    await made.locator(".cm-focused").waitFor();
    expect(await made.getAttribute("aria-posinset")).toBe("2");
    expect(await page.getByRole("button", { name: "Add typescript cell" }).count()).toBe(1);
  });

  it("has nothing in its status bar that covers something else, and never scrolls as a whole", async () => {
    const page = await openNotebook(1);
    await page.locator("[data-cell] [role=textbox]").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("boom");
    await page.keyboard.press("Control+Enter");
    await page.getByRole("button", { name: /1\s+cell failed/ }).waitFor();
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      const covered = await page.evaluate(() => {
        const boxes = [...document.querySelectorAll(".status-bar > *")].map((part) => part.getBoundingClientRect());
        return boxes.slice(1).filter((box, i) => box.left < (boxes[i] as DOMRect).right - 0.5).length;
      });
      const { left, right } = await page.locator(".saved").evaluate((saved) => saved.getBoundingClientRect());
      const scrolls = await page.evaluate("document.documentElement.scrollHeight - innerHeight");
      expect({ width, covered, inside: left >= 0 && right <= width, scrolls }).toEqual({
        width,
        covered: 0,
        inside: true,
        scrolls: 0,
      });
    }
  });

  it("is on paper as a whole, without its tools, whatever is on the screen", async () => {
    const page = await openNotebook(60);
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    await page.emulateMedia({ media: "print" });
    await expect.poll(() => page.locator("[data-cell]").count()).toBe(60);
    const facts = () =>
      page.evaluate(() => {
        const cells = [...document.querySelectorAll("[data-cell]")].map((cell) => cell.getBoundingClientRect());
        const line = document.querySelector(".cm-line") as Element;
        return {
          apart: cells.slice(1).every((box, i) => box.top >= (cells[i] as DOMRect).bottom - 0.5),
          wide: line.scrollWidth > innerWidth,
          whole: document.documentElement.scrollHeight >= (cells.at(-1) as DOMRect).bottom,
        };
      });
    expect(await facts()).toEqual({ apart: true, wide: false, whole: true });
    expect(await page.locator(".status-bar, .rail, .actions").filter({ visible: true }).count()).toBe(0);
    await page.emulateMedia({ media: "screen" });
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    await expect.poll(() => page.locator("[data-cell]").count()).toBeLessThan(60);
  });

  it("stands on the theme's own ground, also where theme and system differ", async () => {
    const page = await openNotebook(1);
    const ground = () => page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByText("High contrast").click();
    await expect.poll(ground).toBe("rgb(0, 0, 0)");
    await page.emulateMedia({ colorScheme: "light" });
    await expect.poll(ground).toBe("rgb(255, 255, 255)");
    await page.reload();
    await page.locator("[data-cell=c0]").waitFor();
    expect(await ground()).toBe("rgb(255, 255, 255)");
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByText("Dark", { exact: true }).click();
    await expect.poll(ground).toBe("rgb(25, 24, 22)");
  });

  it("answers S as Jupyter does: it is saved", async () => {
    const page = await openNotebook(1);
    await page.keyboard.press("Escape");
    await page.keyboard.press("s");
    await page.locator(".toast").getByText("Saved.").waitFor();
  });
});
