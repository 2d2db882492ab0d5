/** What people do and see who write one notebook together. */
import type { Page } from "playwright";
import { expect } from "vitest";

/** The texts of the cells, from the top. */
export const sources = (page: Page): Promise<readonly string[]> =>
  page
    .locator("[data-cell] .cm-content")
    .evaluateAll((all) =>
      all.map((one) => [...one.querySelectorAll(".cm-line")].map((line) => line.textContent).join("\n")),
    );

/** Resolves when the cells are as they should be; who tries again ever less often may take minutes to find the other. */
export const expectSources = (page: Page, check: (all: readonly string[]) => boolean, what: string): Promise<void> =>
  expect.poll(async () => check(await sources(page)), { timeout: 150_000, message: what }).toBe(true);

/** Types at the end of a cell, the first by default. */
export async function type(page: Page, text: string, cell = 0): Promise<void> {
  await page.locator("[data-cell] .cm-content").nth(cell).click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type(text);
}

/** Ana's notebook, shared; the link that was made. */
export async function share(page: Page, role: "Edit" | "Comment" | "Read"): Promise<string> {
  await page.getByRole("button", { name: "Share", exact: true }).click();
  const panel = page.getByRole("complementary", { name: "People" });
  await panel.getByRole("textbox", { name: "Your name" }).fill("Ana");
  await panel.getByRole("radio", { name: new RegExp(`^${role}`) }).check();
  await panel.getByRole("button", { name: "Make a link" }).click();
  return await panel.getByRole("textbox", { name: "Link", exact: true }).inputValue();
}

/** Ben joins by the link that the page was opened with. */
export async function joinAsBen(page: Page): Promise<void> {
  await page.getByRole("textbox", { name: "Your name" }).fill("Ben");
  await page.getByRole("button", { name: "Join", exact: true }).click();
  await page.locator("[data-cell]").first().waitFor();
}
