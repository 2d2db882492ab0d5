/** How much a first visit has to load, compressed as a host would (gzip 9). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";
import { notebookOf, startServer } from "./server.ts";

const site = join(import.meta.dirname, "../../dist/site");
const kilobytes = (path: string) => gzipSync(readFileSync(join(site, path)), { level: 9 }).length / 1000;

/** Loads a notebook of one cell and weighs what was asked for before the editor was there, and in all. */
export async function benchBytes(): Promise<readonly Figure[]> {
  const server = await startServer();
  const profile = newProfile();
  const browser = await openBrowser(profile);
  try {
    server.pages.set("/notebooks/one.ipynb", notebookOf(["1+1"]));
    const page = await browser.context.newPage();
    await page.addInitScript(
      `new MutationObserver(() => { if (!window.typable && document.querySelector("[data-cell] [role=textbox]")) window.typable = performance.now(); }).observe(document, { childList: true, subtree: true });`,
    );
    const asked: string[] = [];
    browser.context.on("request", (request) =>
      asked.push(decodeURIComponent(new URL(request.url()).pathname).slice(1)),
    );
    await page.goto(`${server.url}/?path=notebooks/one.ipynb`);
    const early = await page.waitForFunction(
      "window.typable && performance.getEntriesByType('resource').filter((e) => e.responseEnd <= window.typable).map((e) => e.name)",
    );
    const before = new Set(
      ((await early.jsonValue()) as string[])
        .map((url) => decodeURIComponent(new URL(url).pathname).slice(1))
        .filter((path) => path.endsWith(".js")),
    );
    await page.locator("[data-cell]").getByRole("button", { name: "Run cell" }).first().click();
    await page.locator("[data-output]").filter({ hasText: "2" }).first().waitFor();
    const files = new Set(asked.filter((path) => path.startsWith("app/")));
    const sum = (paths: Iterable<string>) => [...paths].reduce((total, path) => total + kilobytes(path), 0);
    const isAutomerge = (path: string) => /automerge/.test(path) && path.endsWith(".wasm");
    const wasm = readdirSync(join(site, "app"))
      .filter((name) => isAutomerge(name))
      .map((name) => `app/${name}`);
    const screen = [...files].filter((path) => !isAutomerge(path) && !path.endsWith(".woff2"));
    return [
      {
        name: "JavaScript before the first key",
        value: sum(before),
        unit: "kB",
        goal: 250,
        detail: `gzip, ${before.size} files`,
      },
      {
        name: "first screen without Pyodide and Automerge's WASM",
        value: sum(screen),
        unit: "kB",
        goal: 450,
        detail: `gzip, ${screen.length} files, fonts apart`,
      },
      { name: "with Automerge", value: sum([...screen, ...wasm]), unit: "kB", goal: 1600, detail: "gzip" },
    ];
  } finally {
    await browser.close();
    await server.close();
    removeProfile(profile);
  }
}
