/**
 * A notebook published with a copy of Kroma, put on a host of plain files that sends no headers of its own, deep below its root: its
 * page is read without script, *Run* opens the copy there, and its cells run, At a gateway the copy checks the signature first,
 * and has Linux by the CID of its image.
 */
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { imageList, takeImage } from "#app/node/artefacts/linux-image.ts";
import { contentTypeOf } from "#app/node/http-facts.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { FolderBlockStore } from "#plugins/folder/block-store.node.ts";
import { findVmImage } from "#app/node/vm-image.ts";
import { browser, kroma } from "./kroma-process.ts";
import { uncaughtErrors } from "./uncaught.ts";

const PATIENCE = 120_000;
const watch = uncaughtErrors();
const folder = mkdtempSync(join(tmpdir(), "kroma-copy-"));
const files = join(folder, "host/some/deep/path");
const linux = new MemoryBlockStore();
const blocks = new FolderBlockStore(join(folder, "home/blocks"));
let server: Server | undefined;
let url: string;
let directory: string;
let context: BrowserContext;

const cell = (id: string, source: string, language = "typescript") => ({
  id,
  cell_type: "code",
  source,
  metadata: { kroma: { language } },
  outputs: [],
  execution_count: null,
});
const NOTEBOOK = {
  cells: [
    { id: "title", cell_type: "markdown", source: "# Rain\n\nHow much of it fell.", metadata: {} },
    cell(
      "sum",
      'kroma.files.readText("data/rain.csv").trim().split("\\n").slice(1).map((line) => Number(line.split(",")[1])).reduce((a, b) => a + b)',
    ),
    cell("lines", "echo $(wc -l <data/rain.csv) lines of $(uname -s)", "shell"),
  ],
  metadata: { kernelspec: { name: "typescript", display_name: "TypeScript", language: "typescript" }, title: "Rain" },
  nbformat: 4,
  nbformat_minor: 5,
};

beforeAll(async () => {
  mkdirSync(join(folder, "own/data"), { recursive: true });
  writeFileSync(join(folder, "own/rain.ipynb"), JSON.stringify(NOTEBOOK));
  writeFileSync(join(folder, "own/data/rain.csv"), "day,rain\n1,2\n2,40\n");
  const image = await findVmImage();
  if (image === undefined) throw new Error("There is no Linux image: npm run vm-image builds it.");
  await takeImage(image, await imageList(image), linux);
  const environment = { KROMA_HOME: join(folder, "home") };
  const said = ["--author", "Ana Gil", "--with-runtime"];
  const published = await kroma(["publish", join(folder, "own/rain.ipynb"), ...said], { environment });
  expect(published.code, published.stderr).toBe(0);
  directory = /directory, for gateways and pins: (\S+)/.exec(published.stderr)?.[1] ?? "";
  const fetched = await kroma(["fetch", published.stdout.trim(), "--output", files], { environment });
  expect(fetched.code, fetched.stderr).toBe(0);
  const started = createServer((request, response) => {
    const [path = "", query] = (request.url ?? "").split("?");
    const raw = query === "format=raw" ? /^\/ipfs\/(\w+)$/.exec(path)?.[1] : undefined;
    if (raw !== undefined) {
      void Promise.all([blocks.get(raw), linux.get(raw)]).then(([own, bytes = own]) =>
        bytes ? response.end(bytes) : response.writeHead(404).end(),
      );
      return;
    }
    const inside = path.replace(`/ipfs/${directory}/`, "/some/deep/path/");
    const place = join(folder, "host", inside.endsWith("/") ? `${inside}index.html` : inside);
    if (!statSync(place, { throwIfNoEntry: false })?.isFile()) return void response.writeHead(404).end();
    response.setHeader("Content-Type", contentTypeOf(place) ?? "application/octet-stream");
    createReadStream(place).pipe(response);
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
  context = await browser(join(folder, "profile"));
}, 3 * PATIENCE);
afterAll(async () => {
  await context?.close();
  server?.closeAllConnections();
  await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function open(path: string): Promise<Page> {
  const page = await context.newPage();
  watch(page);
  await page.goto(`${url}${path}`);
  return page;
}

const isolated = (page: Page): Promise<void> =>
  expect.poll(() => page.evaluate(() => crossOriginIsolated).catch(() => false), { timeout: PATIENCE }).toBe(true);

async function runAll(page: Page): Promise<void> {
  await isolated(page);
  await page.getByRole("button", { name: "Run all" }).click();
  await page
    .locator("[data-cell]", { hasText: "reduce" })
    .getByText("42", { exact: true })
    .waitFor({ timeout: PATIENCE });
}

it("keeps a link to a shared notebook through the reload that a host without isolation headers needs", async () => {
  const page = await open("/some/deep/path/kroma/index.html#join=eyJhZGRyZXNz");
  await isolated(page);
  await page.getByRole("heading", { name: "This link opens nothing" }).waitFor();
  expect(new URL(page.url()).hash).toBe("");
  await page.close();
}, 480_000);

it("runs on a host of plain files, where its page can be read without it", async () => {
  expect(readFileSync(join(files, "index.html"), "utf8")).not.toContain("<script");
  const page = await open("/some/deep/path/");
  await page.getByText("How much of it fell.").waitFor();
  await page.getByRole("link", { name: "Run" }).click();
  await page.getByText("This notebook came from elsewhere").waitFor();
  expect(new URL(page.url()).pathname).toBe("/some/deep/path/kroma/index.html");
  await runAll(page);
  // Linux is named by its CID, which leads nowhere on a host that gives no blocks.
  const cell = page.locator("[data-cell]", { hasText: "uname" });
  await cell.getByText(/Settings names no gateway/).waitFor({ timeout: PATIENCE });
  await page.close();
}, 480_000);

it("checks at a gateway who signed it, and opens what was signed", async () => {
  const page = await open(`/ipfs/${directory}/`);
  await page.getByRole("link", { name: "Run" }).click();
  await page.getByText("Signed by somebody who calls themself “Ana Gil”.").waitFor();
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.getByRole("button", { name: "Trust it" }).click();
  await page.locator("dialog").getByRole("button", { name: "Trust it" }).click();
  await runAll(page);
  // Linux too: its image is named in the artefact, and comes in blocks from the gateway that the copy itself came from.
  const cell = page.locator("[data-cell]", { hasText: "uname" });
  await cell.getByText("3 lines of Linux", { exact: true }).waitFor({ timeout: 2 * PATIENCE });
  // Two copies at one origin: neither has what the other keeps.
  const kept = await page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
  for (const path of ["/some/deep/path/kroma/", `/ipfs/${directory}/kroma/`])
    expect(kept).toContain(`kroma ${encodeURIComponent(path)}`);
  expect(kept).not.toContain("kroma");
  await page.close();
}, 480_000);
