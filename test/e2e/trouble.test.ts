/** Bad input and bad places: what a person sees of broken files, and of a browser that keeps nothing. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { browser, serve, type Site } from "./kroma-process.ts";
import { uncaughtErrors } from "./uncaught.ts";

const watch = uncaughtErrors();
let site: Site;
let profile: string;
let context: BrowserContext | undefined;

beforeAll(async () => {
  site = await serve();
});
afterAll(() => site.close());
beforeEach(() => {
  profile = mkdtempSync(join(tmpdir(), "kroma-trouble-"));
});
afterEach(async () => {
  await context?.close();
  context = undefined;
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

async function openPage(path = "/"): Promise<Page> {
  context ??= await browser(profile);
  const page = await context.newPage();
  watch(page);
  await page.goto(`${site.url}${path}`);
  return page;
}

const code = (source: string, more = {}) => ({
  cell_type: "code",
  metadata: {},
  source,
  execution_count: null,
  outputs: [],
  ...more,
});
const notebook = (cells: readonly object[], metadata = {}): string =>
  JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells });
const file = (name: string, text: string) => ({ name, mimeType: "application/json", buffer: Buffer.from(text) });

async function importFiles(page: Page, files: readonly ReturnType<typeof file>[]): Promise<void> {
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Import" }).click();
  await (await chooser).setFiles(files);
}

/** Drops files on what is at the selector, as a hand does. */
async function drop(page: Page, selector: string, name: string, text: string): Promise<void> {
  const data = await page.evaluateHandle(
    ([fileName, content]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([content], fileName));
      return transfer;
    },
    [name, text] as const,
  );
  for (const type of ["dragenter", "dragover", "drop"]) {
    await page.locator(selector).first().dispatchEvent(type, { dataTransfer: data });
  }
}

describe("files that are not as they should be", () => {
  it("are each named when several are refused, and the good ones come in", async () => {
    const page = await openPage();
    const broken = ["one", "two", "three", "four", "five"].map((name) => file(`${name}.ipynb`, "{"));
    await importFiles(page, [...broken, file("good.ipynb", notebook([code("1")]))]);
    await page.locator("[data-cell]").waitFor();
    for (const { name } of broken) await page.locator(".toast").getByText(`${name} was not imported`).waitFor();
  });

  it("have their repairs told, however they come in, and a missing one is a plain sentence", async () => {
    const cells = [code("a", { id: "same" }), code("b", { id: "same" })];
    const server: Server = createServer((request, response) => {
      response.setHeader("access-control-allow-origin", "*");
      response.setHeader("cross-origin-resource-policy", "cross-origin");
      response.statusCode = request.url === "/there.ipynb" ? 200 : 404;
      response.end(notebook(cells));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const page = await openPage(`/?url=${encodeURIComponent(`${address}/there.ipynb`)}`);
      await page.locator(".toast").getByText("there.ipynb: Cell 2 got a new id").waitFor();
      await expect.poll(() => page.locator("[data-cell]").count()).toBe(2);
      await page.goto(`${site.url}/?url=${encodeURIComponent(`${address}/gone.ipynb`)}`);
      await page.getByText("The notebook is not there").waitFor();
    } finally {
      server.close();
    }
  });

  it("keep cells in languages without a kernel, and say that they are not run", async () => {
    const page = await openPage();
    const metadata = { kernelspec: { name: "ir", display_name: "R", language: "R" } };
    await importFiles(page, [file("r.ipynb", notebook([code("x <- 1")], metadata))]);
    const cell = page.locator("[data-cell][data-language=r]");
    await cell.getByText("there is no kernel for r here").waitFor();
    expect(await cell.getByRole("button", { name: "Run cell" }).isDisabled()).toBe(true);
  });
});

describe("files dropped on the cells of a notebook", () => {
  it("go into the workspace, or are opened when they are notebooks, and never into the editor", async () => {
    const page = await openPage();
    await page.getByRole("button", { name: "New notebook" }).click();
    const editor = "[data-cell] [role=textbox]";
    await page.locator(editor).click();
    await page.keyboard.type("mine");
    await drop(page, editor, "data.csv", "a,b\n1,2\n");
    await page.getByRole("button", { name: "Show files" }).click();
    await page.locator("[data-path='data.csv']").waitFor();
    expect(await page.locator(editor).innerText()).toBe("mine");
    await drop(page, editor, "other.ipynb", notebook([code("other")]));
    await expect.poll(() => page.locator(editor).innerText()).toBe("other");
  });
});

describe("a browser that denies all storage", () => {
  it("still edits and runs, says what is lost, offers the notebook, and asks before leaving", async () => {
    mkdirSync(join(profile, "Default"));
    const denied = { profile: { default_content_setting_values: { cookies: 2 } } };
    writeFileSync(join(profile, "Default", "Preferences"), JSON.stringify(denied));
    const page = await openPage();
    await page.getByText("kept in memory only").waitFor();
    await page.getByRole("button", { name: "New notebook" }).click();
    await page.locator("[data-cell] [role=textbox]").click();
    await page.keyboard.type("open('a.txt', 'w').write('kept')\nopen('a.txt').read()");
    await page.keyboard.press("Control+Enter");
    await page.locator("[data-output]").filter({ hasText: "kept" }).waitFor();
    await page.getByText("Not stored").waitFor();
    await page.getByText("Files are kept in memory only").waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download", exact: true }).click();
    const saved = readFileSync(await (await download).path(), "utf8");
    expect((JSON.parse(saved) as { cells: { outputs: unknown[] }[] }).cells[0]?.outputs).toHaveLength(1);
    const question = page.waitForEvent("dialog");
    await page.close({ runBeforeUnload: true });
    const dialog = await question;
    expect(dialog.type()).toBe("beforeunload");
    await dialog.accept();
  });
});
