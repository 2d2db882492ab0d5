/** The story of the main job, told to the built app: open, run, type, lose the tab, come back, take it elsewhere. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, cpSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { kroma, root } from "./kroma-process.ts";
import { Visit } from "./visit.ts";

const shipped = readdirSync(join(root, "notebooks")).filter((name) => name.endsWith(".ipynb"));
const visit = new Visit("story");

async function open(path: string): Promise<Page> {
  const page = await visit.open(path);
  await page.locator("[data-cell]").first().waitFor();
  return page;
}

/** Presses Run all, and waits until no cell is queued or running. */
async function runAll(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Run all" }).click();
  await page.locator("[data-cell][data-status=queued], [data-cell][data-status=running]").first().waitFor();
  await expect
    .poll(() => page.locator("[data-cell][data-status=queued], [data-cell][data-status=running]").count(), {
      timeout: 240_000,
      interval: 200,
    })
    .toBe(0);
}

interface StoredCell {
  readonly cell_type: string;
  readonly id: string;
  readonly source: readonly string[] | string;
  readonly outputs?: readonly {
    readonly output_type: string;
    readonly text?: readonly string[] | string;
    readonly data?: Record<string, unknown>;
  }[];
}
const cellsOf = (text: string) => (JSON.parse(text) as { cells: StoredCell[] }).cells;
const joined = (text: readonly string[] | string | undefined): string =>
  typeof text === "string" ? text : (text ?? []).join("");

describe("every shipped notebook", () => {
  for (const name of shipped) {
    it(`runs in the page: ${name}`, async () => {
      const page = await open(`/?path=notebooks/${name}`);
      await runAll(page);
      expect(await page.locator("[data-cell][data-status=failed]").allInnerTexts()).toEqual([]);
      // One trains a network.
    }, 300_000);

    it(`runs headless: ${name}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "kroma-run-"));
      cpSync(join(root, "notebooks"), folder, { recursive: true });
      const done = await kroma(["run", join(folder, name), "--output", join(folder, "done.ipynb"), "--json"]);
      expect(done.stderr.includes("failed") ? done.stderr : done.code).toBe(0);
      const lines = done.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { status: string });
      expect(lines.length).toBe(
        cellsOf(readFileSync(join(root, "notebooks", name), "utf8")).filter((cell) => cell.cell_type === "code").length,
      );
      expect(lines.every((line) => line.status === "ok")).toBe(true);
      rmSync(folder, { recursive: true });
    });
  }
});

describe("the main job", () => {
  it("gives the same Welcome outputs in the page and headless, and the file keeps its cells", async () => {
    const page = await open("/?path=notebooks/welcome.ipynb");
    await runAll(page);
    const download = page.waitForEvent("download");
    await page.keyboard.press("Escape");
    await page.keyboard.press("p");
    await page.keyboard.type("download .ipynb");
    await page.keyboard.press("Enter");
    const inPage = cellsOf(readFileSync(await (await download).path(), "utf8"));

    const folder = mkdtempSync(join(tmpdir(), "kroma-run-"));
    cpSync(join(root, "notebooks"), folder, { recursive: true });
    expect((await kroma(["run", join(folder, "welcome.ipynb"), "--output", join(folder, "done.ipynb")])).code).toBe(0);
    const headless = cellsOf(readFileSync(join(folder, "done.ipynb"), "utf8"));
    const original = cellsOf(readFileSync(join(root, "notebooks/welcome.ipynb"), "utf8"));

    const sources = (cells: readonly StoredCell[]) =>
      cells.map((cell) => [cell.id, cell.cell_type, joined(cell.source)]);
    expect(sources(inPage)).toEqual(sources(original));
    expect(sources(headless)).toEqual(sources(original));
    // Dates of files differ between machines; all the rest is the same work on the same data.
    const said = (cells: readonly StoredCell[]) =>
      cells.map((cell) =>
        (cell.outputs ?? []).map((output) => [
          output.output_type,
          joined(output.text).replace(/^(total|[-d]rw).*\n/gm, ""),
          Object.keys(output.data ?? {}).sort(),
          output.data?.["text/plain"],
        ]),
      );
    expect(said(inPage)).toEqual(said(headless));
    rmSync(folder, { recursive: true });
  });

  it("keeps every keystroke and every finished output when the browser is killed in mid-run", async () => {
    const page = await open("/?path=notebooks/outputs.ipynb");
    const cell = page.locator("[data-cell][data-language=python]").first();
    const editor = cell.getByRole("textbox");
    await editor.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type('print("finished and kept")');
    await page.keyboard.press("Control+Enter");
    await page.locator("[data-output]").filter({ hasText: "finished and kept" }).first().waitFor();
    const id = await cell.getAttribute("data-cell");
    await editor.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("while True: pass  # typed to the last letter");
    await page.getByText("Saved", { exact: false }).first().waitFor();
    const url = page.url();
    await visit.context
      .browser()
      ?.newBrowserCDPSession()
      .then((session) => session.send("Browser.crash").catch(() => undefined));
    await visit.context.close().catch(() => undefined);

    await visit.restart();
    const again = await visit.context.newPage();
    await again.goto(url);
    const same = again.locator(`[data-cell="${id}"]`);
    await same.waitFor();
    await expect.poll(() => same.innerText()).toContain("# typed to the last letter");
    await again.locator("[data-output]").filter({ hasText: "finished and kept" }).first().waitFor();
  });
});
