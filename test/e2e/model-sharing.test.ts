/**
 * A model is made in a cell of one browser, published from its panel, and given to another browser by the notebook that both share;
 * then a mirror keeps it, and that browser, and the command line, load it by its CID while the first is gone. A notebook that loads it takes it along when it is published.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type HubServer, startHubServer } from "../unit/models/hub-server.ts";
import { linear } from "../unit/onnx/make-model.ts";
import { browser, kroma } from "./kroma-process.ts";
import { type RunningMirror, startMirrorProcess } from "./mirror-process.ts";
import { pinAtMirror } from "./pinning-at-mirror.ts";
import { joinAsBen, share } from "./writing.ts";
import { uncaughtErrors } from "./uncaught.ts";

const watch = uncaughtErrors();
const folder = mkdtempSync(join(tmpdir(), "kroma-model-sharing-"));
const mirrorFolder = join(folder, "mirror");
const contexts = new Set<BrowserContext>();
let mirror: RunningMirror;
let hub: HubServer;
let gateway: string;
let token: string;

const notebook = (...sources: readonly string[]): string =>
  JSON.stringify({
    cells: sources.map((source, index) => ({
      id: `c${index}`,
      cell_type: "code",
      source,
      metadata: { kroma: { language: "typescript" } },
      outputs: [],
      execution_count: null,
    })),
    metadata: {
      kernelspec: { name: "typescript", display_name: "TypeScript", language: "typescript" },
      language_info: { name: "typescript" },
      title: "Doubler",
    },
    nbformat: 4,
    nbformat_minor: 5,
  });
/** y = 2 x. */
const MAKING = `const weights = { data: Float32Array.of(2), shape: [1, 1] };
kroma.files.write("doubler.onnx", kroma.ml.exportDense([{ weights, bias: [0] }]));
"it is written"`;
const running = (source: string, x = 21): string =>
  `const model${x} = await kroma.ml.load("${source}");
console.log((await model${x}.run({ x: [[${x}]] })).y.data[0]);`;

beforeAll(async () => {
  mkdirSync(mirrorFolder);
  const made = await kroma(["mirror", "token", "ana", "--data", mirrorFolder]);
  token = made.stdout.trim().split("\n").at(-1) ?? "";
  mirror = await startMirrorProcess(mirrorFolder);
  hub = await startHubServer();
  const facts = (await (await fetch(`${mirror.url}/.well-known/kroma-mirror.json`)).json()) as { gateway: string };
  gateway = facts.gateway.replace(/\/$/, "");
});
afterEach(async () => {
  for (const context of contexts) await context.close();
  contexts.clear();
  // Whoever tries again begins with browsers in which nothing is.
  for (const name of ["ana", "ben"]) rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
});
afterAll(async () => {
  await mirror?.end("SIGKILL");
  await hub?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function visit(name: string, url: string): Promise<Page> {
  const context = await browser(join(folder, name));
  contexts.add(context);
  const page = await context.newPage();
  watch(page);
  await page.goto(url);
  return page;
}

/** Adds a cell below the last one and runs it. */
async function runNew(page: Page, source: string): Promise<void> {
  const cells = page.locator("[data-cell] .cm-content");
  const before = await cells.count();
  await cells.last().click();
  await page.keyboard.press("Escape");
  await page.keyboard.press("b");
  await expect.poll(() => cells.count(), { timeout: 60_000 }).toBe(before + 1);
  await cells.last().click();
  await page.keyboard.insertText(source);
  await cells
    .last()
    .getByText(source.split("\n")[0] ?? "")
    .waitFor();
  await page.keyboard.press("Control+Enter");
}

async function openFile(page: Page, file: string): Promise<Page> {
  await page.goto(`${mirror.url}/`);
  const chosen = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await (await chosen).setFiles(file);
  await page.locator("[data-cell]").first().waitFor();
  return page;
}

/** Ana's name leads Ben to a second version, from her browser to his: no mirror and no router tells them of names. */
async function followNames(ana: Page, ben: Page): Promise<void> {
  for (const page of [ana, ben]) {
    await page.context().route("**/routing/v1/ipns/**", (route) => route.abort());
    await page.getByRole("button", { name: "Publish", exact: true }).first().click();
    await page.getByRole("tab", { name: "Names" }).click();
  }
  await ana.getByRole("button", { name: "Point it there" }).click();
  await ana.getByText("It is so here, but not everybody was told.").waitFor();
  const name = await ana.getByLabel("Name that others can follow").inputValue();
  await ben.getByLabel("A name, or a link with one").fill(name);
  await ben.getByRole("button", { name: "Follow", exact: true }).click();
  await ben.getByText("You have the newest version.").waitFor();

  await ana.getByRole("tab", { name: "Publish" }).click();
  const form = ana.locator(".publish-form");
  await form.getByLabel("Title").fill("Running it");
  await form.getByLabel("Authors").fill("Ana Gil");
  await form.locator("button[type=submit]").click();
  expect(await ana.getByLabel("Its name (CID of the root)").inputValue()).toMatch(/^bafyrei/);
  await ana.getByRole("tab", { name: "Names" }).click();
  await ana.getByLabel("Let it stand for").selectOption({ label: "Running it, 1.0.0" });
  await ana.getByRole("button", { name: "Point it there" }).click();
  await ana.getByText("It stands for “Running it, 1.0.0”.").waitFor();
  await ben.getByRole("button", { name: "Ask for newer versions" }).click();
  await ben.getByText("There is a newer version. Yours stays until you take it.").waitFor();
}

it("is published in one browser and run by its CID in another, and in Node", async () => {
  writeFileSync(join(folder, "making.ipynb"), notebook(MAKING));
  const ana = await openFile(await visit("ana", mirror.url), join(folder, "making.ipynb"));
  await ana.getByRole("button", { name: "Run all" }).click();
  await ana.getByText("'it is written'").waitFor();
  const link = await share(ana, "Edit");
  await ana.getByRole("button", { name: "Models", exact: true }).click();
  const panel = ana.getByRole("complementary", { name: "Models" });
  await panel.getByRole("button", { name: "Publish doubler.onnx" }).click();
  await panel.getByLabel("Authors").fill("Ana Gil");
  await panel.getByLabel("Licence").fill("MIT");
  await panel.getByRole("button", { name: "Publish", exact: true }).click();
  const source = await panel.getByLabel("Source for kroma.ml.load").inputValue();
  expect(source).toMatch(/^ipfs:\/\/bafyrei/);

  // Ben takes part in the notebook, and has the model from Ana: nobody else has it.
  await panel.getByText("from where the people of this notebook get it").waitFor();
  const ben = await visit("ben", link);
  await joinAsBen(ben);
  await ben.getByRole("button", { name: "Trust it" }).click();
  await ben.getByRole("button", { name: "Models", exact: true }).click();
  const bens = ben.getByRole("complementary", { name: "Models" });
  await bens.getByText("People of this notebook have").waitFor({ timeout: 120_000 });
  expect(await bens.getByLabel("Give the models of a shared notebook to its people").isChecked()).toBe(true);
  await runNew(ben, running(source, 50));
  await ben.locator("[data-output]").getByText("100", { exact: true }).waitFor();
  await bens.getByText("from people of a notebook, by its CID · MIT").waitFor();

  // So he has what Ana fetched from a hub, which is asked only which bytes are the right ones.
  hub.add("ada/tiny/linear.onnx", linear());
  hub.apiTellsHashes = true;
  const address = `${hub.url}/ada/tiny/resolve/main/linear.onnx`;
  const onHub = (who: string): string =>
    `const ${who} = await kroma.ml.load("${address}");
console.log("${who}:", (await ${who}.run({ x: [[1, 2, 3]] })).y.data[1]);`;
  await runNew(ana, onHub("ana"));
  await ana.locator("[data-output]").getByText("ana: 48").waitFor();
  await bens.locator("[title]", { hasText: "linear.onnx" }).waitFor();
  const { sent } = hub.storage;
  await runNew(ben, onHub("ben"));
  await ben.locator("[data-output]").getByText("ben: 48").waitFor();
  await bens.getByText(/from people of a notebook, of 127\.0\.0\.1/).waitFor();
  expect(hub.storage.sent).toBe(sent);

  await bens.getByRole("button", { name: "Actions for doubler" }).click();
  await ben.getByRole("menuitem", { name: "Delete" }).click();
  await ben.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await bens.getByText("doubler.onnx is deleted.").waitFor();

  await followNames(ana, ben);

  // The mirror keeps it, and Ana's browser goes.
  await pinAtMirror(ana, { gateway, token }, "doubler, 1.0.0");
  contexts.delete(ana.context());
  await ana.context().close();

  // Ben's cell loads it by its CID: from the mirror, each block checked.
  writeFileSync(join(folder, "running.ipynb"), notebook(running(source)));
  await openFile(ben, join(folder, "running.ipynb"));
  await ben.getByRole("button", { name: "Run all" }).click();
  await ben.locator("[data-output]").getByText("42", { exact: true }).waitFor();
  await ben.getByRole("button", { name: "Models", exact: true }).click();
  const kept = ben.getByRole("complementary", { name: "Models" }).locator(".models-row", { hasText: "doubler" });
  await kept.getByText("by its CID · MIT").waitFor();
  await kept.getByText("held once by this notebook").waitFor();

  // So does the command line, which then has it, and publishes the notebook with it.
  const environment = { KROMA_HOME: join(folder, "home"), KROMA_CACHE: join(folder, "cache"), KROMA_GATEWAYS: "" };
  const file = join(folder, "running.ipynb");
  const ran = await kroma(["run", file, "--quiet", "--from", gateway], { environment });
  expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: "42\n" });
  expect(await kroma(["run", file, "--quiet"], { environment })).toMatchObject({ code: 0, stdout: "42\n" });
  const published = await kroma(["publish", file, "--author", "Ben", "--car", join(folder, "running.car")], {
    environment,
  });
  expect(published.stderr).toContain("names the model doubler.onnx");
  const root = published.stdout.trim();
  const elsewhere = { ...environment, KROMA_HOME: join(folder, "elsewhere") };
  const foreign = await kroma(["run", root, "--quiet", "--from", join(folder, "running.car")], {
    environment: elsewhere,
  });
  expect(foreign, foreign.stderr).toMatchObject({ code: 0, stdout: "42\n" });
  const nobody = { ...environment, KROMA_HOME: join(folder, "nobody") };
  const missing = await kroma(["run", file, "--quiet"], { environment: nobody });
  expect(missing).toMatchObject({ code: 1, stdout: "" });
  expect(missing.stderr).toContain("Say where it can be had");
  expect(readFileSync(join(folder, "running.car")).length).toBeGreaterThan(1000);
}, 400_000);
