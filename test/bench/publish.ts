/**
 * What publishing costs in Chromium, by the built app itself: a notebook with a file of 100 MiB, from the press on the button to
 * everything being pinned in persistent storage; the memory that it takes; and how fast another browser gets 20 MiB of
 * it from a mirror's gateway.
 */
import { randomFillSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright";
import { kroma } from "../e2e/kroma-process.ts";
import { startMirrorProcess } from "../e2e/mirror-process.ts";
import { newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";

const MEBIBYTE = 2 ** 20;
const SIZE = 100 * MEBIBYTE;
const FETCHED = 20 * MEBIBYTE;

/** Megabytes that all processes with this profile have in memory, what they share counted once (PSS). */
function memoryOf(profile: string): number {
  let kilobytes = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!readFileSync(`/proc/${name}/cmdline`, "utf8").includes(profile)) continue;
      kilobytes += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/smaps_rollup`, "utf8"))?.[1] ?? 0);
    } catch {
      // it ended while we looked
    }
  }
  return kilobytes / 1000;
}

const notebookWith = (file: string): string =>
  JSON.stringify({
    cells: [
      { id: "a", cell_type: "code", source: `open("${file}")`, metadata: {}, outputs: [], execution_count: null }, // prettier-ignore
    ],
    metadata: {},
    nbformat: 4,
    nbformat_minor: 5,
  });

/** Opens a notebook that names the file, with the file in its workspace, and its form ready to be sent. */
async function prepare(page: Page, url: string, folder: string, file: string): Promise<void> {
  await page.goto(url);
  const chosen = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await (await chosen).setFiles(join(folder, "notebook.ipynb"));
  await page.locator("[data-cell]").first().waitFor();
  await page.getByRole("button", { name: "Files" }).click();
  const upload = page.waitForEvent("filechooser");
  await page
    .getByRole("button", { name: /upload/i })
    .first()
    .click();
  await (await upload).setFiles(join(folder, file));
  await page
    .getByRole("treeitem", { name: new RegExp(file) })
    .or(page.getByText(file, { exact: true }))
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Publish", exact: true }).last().click();
  await page.locator(".publish-files", { hasText: file }).waitFor({ timeout: 120_000 });
  await page.getByLabel("Authors").fill("Ana Gil");
}

/** Measured in folders and profiles that are removed again; needs the built site. */
export async function benchPublish(): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "kroma-bench-"));
  const data = join(folder, "mirror");
  const profiles = [newProfile(), newProfile()] as const;
  const token = (await kroma(["mirror", "token", "bench", "--data", data])).stdout.trim().split("\n").at(-1) ?? "";
  const mirror = await startMirrorProcess(data);
  try {
    writeFileSync(join(folder, "large.bin"), randomFillSync(new Uint8Array(SIZE)));
    writeFileSync(join(folder, "notebook.ipynb"), notebookWith("large.bin"));
    const ana = await openBrowser(profiles[0]);
    const page = await ana.context.newPage();
    await prepare(page, `${mirror.url}/`, folder, "large.bin");
    await ana.rest();
    const idle = memoryOf(profiles[0]);
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, memoryOf(profiles[0]) - idle)), 100);
    const before = ana.cpuSeconds();
    const started = performance.now();
    await page.locator(".publish-form button[type=submit]").click();
    await page.locator(".publish-done").waitFor({ timeout: 300_000 });
    const seconds = (performance.now() - started) / 1000;
    const processor = ana.cpuSeconds() - before;
    clearInterval(watch);
    await ana.close();

    const environment = { KROMA_HOME: join(folder, "home"), KROMA_PIN_TOKEN: token };
    writeFileSync(join(folder, "large.bin"), randomFillSync(new Uint8Array(FETCHED)));
    const root = (
      await kroma(["publish", join(folder, "notebook.ipynb"), "--author", "Ana"], { environment })
    ).stdout.trim();
    const facts = (await (await fetch(`${mirror.url}/.well-known/kroma-mirror.json`)).json()) as { gateway: string };
    await kroma(["pin", root, "--service", `${facts.gateway}pinning`], { environment });
    const ben = await openBrowser(profiles[1]);
    const other = await ben.context.newPage();
    await other.goto(`${mirror.url}/#/artefact/${root}`);
    await other.locator(".artefact-facts").waitFor();
    await ben.rest();
    const rested = ben.cpuSeconds();
    const asked = performance.now();
    await other.getByRole("button", { name: "Pin", exact: true }).click();
    await other.locator(".artefact-pinned").waitFor({ timeout: 120_000 });
    const fetched = (performance.now() - asked) / 1000;
    const spent = ben.cpuSeconds() - rested;
    await ben.close();
    const rate = (bytes: number, time: number): string => `${(bytes / 1e6 / time).toFixed(1)} MB/s`;
    return [
      {
        name: "publish 100 MiB in Chromium",
        value: seconds,
        unit: "s",
        goal: SIZE / 25e6,
        detail: `from the press on the button until all is hashed, stored and pinned: ${rate(SIZE, seconds)}, ${processor.toFixed(1)} CPU s`,
      },
      {
        name: "memory while publishing",
        value: most,
        unit: "MB",
        goal: 150,
        detail: `over idle (${idle.toFixed(0)} MB)`,
      },
      {
        name: "fetch 20 MiB from a mirror",
        value: fetched,
        unit: "s",
        goal: FETCHED / 12e6,
        detail: `until all is checked, stored and pinned: ${rate(FETCHED, fetched)}, ${spent.toFixed(1)} CPU s`,
      },
    ];
  } finally {
    await mirror.end("SIGKILL");
    for (const profile of profiles) removeProfile(profile);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
