/** The page from outside: keys, modes, undo, files, library, a thousand cells, a narrow screen, and what axe says. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Locator, Page } from "playwright";
import { describe, expect, it } from "vitest";
import { Visit } from "./visit.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const visit = new Visit("ui");

async function newNotebook(): Promise<Page> {
  const page = await visit.open("/");
  await page.getByRole("button", { name: "New notebook" }).click();
  await page.locator("[data-cell]").waitFor();
  return page;
}

const cells = (page: Page): Locator => page.locator("[data-cell]");
/** Sources of the cells that are drawn, in order. */
const sources = (page: Page): Promise<readonly string[]> =>
  cells(page).evaluateAll((list) =>
    list
      .map((cell) => ({
        at: Number(cell.getAttribute("aria-posinset")),
        text: [...cell.querySelectorAll(".cm-line")].map((line) => line.textContent).join("\n"),
      }))
      .sort((a, b) => a.at - b.at)
      .map((cell) => cell.text),
  );
const expectSources = (page: Page, wanted: readonly string[]): Promise<void> =>
  expect.poll(() => sources(page)).toEqual(wanted);
const press = async (page: Page, ...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};

describe("the notebook's keys", () => {
  it("mean what they say however fast they are pressed", async () => {
    const page = await newNotebook();
    await page.locator("[data-cell] [role=textbox]").first().click();
    await page.keyboard.type("one");
    await press(page, "Escape");
    for (const word of ["two", "three", "four"]) {
      await press(page, "b", "Enter");
      await page.keyboard.type(word);
      await press(page, "Escape");
    }
    await expectSources(page, ["one", "two", "three", "four"]);
    await press(page, "x", "x", "x");
    await expectSources(page, ["one"]);
    await press(page, "z", "z", "z");
    await expectSources(page, ["one", "two", "three", "four"]);
  });

  it("insert, edit, move, merge, split, cut, paste and delete cells, and undo takes all of it back", async () => {
    const page = await newNotebook();
    await page.locator("[data-cell] [role=textbox]").first().click();
    await page.keyboard.type("one");
    await press(page, "Escape", "b");
    await expectSources(page, ["one", ""]);
    await press(page, "Enter");
    await page.keyboard.type("two");
    await press(page, "Escape", "b");
    await expectSources(page, ["one", "two", ""]);
    await press(page, "Enter");
    await page.keyboard.type("three");
    await press(page, "Escape");
    await expectSources(page, ["one", "two", "three"]);
    await press(page, "k");
    await press(page, "Alt+ArrowUp");
    await expectSources(page, ["two", "one", "three"]);
    await press(page, "z");
    await expectSources(page, ["one", "two", "three"]);
    await press(page, "Shift+ArrowDown");
    await expect.poll(() => page.locator("[data-cell].selected").count()).toBe(2);
    await press(page, "Shift+M");
    await expectSources(page, ["one", "two\nthree"]);
    await press(page, "Enter", "Control+Home", "End", "Control+Shift+Minus");
    await expectSources(page, ["one", "two", "three"]);
    await press(page, "Escape", "z");
    await expectSources(page, ["one", "two\nthree"]);
    await press(page, "z");
    await expectSources(page, ["one", "two", "three"]);
    await press(page, "Control+Home", "x");
    await expectSources(page, ["two", "three"]);
    await press(page, "v");
    await expectSources(page, ["two", "one", "three"]);
    await press(page, "d", "d");
    await expectSources(page, ["two", "three"]);
    await press(page, "z");
    await expectSources(page, ["two", "one", "three"]);
    await press(page, "Shift+Z");
    await expectSources(page, ["two", "three"]);
  });

  it("make text, headings and code, fold outputs, and show the mode as a word", async () => {
    const page = await newNotebook();
    await page.locator("[data-cell] [role=textbox]").click();
    await page.keyboard.type("Title");
    expect(await page.locator("[data-mode]").innerText()).toBe("Edit");
    await press(page, "Escape");
    await expect.poll(() => page.locator("[data-mode]").innerText()).toBe("Command");
    await press(page, "2");
    await page.locator("[data-cell][data-language=markdown] h2").filter({ hasText: "Title" }).waitFor();
    await press(page, "y");
    await page.locator("[data-cell][data-language=python]").waitFor();
    await expectSources(page, ["## Title"]);
    await press(page, "z");
    await page.locator("[data-cell][data-language=markdown] h2").waitFor();
    await press(page, "Enter");
    await page.locator("[data-cell] [role=textbox]").waitFor();
    await press(page, "Escape", "r");
    await page.locator("[data-cell][data-language=raw]").waitFor();
  });

  it("open the palette and the help, which give the focus back", async () => {
    const page = await newNotebook();
    await page.locator("[data-cell] [role=textbox]").click();
    await press(page, "Control+Shift+P");
    await page.getByRole("combobox", { name: "Command" }).waitFor();
    await page.keyboard.type("insert below");
    await press(page, "Enter");
    await expectSources(page, ["", ""]);
    await press(page, "h");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await press(page, "Escape");
    await expect.poll(() => page.evaluate("document.activeElement?.getAttribute('data-cell') !== null")).toBe(true);
  });
});

describe("running", () => {
  it("shows results, errors that link to their line, questions of a cell, and interrupts", async () => {
    const page = await newNotebook();
    await page.locator("[data-cell] [role=textbox]").click();
    await page.keyboard.type("print('hello'); 6 * 7");
    await press(page, "Shift+Enter");
    const first = cells(page).first();
    await page.locator("[data-cell][data-status=done]").waitFor();
    await first.locator("[data-output]").filter({ hasText: "hello" }).waitFor();
    await first.locator("[data-output][data-mime='text/plain']").filter({ hasText: "42" }).waitFor();
    expect(await page.locator("[data-kernel=python]").getAttribute("data-status")).toBe("idle");

    await page.keyboard.type("x = 1\nboom\n");
    await press(page, "Control+Enter");
    await page.locator("[data-cell][data-status=failed]").waitFor();
    await page
      .locator("[data-output]")
      .filter({ hasText: "NameError" })
      .getByRole("button", { name: "line 2" })
      .click();
    await expect.poll(() => page.locator("[data-mode]").innerText()).toBe("Edit");

    await press(page, "Control+a");
    await page.keyboard.type("name = input('Your name? ')\nprint('Hi', name)");
    await press(page, "Control+Enter");
    await page.getByRole("textbox", { name: "Your name?" }).fill("Ada");
    await page.getByRole("textbox", { name: "Your name?" }).press("Enter");
    await page.locator("[data-output]").filter({ hasText: "Hi Ada" }).waitFor();
    await expect.poll(() => page.evaluate("document.activeElement?.getAttribute('data-cell') !== null")).toBe(true);

    await page.locator("[data-cell] [role=textbox]").nth(1).click();
    await press(page, "Control+a");
    await page.keyboard.type("while True: pass");
    await press(page, "Control+Enter");
    await page.locator("[data-cell][data-status=running]").waitFor();
    await page.getByRole("button", { name: "Interrupt" }).click();
    await page.locator("[data-cell][data-status=failed]").waitFor();
  });

  it("runs in one of two tabs and shows typing and results in both", async () => {
    const page = await newNotebook();
    const other = await visit.context.newPage();
    await other.goto(page.url());
    await other.locator("[data-cell] [role=textbox]").waitFor();
    await other.getByText("runs in another tab").first().waitFor();
    await page.locator("[data-cell] [role=textbox]").click();
    await page.keyboard.type("print(1234 + 1)");
    await expectSources(other, ["print(1234 + 1)"]);
    await press(page, "Control+Enter");
    await other.locator("[data-output]").filter({ hasText: "1235" }).waitFor();
  });
});

describe("files", () => {
  it("written by a cell appear in the panel, and can be renamed, deleted and brought back", async () => {
    const page = await newNotebook();
    await page.getByRole("button", { name: "Files", exact: true }).click();
    await page.locator("[data-cell] [role=textbox]").click();
    await page.keyboard.type("open('made.txt', 'w').write('by a cell')");
    await press(page, "Control+Enter");
    const row = page.locator("[data-path='made.txt']");
    await row.waitFor();
    await row.getByRole("button", { name: "Actions for made.txt" }).click();
    await page.getByRole("menuitem", { name: "Rename" }).click();
    await page.getByRole("textbox", { name: "New name of made.txt" }).fill("other.txt");
    await press(page, "Enter");
    const renamed = page.locator("[data-path='other.txt']");
    await renamed.getByRole("button", { name: "Actions for other.txt" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await renamed.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();
    await renamed.waitFor();
  });
});

describe("the library", () => {
  it("makes, renames, duplicates, finds, deletes and brings back notebooks, and imports files", async () => {
    const page = await newNotebook();
    await page.getByRole("textbox", { name: "Title" }).fill("Rivers");
    await press(page, "Enter");
    await expect.poll(() => page.title()).toContain("Rivers");
    await page.getByRole("button", { name: "Library" }).click();
    const row = page.getByRole("listitem").filter({ hasText: "Rivers" });
    await row.waitFor();
    expect(await page.evaluate("document.activeElement?.getAttribute('aria-label')")).toBe("Search notebooks");
    await row.getByRole("button", { name: "Actions for Rivers" }).click();
    await page.getByRole("menuitem", { name: "Duplicate" }).click();
    await expect.poll(() => page.locator("[data-document]").count()).toBe(2);
    await page
      .locator("[data-document]")
      .first()
      .getByRole("button", { name: /^Actions for/ })
      .click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await expect.poll(() => page.locator("[data-document]").count()).toBe(1);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => page.locator("[data-document]").count()).toBe(2);
    await page.getByRole("searchbox", { name: "Search notebooks" }).fill("nothing is called this");
    await page.getByText("No notebook of yours fits").waitFor();

    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Import" }).click();
    await (
      await chooser
    ).setFiles({
      name: "script.py",
      mimeType: "text/x-python",
      buffer: Buffer.from("# %% [markdown]\n# # From a script\n\n# %%\nprint('imported')\n"),
    });
    await page.locator("[data-cell][data-language=markdown] h1").filter({ hasText: "From a script" }).waitFor();
    await expect.poll(() => sources(page)).toContain("print('imported')");
  });

  it("refuses a broken file in words and keeps the others", async () => {
    const page = await visit.open("/");
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Import" }).click();
    await (
      await chooser
    ).setFiles({ name: "broken.ipynb", mimeType: "application/json", buffer: Buffer.from('{"cells": [') });
    await page.getByText("broken.ipynb was not imported").first().waitFor();
  });
});

describe("a thousand cells", () => {
  it("open, jump to the end, stay small, and are all searched", async () => {
    const page = await visit.open("/");
    const notebook = {
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { kernelspec: { name: "python3", display_name: "Python", language: "python" } },
      cells: Array.from({ length: 1000 }, (_, i) => ({
        id: `c${i}`,
        cell_type: "code",
        metadata: {},
        execution_count: null,
        outputs: [],
        source: `# part ${i}${"\nx = 1".repeat(i % 7)}`,
      })),
    };
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Import" }).click();
    await (
      await chooser
    ).setFiles({ name: "many.ipynb", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(notebook)) });
    await page.locator("[data-cell=c0] [role=textbox]").waitFor();
    await press(page, "Escape", "Control+End");
    await page.locator("[data-cell=c999]").waitFor();
    await expect
      .poll(() =>
        page.locator("[data-cell=c999]").evaluate((cell) => cell.getBoundingClientRect().bottom <= innerHeight),
      )
      .toBe(true);
    expect(await page.evaluate("document.querySelectorAll('.cells *').length")).toBeLessThanOrEqual(600);
    expect(await page.locator("[data-cell=c999]").getAttribute("aria-setsize")).toBe("1000");
    await press(page, "Control+f");
    await page.keyboard.type("part 500");
    await page.locator("[data-cell=c500]").waitFor();
    await page.getByText("1 of 1", { exact: true }).waitFor();
    await press(page, "Escape");
    await expect.poll(() => page.evaluate("getSelection()?.toString()")).toBe("part 500");
  });
});

describe("everybody can use it", () => {
  for (const scheme of ["light", "dark"] as const) {
    it(`axe finds nothing in the ${scheme} theme, in library and notebook, wide and narrow`, async () => {
      const page = await visit.open("/");
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      const check = async (what: string): Promise<void> => {
        await page.evaluate(axeSource);
        const found = (await page.evaluate(
          `axe.run(document, { exclude: [["iframe"]] }).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target + " " + n.failureSummary).join("; ")))`,
        )) as readonly string[];
        expect([what, found]).toEqual([what, []]);
      };
      await page.locator("h1").waitFor();
      await check("library");
      await page.goto(`${visit.url}/?path=notebooks/welcome.ipynb`);
      await page.locator("[data-cell] h1").waitFor();
      await page.locator("[data-cell] .tok-keyword").first().waitFor();
      await check("notebook");
      await page.setViewportSize({ width: 390, height: 844 });
      await check("narrow notebook");
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
      await page.getByRole("button", { name: "Settings" }).click();
      await page.getByText("High contrast").waitFor();
      await check("settings");
    });
  }
});
