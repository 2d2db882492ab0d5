/** A published notebook goes from one browser's tab to another's, peer to peer, and so does its author's name: nothing else has them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browser } from "./kroma-process.ts";
import { type RunningMirror, startMirrorProcess } from "./mirror-process.ts";
import { uncaughtErrors } from "./uncaught.ts";

const watch = uncaughtErrors();
const folder = mkdtempSync(join(tmpdir(), "kroma-from-tab-"));
const contexts: BrowserContext[] = [];
let mirror: RunningMirror;

beforeAll(async () => {
  mirror = await startMirrorProcess(join(folder, "mirror"));
});
afterAll(async () => {
  for (const context of contexts) await context.close();
  await mirror?.end("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function open(name: string, address: string): Promise<Page> {
  const context = await browser(mkdtempSync(join(folder, `${name}-`)));
  contexts.push(context);
  const page = await context.newPage();
  watch(page);
  await page.goto(address);
  return page;
}

it("is given from the tab that published it to whoever has the link", async () => {
  const ana = await open("ana", `${mirror.url}/`);
  await ana.getByText("What a cell can show").first().click();
  await ana.locator("[data-cell]").first().waitFor();
  await ana.getByRole("button", { name: "Publish", exact: true }).first().click();
  const panel = ana.getByRole("complementary", { name: "Publish" });
  await panel.getByLabel("Authors").fill("Ana");
  await panel.getByRole("button", { name: "Publish", exact: true }).click();
  await panel.getByRole("button", { name: "Give it from this tab" }).click();
  await panel.getByText("gets it from this tab").waitFor();
  const link = await panel.getByLabel("Link that opens it in Kroma").inputValue();
  expect(link).toContain("webrtc");
  const root = /#\/artefact\/(\w+)/.exec(link)?.[1];
  const facts = (await (await fetch(`${mirror.url}/.well-known/kroma-mirror.json`)).json()) as { gateway: string };
  expect((await fetch(new URL(`/ipfs/${root}?format=raw`, facts.gateway))).status).toBe(404);

  const ben = await open("ben", link);
  await ben.getByText("Signed by somebody who calls themself “Ana”").waitFor();
  await ben.getByRole("button", { name: "Open", exact: true }).click();
  await ben.locator("[data-cell]").first().waitFor();
  expect(await ben.locator("[data-cell]").count()).toBeGreaterThan(3);

  // Somebody who shares no notebook with Ana follows her name by a link, before there is any way to her tab.
  await ana.context().route("**/routing/v1/ipns/**", (route) => route.abort());
  await ana.getByRole("tab", { name: "Names" }).click();
  await ana.getByRole("button", { name: "Point it there" }).click();
  await ana.getByText("It is so here, but not everybody was told.").waitFor();
  await ana.getByRole("button", { name: "Make a link that leads to this tab" }).click();
  const named = await ana.getByLabel("Link that says whom to ask for the name").inputValue();
  expect(named).toContain("webrtc");
  const cleo = await open("cleo", `${mirror.url}/`);
  await cleo.getByText("What a cell can show").first().click();
  await cleo.getByRole("button", { name: "Publish", exact: true }).first().click();
  await cleo.getByRole("tab", { name: "Names" }).click();
  await cleo.getByLabel("A name, or a link with one").fill(named);
  await cleo.getByRole("button", { name: "Follow", exact: true }).click();
  // Who was not reached at once is asked again, as a person would.
  const newest = cleo.getByText("You have the newest version.");
  await expect
    .poll(
      async () => {
        if (await newest.isVisible()) return true;
        const again = cleo.getByRole("button", { name: "Ask for newer versions" });
        if (await again.isEnabled()) await again.click({ timeout: 5000 }).catch(() => undefined);
        return false;
      },
      { timeout: 180_000, interval: 5000 },
    )
    .toBe(true);
}, 300_000);
