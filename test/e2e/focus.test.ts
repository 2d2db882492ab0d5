/** The focus is never lost: lists are gone through, changed and repaired by keyboard alone. */
import type { Page } from "playwright";
import { expect, it } from "vitest";
import { Visit } from "./visit.ts";

const visit = new Visit("focus");

const press = async (page: Page, ...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};
/** Words of what has the focus, as a screen reader would begin. */
const expectFocus = (page: Page, words: string | RegExp): Promise<void> =>
  expect
    .poll(() =>
      page.evaluate(() => {
        const has = document.activeElement as HTMLElement;
        if (has === document.body) return "nothing has the focus";
        return has.getAttribute("aria-label") ?? has.querySelector(".library-title")?.textContent ?? has.innerText;
      }),
    )
    .toMatch(words);

it("in the files panel: arrows, folders, rename, delete and undo", async () => {
  const page = await visit.open();
  await page.getByRole("button", { name: "New notebook" }).click();
  await page.locator("[data-cell] [role=textbox]").click();
  await page.keyboard.insertText(
    "import os\nos.makedirs('folder')\nfor name in ['folder/inner.txt', 'one.txt', 'two.txt']: open(name, 'w').close()",
  );
  await press(page, "Control+Enter");
  await page.getByRole("button", { name: "Files", exact: true }).click();
  await page.locator("[data-path='two.txt']").waitFor();
  await page.locator("[data-path='folder'] .file-name").focus();
  await press(page, "ArrowRight");
  await page.locator("[data-path='folder/inner.txt']").waitFor();
  await press(page, "ArrowDown");
  await expectFocus(page, "inner.txt");
  await press(page, "ArrowLeft");
  await expectFocus(page, "folder");
  await press(page, "ArrowLeft");
  await page.locator("[data-path='folder/inner.txt']").waitFor({ state: "detached" });
  await press(page, "ArrowDown");
  await expectFocus(page, "one.txt");
  await press(page, "F2");
  await expectFocus(page, "New name of one.txt");
  await page.keyboard.type("zoo");
  await press(page, "Enter");
  await expectFocus(page, "zoo.txt");
  await press(page, "F2");
  await expectFocus(page, "New name of zoo.txt");
  await press(page, "Escape");
  await expectFocus(page, "zoo.txt");
  await press(page, "Delete");
  await expectFocus(page, "two.txt");
  await page.getByRole("button", { name: "Undo" }).focus();
  await press(page, "Enter");
  await expectFocus(page, "zoo.txt");
  // Keys of the command mode mean cells, and none of them is here.
  await press(page, "x", "b", "Escape");
  await expectFocus(page, "Cell 1");
  await page.getByRole("complementary", { name: "Files" }).waitFor({ state: "detached" });
  expect(await page.locator("[data-cell]").count()).toBe(1);
  expect(await page.locator("[data-cell] .cm-content").innerText()).toContain("import os");
});

it("in a long output that was clicked: keys still mean cells, and its text can be copied without its tools", async () => {
  const page = await visit.open();
  await page.getByRole("button", { name: "New notebook" }).click();
  await page.locator("[data-cell] [role=textbox]").click();
  await page.keyboard.insertText("for i in range(40): print('row', i)\n'the result'");
  await press(page, "Control+Enter");
  await page.locator("[data-output]").filter({ hasText: "the result" }).waitFor();
  const box = page.getByRole("log", { name: "Printed output" });
  await box.click();
  await press(page, "Home");
  await expect.poll(() => box.evaluate((element) => element.scrollTop)).toBe(0);
  await press(page, "End");
  await page.evaluate(() => {
    const [first, last] = document.querySelectorAll("[data-output]");
    getSelection()?.setBaseAndExtent(first as Element, 0, last as Element, 1);
  });
  await expect.poll(() => page.evaluate("getSelection().toString()")).toMatch(/row 39\s+'the result'/);
  await press(page, "Escape");
  await expectFocus(page, "Cell 1");
  await box.click();
  await press(page, "b");
  await page.locator("[data-cell]").nth(1).waitFor();
  await expectFocus(page, "Cell 2");
});

it("in the library: arrows, rename, delete and undo", async () => {
  const page = await visit.open();
  await page.getByRole("button", { name: "New notebook" }).click();
  await page.getByRole("textbox", { name: "Title" }).fill("Rivers");
  await press(page, "Enter");
  await expect.poll(() => page.title()).toContain("Rivers");
  await page.getByRole("button", { name: "Library" }).click();
  await page.locator("[data-document]").waitFor();
  await expectFocus(page, "Search notebooks");
  await press(page, "ArrowDown");
  await expectFocus(page, "Rivers");
  await press(page, "ArrowDown");
  await expectFocus(page, "Welcome");
  await press(page, "ArrowUp", "F2");
  await expectFocus(page, "New title of Rivers");
  await page.keyboard.type("Lakes");
  await press(page, "Enter");
  await expectFocus(page, "Lakes");
  await press(page, "ArrowUp");
  await expectFocus(page, "Search notebooks");
  await press(page, "ArrowDown", "Delete");
  await page.locator("[data-document]").waitFor({ state: "detached" });
  await expectFocus(page, "Search notebooks");
  await page.getByRole("button", { name: "Undo" }).focus();
  await press(page, "Enter");
  await page.locator("[data-document]").waitFor();
  await expectFocus(page, /Lakes|Search notebooks/);
});
