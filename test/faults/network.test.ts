/**
 * Writing together over a network that fails: two browsers and a mirror, each on a host of its own, cables that are
 * pulled, packets that are lost. `npm run faults` runs it; it needs root, so `npm test` does not.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterEach, beforeEach, expect, it } from "vitest";
import { chromiumPath } from "../chromium.ts";
import { browser } from "../e2e/kroma-process.ts";
import { type RunningMirror, startMirrorWithin } from "../e2e/mirror-process.ts";
import { uncaughtErrors } from "../e2e/uncaught.ts";
import { expectSources, joinAsBen, share, sources, type } from "../e2e/writing.ts";
import { Lan, type LanHost } from "./lan.ts";

const PORT = 8050;
const watch = uncaughtErrors();
const folders: string[] = [];
const contexts: BrowserContext[] = [];
const tunnels: (() => void)[] = [];
let lan: Lan;
let mirrors: LanHost;
let mirror: RunningMirror;

const folder = (name: string): string => {
  const made = mkdtempSync(join(tmpdir(), `kroma-${name}-`));
  folders.push(made);
  return made;
};
beforeEach(async () => {
  lan = new Lan();
  mirrors = lan.add();
  mirror = await startMirrorWithin(mirrors.enter, folder("mirror"), PORT, "--host", mirrors.address);
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  for (const close of tunnels.splice(0)) close();
  await mirror.end("SIGKILL");
  lan.close();
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true, maxRetries: 5 });
});

interface Person {
  readonly host: LanHost;
  readonly page: Page;
  /** Writes at the end of their own cell: at one place, what two write at once lies in between each other. */
  write(text: string): Promise<void>;
}

/** Somebody with a computer of their own, at this address of the page. */
async function person(name: string, path: string, cell: number): Promise<Person> {
  const host = lan.add();
  const [ip = "", ...words] = host.enter;
  const script = join(import.meta.dirname, "tunnel.ts");
  const tunnel = spawn(ip, [...words, process.execPath, script, String(PORT), mirrors.address, String(PORT)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  tunnels.push(() => tunnel.kill());
  await new Promise((resolve) => tunnel.stdout.once("data", resolve));
  const context = await browser(folder(name), undefined, host.program(chromiumPath));
  contexts.push(context);
  const page = await context.newPage();
  watch(page);
  await page.goto(`http://127.0.0.1:${PORT}${path}`);
  return { host, page, write: (text) => type(page, text, cell) };
}

async function anaAndBen(): Promise<{ readonly ana: Person; readonly ben: Person }> {
  const ana = await person("ana", "/", 0);
  await ana.page.getByRole("button", { name: "New notebook" }).click();
  await ana.page.locator("[data-cell] [role=textbox]").click();
  await ana.page.keyboard.type("start = 1");
  await ana.page.keyboard.press("Escape");
  await ana.page.keyboard.press("b");
  const link = new URL(await share(ana.page, "Edit"));
  const ben = await person("ben", `/${link.hash}`, 1);
  await joinAsBen(ben.page);
  await expectSources(ben.page, (all) => all.length === 2 && all[0] === "start = 1", "Ben has Ana's notebook");
  return { ana, ben };
}

/** Resolves when both have exactly the same, with all of these once. */
async function expectMerged(ana: Page, ben: Page, words: readonly string[]): Promise<void> {
  const merged = (all: readonly string[]): boolean => words.every((word) => all.join("\n").split(word).length === 2);
  await expectSources(ana, merged, `Ana has ${words.join(", ")}`);
  await expectSources(ben, merged, `Ben has ${words.join(", ")}`);
  await expect.poll(async () => (await sources(ana)).join("\0") === (await sources(ben)).join("\0")).toBe(true);
}

const people = (page: Page) => page.getByRole("complementary", { name: "People" });

it("goes on over a network that loses one packet in ten", async () => {
  const { ana, ben } = await anaAndBen();
  for (const host of [mirrors, ana.host, ben.host]) host.lose(10);
  for (const round of [1, 2, 3]) {
    await Promise.all([ana.write(`\nana_${round} = 'a'`), ben.write(`\nben_${round} = 'b'`)]);
    await expectMerged(ana.page, ben.page, [`ana_${round} = 'a'`, `ben_${round} = 'b'`]);
  }
}, 600_000);

it("notices a pulled cable, goes on alone, and merges when it is back", async () => {
  const { ana, ben } = await anaAndBen();
  await people(ana.page)
    .getByText(/linked directly/)
    .waitFor();
  ben.host.cut();
  await ana.write("\nana_alone = True");
  await ben.write("\nben_alone = True");
  await people(ana.page)
    .getByText(/linked directly/)
    .waitFor({ state: "detached" });
  ben.host.mend();
  await expectMerged(ana.page, ben.page, ["ana_alone", "ben_alone"]);

  // The mirror's cable: they have each other.
  mirrors.cut();
  await people(ana.page)
    .getByText(/linked directly/)
    .waitFor({ timeout: 150_000 });
  await Promise.all([ana.write("\nana_direct = 1"), ben.write("\nben_direct = 1")]);
  await expectMerged(ana.page, ben.page, ["ana_direct", "ben_direct"]);
  mirrors.mend();
}, 600_000);

it("loses nothing while a cable comes and goes", async () => {
  const { ana, ben } = await anaAndBen();
  const words: string[] = [];
  for (let round = 0; round < 8; round += 1) {
    const [cut, other] = round % 2 === 0 ? [ana, ben] : [ben, ana];
    cut.host.cut();
    await cut.write(`\ncut_${round}_ = 0`);
    await other.write(`\nother_${round}_ = 0`);
    words.push(`cut_${round}_`, `other_${round}_`);
    cut.host.mend();
    await cut.write(`\nback_${round}_ = 0`);
    words.push(`back_${round}_`);
  }
  await expectMerged(ana.page, ben.page, words);
}, 600_000);
