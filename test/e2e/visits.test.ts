/** One browser's visits to one host: what the second costs, what works without the host, and how a new build comes. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { describeBuild } from "#app/node/setup/service-worker.ts";
import { createSiteHandler } from "#app/node/site-handler.ts";
import { browser, root } from "./kroma-process.ts";

let folder: string;
let site: string;
let server: Server;
let url: string;
let asked: string[];
let context: BrowserContext;

const oneCell = (source: string): string =>
  JSON.stringify({
    cells: [{ cell_type: "code", execution_count: null, id: "one", metadata: {}, outputs: [], source }],
    metadata: { language_info: { name: "python" } },
    nbformat: 4,
    nbformat_minor: 5,
  });

/** Changes the copied site, as a build of other sources would. */
function publish(build: string): void {
  const page = readFileSync(join(root, "dist/site/index.html"), "utf8");
  writeFileSync(join(site, "index.html"), page.replace("<head>", `<head><meta name="test-build" content="${build}">`));
  describeBuild(site);
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "kroma-visits-"));
  site = join(folder, "site");
  cpSync(join(root, "dist/site"), site, { recursive: true });
  writeFileSync(join(site, "notebooks/one.ipynb"), oneCell("1 + 1"));
  publish("first");
  asked = [];
  const answer = createSiteHandler({ site, vmImage: () => Promise.resolve(undefined), anyHost: false });
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  context = await browser(join(folder, "profile"));
});
afterEach(async () => {
  await context.close();
  await closeServer();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const closeServer = (): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });

/** Another process on the same profile: nothing is left in memory. */
async function newProcess(): Promise<void> {
  await context.close();
  context = await browser(join(folder, "profile"));
  asked = [];
}

async function visit(path = "/?path=notebooks/one.ipynb"): Promise<Page> {
  const page = await context.newPage();
  await page.goto(url + path);
  await page.locator("[data-cell]").first().waitFor();
  return page;
}

async function run(page: Page): Promise<void> {
  await page.locator("[data-cell]").first().getByRole("button", { name: "Run cell" }).click();
  await page.locator("[data-cell][data-status=done] [data-output]").filter({ hasText: "2" }).first().waitFor();
}

/** Resolves when this many builds are stored as a whole. */
async function stored(page: Page, builds = 1): Promise<void> {
  const count = () =>
    page.evaluate(async () => {
      const names = await caches.keys();
      const marks = names.map(async (name) => (await caches.open(name)).match("/kroma-complete"));
      return (await Promise.all(marks)).filter(Boolean).length;
    });
  await expect.poll(count, { timeout: 120_000, interval: 200 }).toBe(builds);
}

const buildOf = (page: Page): Promise<string | null> => page.locator("meta[name=test-build]").getAttribute("content");

describe("the second visit", () => {
  it("asks the host once, whether there is a new version, and works without the host", async () => {
    const first = await visit();
    await run(first);
    await stored(first);

    await newProcess();
    const second = await visit();
    await run(second);
    await expect.poll(() => asked).toContain("/service-worker.js");
    expect(asked).toEqual(["/service-worker.js"]);

    await newProcess();
    await closeServer();
    const third = await visit();
    await third.getByRole("textbox").first().click();
    await third.keyboard.press("Control+a");
    // Of the library, which is read only now.
    await third.keyboard.type("import sqlite3, xml.dom.minidom; 1 + 1");
    await run(third);
  });
});

describe("a new build", () => {
  it("is stored during a visit, and there at the next one or when asked for", async () => {
    const first = await visit();
    await run(first);
    await stored(first);

    publish("second");
    await newProcess();
    const second = await visit();
    await stored(second, 2);
    expect(await buildOf(second)).toBe("first");
    await newProcess();
    const third = await visit();
    expect(await buildOf(third)).toBe("second");
    await stored(third);

    publish("third");
    await newProcess();
    const fourth = await visit();
    expect(await buildOf(fourth)).toBe("second");
    const other = await context.newPage();
    await other.goto(url);
    await fourth.getByRole("button", { name: "Reload now" }).click();
    await fourth.getByText("Close the other tabs of Kroma first").waitFor();
    expect(await buildOf(other)).toBe("second");
    await other.close();
    await fourth.getByRole("button", { name: "Reload now" }).click();
    await expect.poll(() => buildOf(fourth)).toBe("third");
  });

  it("is not taken while the host gives files of two builds", async () => {
    const first = await visit();
    await run(first);
    await stored(first);

    // The new service worker is there before the files that it tells of.
    const index = readFileSync(join(site, "notebooks/index.json"), "utf8");
    writeFileSync(join(site, "notebooks/index.json"), `${index}\n`);
    publish("second");
    writeFileSync(join(site, "notebooks/index.json"), index);
    await newProcess();
    const second = await visit();
    await expect.poll(() => asked).toContain("/notebooks/index.json");
    await run(second);
    await newProcess();
    expect(await buildOf(await visit())).toBe("first");

    writeFileSync(join(site, "notebooks/index.json"), `${index}\n`);
    await newProcess();
    await stored(await visit(), 2);
    await newProcess();
    expect(await buildOf(await visit())).toBe("second");
  });
});
