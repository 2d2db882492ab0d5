/**
 * A notebook is published in one browser, kept by a mirror, read without scripts from its gateway, and opened, checked,
 * trusted, run and forked in another browser while the first is gone; the shell gives the same input the same name.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browser, killBrowser, kroma } from "./kroma-process.ts";
import { type RunningMirror, startMirrorProcess } from "./mirror-process.ts";
import { pinAtMirror } from "./pinning-at-mirror.ts";
import { uncaughtErrors } from "./uncaught.ts";

const watch = uncaughtErrors();
const folder = mkdtempSync(join(tmpdir(), "kroma-publish-"));
const mirrorFolder = join(folder, "mirror");
const contexts = new Set<BrowserContext>();
let mirror: RunningMirror;
let gateway: string;
let token: string;

const DATA = "day,rain\n1,2\n2,40\n";
const cell = (id: string, source: string) => ({
  id,
  cell_type: "code",
  source,
  metadata: { kroma: { language: "typescript" } },
  outputs: [],
  execution_count: null,
});
const NOTEBOOK = {
  cells: [
    { id: "title", cell_type: "markdown", source: "# Rain\n\nHow much of it fell.", metadata: {} },
    cell("write", `kroma.files.write("data/rain.csv", ${JSON.stringify(DATA)})`),
    cell(
      "sum",
      'kroma.files.readText("data/rain.csv").trim().split("\\n").slice(1).map((line) => Number(line.split(",")[1])).reduce((a, b) => a + b)',
    ),
  ],
  metadata: {
    kernelspec: { name: "typescript", display_name: "TypeScript", language: "typescript" },
    language_info: { name: "typescript" },
    title: "Rain",
  },
  nbformat: 4,
  nbformat_minor: 5,
};

beforeAll(async () => {
  mkdirSync(mirrorFolder);
  const made = await kroma(["mirror", "token", "ana", "--data", mirrorFolder]);
  token = made.stdout.trim().split("\n").at(-1) ?? "";
  mirror = await startMirrorProcess(mirrorFolder);
  const facts = (await (await fetch(`${mirror.url}/.well-known/kroma-mirror.json`)).json()) as { gateway: string };
  gateway = facts.gateway.replace(/\/$/, "");
  writeFileSync(join(folder, "rain.ipynb"), JSON.stringify(NOTEBOOK));
});
afterAll(async () => {
  for (const context of contexts) await context.close();
  await mirror?.end("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function open(name: string, address = `${mirror.url}/`): Promise<Page> {
  const context = await browser(join(folder, name));
  contexts.add(context);
  const page = await context.newPage();
  watch(page);
  await page.goto(address);
  return page;
}

async function close(page: Page): Promise<void> {
  contexts.delete(page.context());
  await page.context().close();
}

async function importFile(page: Page, button: string, path: string): Promise<void> {
  const chosen = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: button, exact: true }).click();
  await (await chosen).setFiles(path);
}

async function runAll(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Run all" }).click();
  await page.locator("[data-cell]", { hasText: "reduce" }).getByText("42", { exact: true }).waitFor();
}

async function download(page: Page, press: () => Promise<void>, name: string): Promise<string> {
  const started = page.waitForEvent("download");
  await press();
  const path = join(folder, name);
  await (await started).saveAs(path);
  return path;
}

/** Told in the page: the service worker has all files of it. */
async function isKept(): Promise<boolean> {
  if (!navigator.serviceWorker.controller) return false;
  const found = (await caches.keys()).map(async (name) => (await caches.open(name)).match("/kroma-complete"));
  return (await Promise.all(found)).some((response) => response !== undefined);
}

/** Long enough to be cut off on the way. */
const LONG = 96 * 2 ** 20;
const LONG_NOTEBOOK = {
  ...NOTEBOOK,
  metadata: { ...NOTEBOOK.metadata, title: "Tides of Eve" },
  cells: [
    cell(
      "write",
      `const bytes = new Uint8Array(${LONG}).map((_, at) => at * 7 + (at >> 16));\nkroma.files.write("long.bin", bytes);\n"all of it"`,
    ),
  ],
};

it("goes on after a restart where the killed browser stopped, and comes to the same", async () => {
  const profile = mkdtempSync(join(folder, "eve-"));
  const eve = await open(basename(profile));
  writeFileSync(join(folder, "long.ipynb"), JSON.stringify(LONG_NOTEBOOK));
  await importFile(eve, "Import", join(folder, "long.ipynb"));
  await eve.getByRole("button", { name: "Run all" }).click();
  await eve.getByText("'all of it'", { exact: true }).waitFor();
  mkdirSync(join(folder, "long"), { recursive: true });
  const plain = await download(eve, () => eve.keyboard.press("Control+Shift+S"), "long/long.ipynb");
  await eve.getByRole("button", { name: "Publish", exact: true }).last().click();
  const form = eve.locator(".publish-form");
  await form.getByText("long.bin").waitFor();
  await form.getByLabel("Authors").fill("Eve Ito");
  const killed = new Promise<void>((resolve, reject) => {
    eve.exposeFunction("halfWay", () => killBrowser(eve.context(), profile).then(resolve, reject)).catch(reject);
  });
  await eve.evaluate(() => {
    const observer = new MutationObserver(() => {
      const bar = document.querySelector<HTMLProgressElement>(".publish-working progress");
      if (!bar || bar.value < 2 ** 23) return;
      observer.disconnect();
      (globalThis as unknown as { halfWay(): void }).halfWay();
    });
    observer.observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await form.locator("button[type=submit]").click();
  await killed;
  contexts.delete(eve.context());

  const again = await open(basename(profile));
  await again.locator(".library-open", { hasText: "Tides of Eve" }).click();
  await again.getByRole("button", { name: "Publish", exact: true }).last().click();
  await again.getByText("Publishing “Tides of Eve” was cut off.").waitFor();
  await again.getByRole("button", { name: "Go on", exact: true }).click();
  const root = await again.getByLabel("Its name (CID of the root)").inputValue();
  expect(root).toMatch(/^bafyrei/);
  await close(again);

  writeFileSync(
    join(folder, "long/long.bin"),
    new Uint8Array(LONG).map((_, at) => at * 7 + (at >> 16)),
  );
  const environment = { KROMA_HOME: join(folder, "home") };
  const published = await kroma(["publish", plain, "--author", "Eve Ito", "--version", "1.0.0"], { environment });
  expect(published.stdout.trim(), published.stderr).toBe(root);
}, 480_000);

it("goes from one browser to another by a mirror, and means the same in the shell", async () => {
  // Ana runs and publishes.
  const ana = await open("ana");
  await importFile(ana, "Import", join(folder, "rain.ipynb"));
  await runAll(ana);
  await ana.getByRole("button", { name: "Publish", exact: true }).last().click();
  const form = ana.locator(".publish-form");
  await form.getByText("data/rain.csv").waitFor();
  await form.getByLabel("Authors").fill("Ana Gil");
  await form.getByLabel("Licence").selectOption("CC-BY-4.0");
  await form.locator("button[type=submit]").click();
  const root = await ana.getByLabel("Its name (CID of the root)").inputValue();
  expect(root).toMatch(/^bafyrei/);
  await expect.poll(() => ana.getByLabel("Link that opens it in Kroma").inputValue()).toContain("from=");
  const link = await ana.getByLabel("Link that opens it in Kroma").inputValue();
  await ana.getByText("For gateways and pins").click();
  const directory = await ana.getByLabel("Published directory").inputValue();
  const car = await download(ana, () => ana.getByRole("button", { name: "Download .car" }).click(), "rain.car");

  // The shell agrees on what it is called and on who signed it.
  const plain = await download(ana, () => ana.keyboard.press("Control+Shift+S"), "plain.ipynb");
  mkdirSync(join(folder, "shell/data"), { recursive: true });
  writeFileSync(join(folder, "shell/data/rain.csv"), DATA);
  writeFileSync(join(folder, "shell/plain.ipynb"), readFileSync(plain));
  const environment = { KROMA_HOME: join(folder, "home") };
  const said = ["--title", "Rain", "--author", "Ana Gil", "--licence", "CC-BY-4.0", "--version", "1.0.0"];
  const published = await kroma(["publish", join(folder, "shell/plain.ipynb"), ...said], { environment });
  expect(published.stdout.trim().split("\n").at(-1)).toBe(root);
  expect((await kroma(["verify", car], { environment })).code).toBe(0);

  // The mirror keeps it, and Ana's browser goes.
  await pinAtMirror(ana, { gateway, token }, "Rain, 1.0.0");
  await close(ana);

  // Anybody reads it without scripts.
  const page = await (await fetch(`${gateway}/ipfs/${directory}/`)).text();
  expect(page).toContain("How much of it fell.");
  expect(page).toContain("42");
  expect(page).not.toContain("<script");

  // Ben looks at it, opens it, trusts it, runs it.
  const ben = await open("ben", link);
  await ben.getByText("Signed by somebody who calls themself “Ana Gil”.").waitFor();
  await ben.getByText(", not yet all here").waitFor();
  await ben.getByRole("button", { name: "Open", exact: true }).click();
  await ben.getByText("How much of it fell.").waitFor();
  await ben.getByText("42", { exact: true }).waitFor();
  expect(await ben.getByRole("button", { name: "Run all" }).isDisabled()).toBe(true);
  expect(await ben.locator(".status-bar").innerText()).toMatch(/TypeScript\s+off/);
  await ben.getByRole("button", { name: "Trust it" }).click();
  await ben.locator("dialog").getByRole("button", { name: "Trust it" }).click();
  await expect.poll(() => ben.getByRole("button", { name: "Run all" }).isDisabled()).toBe(false);
  await runAll(ben);

  // His fork is his own, and knows what it comes from.
  await ben.goto(link);
  await ben.getByText(", all in this browser").waitFor();
  await ben.getByRole("button", { name: "Fork", exact: true }).click();
  await expect.poll(() => ben.getByLabel("Title").inputValue()).toBe("Rain (fork)");
  await runAll(ben);
  const fork = await download(ben, () => ben.keyboard.press("Control+Shift+S"), "fork.ipynb");
  const { metadata } = JSON.parse(readFileSync(fork, "utf8")) as { metadata: { kroma: { parents: unknown } } };
  expect(metadata.kroma.parents).toEqual([root]);

  // A file in which one bit is another is refused, with a reason.
  const bytes = readFileSync(car);
  bytes.set([(bytes.at(-40) ?? 0) ^ 1], bytes.length - 40);
  writeFileSync(join(folder, "broken.car"), bytes);
  await ben.goto(mirror.url);
  await ben.getByRole("button", { name: "Open", exact: true }).click();
  await importFile(ben, "From a .car file", join(folder, "broken.car"));
  await ben.getByText(/broken\.car was not opened: .*is something else/).waitFor();

  // Dropped on the library, a whole one is looked at.
  await ben.goto(mirror.url);
  const dropped = await ben.evaluateHandle(
    (base64) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], "rain.car"));
      return data;
    },
    readFileSync(car, "base64"),
  );
  await ben.locator(".library").waitFor();
  await ben.dispatchEvent(".library", "drop", { dataTransfer: dropped });
  await ben.getByText(", all in this browser").waitFor();

  // Once the page itself is kept, nothing else has to be there any more.
  await expect.poll(() => ben.evaluate(isKept)).toBe(true);
  await mirror.end("SIGKILL");
  await ben.context().setOffline(true);
  await ben.goto(link);
  await ben.getByText(", all in this browser").waitFor();
  await ben.getByRole("button", { name: "Open", exact: true }).click();
  await runAll(ben);
});
