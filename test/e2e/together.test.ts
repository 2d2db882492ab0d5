/** Two people in two browsers on two profiles, and a mirror that dies: the story of writing together, in the built app. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterEach, beforeEach, expect, it } from "vitest";
import { browser } from "./kroma-process.ts";
import { parseInvitationLink } from "#core/mesh/invitation.ts";
import { type RunningMirror, startMirrorProcess } from "./mirror-process.ts";
import { uncaughtErrors } from "./uncaught.ts";
import { expectSources, joinAsBen, share, sources, type } from "./writing.ts";

const watch = uncaughtErrors();
const folders: string[] = [];
const contexts: BrowserContext[] = [];
let mirror: RunningMirror;
let data: string;

const folder = (name: string): string => {
  const made = mkdtempSync(join(tmpdir(), `kroma-${name}-`));
  folders.push(made);
  return made;
};
beforeEach(async () => {
  data = folder("mirror");
  mirror = await startMirrorProcess(data);
});
afterEach(async () => {
  for (const context of contexts.splice(0)) await context.close();
  await mirror.end("SIGKILL");
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true, maxRetries: 5 });
});

async function open(profile: string, url: string): Promise<Page> {
  const context = await browser(profile);
  contexts.push(context);
  const page = await context.newPage();
  watch(page);
  await page.goto(url);
  return page;
}

/** Another tab of the same browser. */
async function another(page: Page, url: string): Promise<Page> {
  const opened = await page.context().newPage();
  watch(opened);
  await opened.goto(url);
  return opened;
}

async function close(page: Page): Promise<void> {
  const context = page.context();
  contexts.splice(contexts.indexOf(context), 1);
  await context.close();
}

/** Resolves when the service worker has kept all that a visit without the host needs. */
const stored = (page: Page): Promise<void> =>
  expect
    .poll(
      () =>
        page.evaluate(async () => {
          const names = await caches.keys();
          const marks = names.map(async (name) => (await caches.open(name)).match("/kroma-complete"));
          return (await Promise.all(marks)).some(Boolean);
        }),
      { timeout: 120_000 },
    )
    .toBe(true);

it("they write at once, go on when the mirror dies, and merge what each did alone", async () => {
  const [anas, bens] = [folder("ana"), folder("ben")];
  let ana = await open(anas, mirror.url);
  await ana.getByRole("button", { name: "New notebook" }).click();
  await ana.locator("[data-cell] [role=textbox]").click();
  await ana.keyboard.type("a = 1");
  const link = await share(ana, "Edit");
  expect(link.startsWith(`${mirror.url}/#join=`)).toBe(true);

  let ben = await open(bens, link);
  await joinAsBen(ben);
  expect(new URL(ben.url()).hash).toBe("");
  await expectSources(ben, ([first]) => first === "a = 1", "Ben has Ana's notebook");
  await ana.getByRole("complementary", { name: "People" }).getByText("Ben").first().waitFor();

  // Both at once, in the same cell.
  await Promise.all([type(ana, "\nfrom_ana = 'aaaaaaaa'"), type(ben, "\nfrom_ben = 'bbbbbbbb'")]);
  const both = (all: readonly string[]) => ["a", "b"].every((one) => all[0]?.includes(one.repeat(8)) ?? false);
  await expectSources(ana, both, "Ana has what both typed");
  await expectSources(ben, both, "Ben has what both typed");
  expect(await sources(ana)).toEqual(await sources(ben));

  // What one runs, both see.
  await ana.keyboard.press("Escape");
  await ana.keyboard.press("b");
  await ana.keyboard.press("Enter");
  await ana.keyboard.type("print(6 * 7, 'from Ana')");
  await ana.keyboard.press("Control+Enter");
  await ben.locator("[data-output]").filter({ hasText: "42 from Ana" }).waitFor();

  // Also while it runs, and when one comes in the middle of it.
  await ana.keyboard.press("b");
  await ana.keyboard.press("Enter");
  await ana.keyboard.type("print('asked'); print('answer', input())");
  await ana.keyboard.press("Control+Enter");
  await ben.locator("[data-output]").filter({ hasText: "asked" }).waitFor();
  await ben.reload();
  await ben.locator("[data-output]").filter({ hasText: "asked" }).waitFor();
  await ben.getByText("Ana runs this").waitFor();
  await ana.getByRole("textbox", { name: "The cell asks for a line" }).fill("by Ana");
  await ana.keyboard.press("Enter");
  await ben.locator("[data-output]").filter({ hasText: "answer by Ana" }).waitFor();
  await ana.keyboard.press("Escape");
  await ana.keyboard.press("d");
  await ana.keyboard.press("d");

  // Both browsers have the page for visits without a host.
  for (const page of [ana, ben]) await stored(page);

  // The mirror dies in the middle of it, when they have a way to each other without it.
  await ana
    .getByRole("complementary", { name: "People" })
    .getByText(/linked directly/)
    .waitFor();
  await mirror.end("SIGKILL");
  await type(ben, "\nafter = 'the mirror died'");
  await expectSources(ana, (all) => all[0]?.includes("the mirror died") ?? false, "Ana has it without the mirror");

  // Both go, and write alone: the page comes from the browser itself.
  const url = ben.url();
  await close(ben);
  await type(ana, "\nana_alone = True");
  await ana.getByText("Saved", { exact: true }).waitFor();
  // Ana puts the history away while Ben, who knows nothing of it, writes on in the old document.
  await ana.keyboard.press("Escape");
  await ana.keyboard.press("Control+Shift+P");
  await ana.getByRole("combobox", { name: "Command" }).fill("Shorten the history");
  await ana.keyboard.press("Enter");
  await ana.getByRole("button", { name: "Shorten it" }).click();
  await ana.getByText(/^Done: .* became 1 change /).waitFor();
  await ana.getByText("Saved", { exact: true }).waitFor();
  const anasUrl = ana.url();
  await close(ana);
  ben = await open(bens, url);
  await ben.locator("[data-cell]").first().waitFor();
  await type(ben, "\nben_alone = True");
  await ben.keyboard.press("Escape");
  await ben.keyboard.press("b");
  await ben.getByText("Saved", { exact: true }).waitFor();

  // They meet again.
  mirror = await startMirrorProcess(data, mirror.port);
  ana = await open(anas, anasUrl);
  const merged = (all: readonly string[]) =>
    all.length === 3 && ["ana_alone", "ben_alone", "the mirror died"].every((one) => all[0]?.includes(one) ?? false);
  await expectSources(ana, merged, "Ana has what Ben did");
  await expectSources(ben, merged, "Ben has what Ana did");
  expect(await sources(ana)).toEqual(await sources(ben));
  const ids = await ana.locator("[data-cell]").evaluateAll((all) => all.map((one) => one.getAttribute("data-cell")));
  expect(new Set(ids).size).toBe(3);

  // Ana is told who it was: Ben has signed what he wrote alone.
  await ana.getByText("Ben changed this notebook while you were away.").waitFor({ timeout: 120_000 });
  await ana.getByRole("button", { name: "What changed", exact: true }).click();
  await ana.locator(".history-away").getByRole("heading", { name: /^Ben / }).waitFor();

  // What was put away is still read, by Ben too, whose notebook went over to Ana's.
  await ben.getByRole("button", { name: "History", exact: true }).click();
  const history = ben.getByRole("complementary", { name: "History" });
  await history.getByText("The history was shortened here.").waitFor();
  await history.getByRole("button", { name: "Show earlier" }).click();
  await history.getByText("The beginning").first().waitFor();
  // Both try again ever less often: on a busy machine they may miss each other for a minute.
}, 420_000);

it("one who may comment does, on text that they may not change, and gets the answer", async () => {
  const ana = await open(folder("ana"), mirror.url);
  await ana.getByRole("button", { name: "New notebook" }).click();
  await ana.locator("[data-cell] [role=textbox]").click();
  await ana.keyboard.type("total = price * count");
  const link = await share(ana, "Comment");
  const ben = await open(folder("ben"), link);
  await joinAsBen(ben);
  await expectSources(ben, ([first]) => first === "total = price * count", "Ben has Ana's notebook");

  // What Ben runs is for him alone.
  await ben.locator("[data-cell]").first().click();
  await ben.keyboard.press("Escape");
  await ben.keyboard.press("Control+Enter");
  await ben.locator("[data-output]").filter({ hasText: "NameError" }).waitFor({ timeout: 60_000 });
  await ben.getByText("Only you see this.").waitFor();
  await ben.getByRole("button", { name: "Show what the others see" }).click();
  await ben.locator("[data-output]").waitFor({ state: "detached" });
  await ben.keyboard.press("Control+Enter");
  await ben.locator("[data-output]").filter({ hasText: "NameError" }).waitFor();

  // "count" at the end of the line.
  await ben.locator("[data-cell] .cm-content").first().click();
  await ben.keyboard.press("End");
  await ben.keyboard.press("Control+Shift+ArrowLeft");
  await ben.keyboard.press("Control+Alt+m");
  const bens = ben.getByRole("complementary", { name: "Comments" });
  await bens.getByRole("textbox", { name: "Your comment" }).fill("How many are there?");
  await ben.keyboard.press("Control+Enter");
  await bens.getByText("How many are there?").waitFor();
  expect(await ben.locator(".comment-mark").textContent()).toBe("count");

  // Ana is told by a number, types before the text, and answers.
  await ana.getByRole("button", { name: "Comments, 1 new" }).click();
  const anas = ana.getByRole("complementary", { name: "Comments" });
  await anas.getByText("How many are there?").waitFor();
  await ana.locator("[data-cell] .cm-content").first().click();
  await ana.keyboard.press("Control+Home");
  await ana.keyboard.type("# in all\n");
  await expectSources(ben, ([first]) => first === "# in all\ntotal = price * count", "Ben has what Ana typed");
  for (const page of [ana, ben]) expect(await page.locator(".comment-mark").textContent()).toBe("count");
  await anas.getByRole("button", { name: "Reply" }).click();
  await anas.getByRole("textbox", { name: "Reply" }).fill("Twelve.");
  await ana.keyboard.press("Control+Enter");
  await bens.getByText("Twelve.").waitFor();
  await bens.getByRole("button", { name: "Resolve" }).click();
  await ana.locator(".comment-mark").waitFor({ state: "detached" });
  expect(await ana.locator("[data-output]").count()).toBe(0);

  // In other tabs they do the same: the first one of each browser has the network for all.
  const [anasOther, bensOther] = [await another(ana, mirror.url), await another(ben, "about:blank")];
  await anasOther.getByRole("button", { name: "New notebook" }).click();
  await anasOther.locator("[data-cell] [role=textbox]").click();
  await anasOther.keyboard.type("b = 2");
  await anasOther.getByRole("button", { name: "Share", exact: true }).click();
  const panel = anasOther.getByRole("complementary", { name: "People" });
  await panel.getByRole("button", { name: "Make a link" }).click();
  const second = await panel.getByRole("textbox", { name: "Link", exact: true }).inputValue();
  const { addresses } = parseInvitationLink(new URL(second).hash, Date.now());
  expect(addresses.some((address) => address.includes("/webrtc/p2p/"))).toBe(true);
  await bensOther.goto(second);
  await bensOther.getByRole("button", { name: "Join", exact: true }).click();
  await expectSources(bensOther, ([first]) => first === "b = 2", "Ben has Ana's other notebook");
  expect(await ana.getByText("Ben runs this").count()).toBe(0);
}, 240_000);

/** Runs a new cell below the first. */
async function runNew(page: Page, code: string): Promise<void> {
  await page.locator("[data-cell]").first().click();
  await page.keyboard.press("Escape");
  await page.keyboard.press("b");
  await page.keyboard.press("Enter");
  await page.keyboard.type(code);
  await page.keyboard.press("Control+Enter");
}

it("a guest who runs the Welcome notebook finds its data, and what they make of it comes back", async () => {
  const ana = await open(folder("ana"), mirror.url);
  await ana
    .getByRole("link", { name: /Welcome/ })
    .first()
    .click();
  await ana.locator("[data-cell]").first().waitFor();
  const link = await share(ana, "Edit");
  const ben = await open(folder("ben"), link);
  await joinAsBen(ben);

  // At once, before the files can have come.
  await runNew(ben, "print(len(open('data/seattle-weather.csv').readlines()), 'lines')");
  await ben
    .locator("[data-output]")
    .filter({ hasText: /\d{4} lines/ })
    .waitFor({ timeout: 60_000 });

  await ben.getByRole("button", { name: "Files" }).click();
  const files = ben.getByRole("complementary", { name: "Files" });
  await files.getByRole("button", { name: "data", exact: true }).click();
  await files.locator('[data-path="data/seattle-weather.csv"]').getByRole("img", { name: "shared" }).waitFor();

  // Ben's cell writes a file, which Ana's page shows.
  await runNew(ben, "open('from-ben.txt', 'w').write('hello')");
  await ana.getByRole("button", { name: "Files" }).click();
  await ana.locator('[data-path="from-ben.txt"]').waitFor({ timeout: 60_000 });
}, 240_000);

it("somebody comes back in another browser with the keys of their recovery file, by the link that they used", async () => {
  const ana = await open(folder("ana"), mirror.url);
  await ana.getByRole("button", { name: "New notebook" }).click();
  await ana.locator("[data-cell] [role=textbox]").click();
  await ana.keyboard.type("kept = True");
  const link = await share(ana, "Edit");
  const ben = await open(folder("ben"), link);
  await joinAsBen(ben);
  await ben.getByRole("button", { name: "Share", exact: true }).click();
  const bens = ben.getByRole("complementary", { name: "People" });
  await bens.getByText("Your keys").click();
  await bens.getByLabel("Passphrase, at least 10 characters").fill("correct horse battery");
  await bens.getByLabel("The passphrase again").fill("correct horse battery");
  const download = ben.waitForEvent("download");
  await bens.getByRole("button", { name: "Make the recovery file" }).click();
  const file = join(folder("file"), "kroma-recovery.json");
  await (await download).saveAs(file);

  // How far they are, and what went between them.
  const anas = ana.getByRole("complementary", { name: "People" });
  await anas.getByText(/ms there and back · .* so far/).waitFor({ timeout: 30_000 });
  await close(ben);

  const again = await open(folder("again"), mirror.url);
  await again.getByRole("button", { name: "New notebook" }).click();
  await again.getByRole("button", { name: "Share", exact: true }).click();
  const panel = again.getByRole("complementary", { name: "People" });
  await panel.getByText("Your keys").click();
  await panel.getByLabel("Recovery file").setInputFiles(file);
  await panel.getByLabel("Its passphrase").fill("correct horse battery");
  await panel.getByRole("button", { name: "Take the keys of the file" }).click();
  await panel.getByText("You are the person of the file now.").waitFor();
  await again.goto(link);
  await again.getByRole("button", { name: "Join", exact: true }).click();
  await expectSources(again, ([first]) => first === "kept = True", "Ben has the notebook again");
  await type(again, "\nback = True");
  await expectSources(ana, ([first]) => first?.includes("back = True") ?? false, "Ana has what he writes");
  await anas.getByText("2 members").waitFor();
}, 180_000);
