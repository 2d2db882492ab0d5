import { chromium } from "playwright";
import { chromiumArguments } from "./test/chromium.ts";
import { mkdtempSync } from "node:fs";
const url = process.argv[2];
for (const [theme, w, h] of [
  ["light", 1280, 800],
  ["dark", 390, 844],
]) {
  const context = await chromium.launchPersistentContext(mkdtempSync("/tmp/prof-"), {
    executablePath: "/usr/bin/chromium",
    args: [...chromiumArguments],
    viewport: { width: w, height: h },
    colorScheme: theme,
  });
  context.setDefaultTimeout(120000);
  const page = await context.newPage();
  await page.goto(url);
  await page.waitForTimeout(3000);
  await page.screenshot({ path: `/tmp/s-lib-${theme}.png` });
  await page.goto(url + "?path=notebooks/welcome.ipynb");
  await page.waitForSelector("[data-cell]");
  await page.waitForTimeout(3000);
  await page.screenshot({ path: `/tmp/s-wel0-${theme}.png` });
  await page.getByRole("button", { name: "Run all" }).first().click();
  await page.waitForTimeout(45000);
  await page.screenshot({ path: `/tmp/s-wel1-${theme}.png` });
  await context.close();
}
