/**
 * From an empty profile to the first Python `1+1` on screen: the whole app beside a bare page that only loads Pyodide
 * in a worker, five interleaved pairs, the browser's CPU seconds from its rest on and the page's clock. Then each
 * profile again.
 */
import type { Page } from "playwright";
import { type Browser, median, newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";
import { type BenchServer, notebookOf, startServer } from "./server.ts";

const PAIRS = 5;

interface Visit {
  readonly cpu: number;
  readonly ms: number;
  /** When the editor could be typed in, on the page's clock. */
  readonly typable: number;
  readonly requests: number;
}

/** Presses Run as soon as there is a cell, and notes when the editor and the answer are there. Runs in the page. */
const WATCH = `
  window.finished = 0; window.typable = 0;
  new MutationObserver(() => {
    const cell = document.querySelector("[data-cell]");
    if (!cell) return;
    if (!window.typable && cell.querySelector("[role=textbox]")) window.typable = performance.now();
    const button = cell.querySelector('button[aria-label^="Run cell"], button[title^="Run cell"]');
    if (button && !window.pressed) { window.pressed = true; button.click(); }
    const output = document.querySelector("[data-output]");
    if (!window.finished && output && output.textContent.trim() === "2") window.finished = performance.now();
  }).observe(document, { childList: true, subtree: true, characterData: true });
`;

async function visit(browser: Browser, server: BenchServer, url: string): Promise<Visit> {
  const page: Page = await browser.context.newPage();
  await browser.rest();
  const requests = server.requests();
  const before = browser.cpuSeconds();
  if (!url.includes("bare")) await page.addInitScript(WATCH);
  await page.goto(server.url + url, { waitUntil: "commit" });
  const handle = await page.waitForFunction(
    "window.finished > 0 && { ms: window.finished, typable: window.typable ?? 0 }",
    undefined,
    { polling: 100, timeout: 120_000 },
  );
  const { ms, typable } = (await handle.jsonValue()) as { ms: number; typable: number };
  const cpu = browser.cpuSeconds() - before;
  if (!url.includes("bare")) await settle(page, server);
  return { cpu, ms, typable, requests: server.requests() - requests };
}

/** Waits until the visit asks for nothing more: the browser looks for a new service worker some time after the page. */
async function settle(page: Page, server: BenchServer): Promise<void> {
  const isStored = (): Promise<boolean> =>
    page.evaluate(async () => {
      const names = await caches.keys();
      const marks = names.map(async (name) => (await caches.open(name)).match("/kroma-complete"));
      return (await Promise.all(marks)).some(Boolean);
    });
  while (!(await isStored())) await page.waitForTimeout(500);
  for (let before = -1; before < server.requests();) {
    before = server.requests();
    await page.waitForTimeout(4000);
  }
}

async function twice(server: BenchServer, url: string): Promise<readonly [Visit, Visit]> {
  const profile = newProfile();
  try {
    const visits: Visit[] = [];
    for (const _ of [1, 2]) {
      const browser = await openBrowser(profile);
      visits.push(await visit(browser, server, url));
      await browser.close();
    }
    const [first, second] = visits;
    if (!first || !second) throw new Error("two visits were asked for");
    return [first, second];
  } finally {
    removeProfile(profile);
  }
}

/** The first and second visit, as ratios to the bare page. */
export async function benchFirstVisit(): Promise<readonly Figure[]> {
  const server = await startServer();
  server.pages.set("/notebooks/one.ipynb", notebookOf(["1+1"]));
  const bare: (readonly [Visit, Visit])[] = [];
  const whole: (readonly [Visit, Visit])[] = [];
  try {
    for (let pair = 0; pair < PAIRS; pair++) {
      bare.push(await twice(server, "/bare.html"));
      whole.push(await twice(server, "/?path=notebooks/one.ipynb"));
    }
  } finally {
    await server.close();
  }
  const ratios = (which: 0 | 1, of: "cpu" | "ms") =>
    median(whole.map((visits, i) => visits[which][of] / (bare[i]?.[which][of] ?? Number.NaN)));
  const detail = (which: 0 | 1, of: "cpu" | "ms", unit: string) =>
    `whole app ${median(whole.map((v) => v[which][of])).toFixed(2)} ${unit}, bare page ${median(bare.map((v) => v[which][of])).toFixed(2)} ${unit}, median of ${PAIRS} pairs`;
  return [
    { name: "first visit, CPU", value: ratios(0, "cpu"), unit: "×", goal: 0.5, detail: detail(0, "cpu", "s") },
    { name: "first visit, clock", value: ratios(0, "ms"), unit: "×", goal: 0.45, detail: detail(0, "ms", "ms") },
    { name: "second visit, CPU", value: ratios(1, "cpu"), unit: "×", goal: 0.75, detail: detail(1, "cpu", "s") },
    {
      name: "second visit, requests",
      value: median(whole.map((v) => v[1].requests)),
      unit: "requests",
      goal: 1,
      detail: "all that the server was asked for, the look for a new version included",
    },
    {
      name: "typable",
      value: median(whole.map((v) => v[0].typable)),
      unit: "ms",
      goal: 800,
      detail: "page clock, first visit",
    },
  ];
}
