/** A notebook of 1,000 cells: first cell, last cell, typing, blanks while scrolling, DOM nodes. */
import { newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";
import { notebookOf, startServer } from "./server.ts";

const CELLS = 1000;

/** Opens a notebook of 1,000 cells and uses it as a reader and as a writer. */
export async function benchCells(): Promise<readonly Figure[]> {
  const server = await startServer();
  const profile = newProfile();
  const browser = await openBrowser(profile);
  try {
    const sources = Array.from(
      { length: CELLS },
      (_, i) => `# cell ${i}\nvalues = [n * ${i} for n in range(10)]\nprint(sum(values))`,
    );
    server.pages.set("/notebooks/many.ipynb", notebookOf(sources));
    const shell = await browser.context.newPage();
    server.pages.set("/notebooks/none.ipynb", notebookOf([]));
    await shell.goto(`${server.url}/?path=notebooks/none.ipynb`);
    await shell.locator("[data-kernel]").first().waitFor({ state: "attached" });
    const shellNodes = (await shell.evaluate("document.querySelectorAll('*').length")) as number;
    await shell.close();

    const page = await browser.context.newPage();
    await page.addInitScript(
      `new MutationObserver(() => { if (!window.firstCell && document.querySelector("[data-cell] .cm-content, [data-cell] [role=textbox]")) window.firstCell = performance.now(); }).observe(document, { childList: true, subtree: true });`,
    );
    await page.goto(`${server.url}/?path=notebooks/many.ipynb`);
    const firstCell = async () =>
      (await (await page.waitForFunction("window.firstCell", undefined, { timeout: 60_000 })).jsonValue()) as number;
    const imported = await firstCell();
    await page
      .locator("[data-kernel=python][data-status=idle]")
      .first()
      .waitFor({ state: "attached", timeout: 60_000 });
    await page.reload();
    const first = await firstCell();
    await page
      .locator("[data-kernel=python][data-status=idle]")
      .first()
      .waitFor({ state: "attached", timeout: 60_000 });
    await page.keyboard.press("Escape");

    // The scroller is whichever ancestor of a cell scrolls.
    const scroller = `(() => { let e = document.querySelector("[data-cell]"); while (e && !(e.scrollHeight > e.clientHeight + 200 && /auto|scroll/.test(getComputedStyle(e).overflowY))) e = e.parentElement; return e ?? document.scrollingElement; })()`;
    const last = (await page.evaluate(`new Promise((done) => {
      const box = ${scroller}; const started = performance.now();
      const look = () => { box.scrollTop = box.scrollHeight; if (document.body.textContent.includes("# cell ${CELLS - 1}")) done(performance.now() - started); else requestAnimationFrame(look); };
      look();
    })`)) as number;
    const sweep = (await page.evaluate(`new Promise((done) => {
      const box = ${scroller}; let step = 0, blanks = 0, nodes = 0;
      const frame = () => {
        const view = box.getBoundingClientRect(); const middle = (Math.max(view.top, 0) + Math.min(view.bottom, innerHeight)) / 2;
        if (step > 0 && ![...document.querySelectorAll("[data-cell]")].some((cell) => { const r = cell.getBoundingClientRect(); return r.top - 40 <= middle && r.bottom + 40 >= middle; })) blanks++;
        nodes = Math.max(nodes, document.querySelectorAll("*").length);
        if (step++ > 150) { done({ blanks, nodes }); return; }
        box.scrollTop = (box.scrollHeight * ((step * 37) % 150)) / 150;
        requestAnimationFrame(() => requestAnimationFrame(frame));
      };
      frame();
    })`)) as { blanks: number; nodes: number };

    await page.evaluate(`${scroller}.scrollTop = ${scroller}.scrollHeight / 2`);
    await page.locator("[data-cell] .cm-content, [data-cell] [role=textbox]").nth(1).click();
    await page.evaluate(
      `window.keys = []; addEventListener("keydown", () => { const t = performance.now(); requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => window.keys.push(performance.now() - t); c.port2.postMessage(0); }); }, true);`,
    );
    await page.keyboard.type("a quick brown fox jumps over the lazy dog ".repeat(4), { delay: 15 });
    const keys = ((await page.evaluate("window.keys")) as number[]).sort((a, b) => a - b);
    const p95 = keys[Math.floor(keys.length * 0.95)] ?? Number.NaN;
    return [
      {
        name: "first cell of 1,000",
        value: first,
        unit: "ms",
        goal: 1000,
        detail: `page clock, editor there; ${imported.toFixed(0)} ms when the file is imported first`,
      },
      { name: "last cell of 1,000", value: last, unit: "ms", goal: 200, detail: "after asking for it" },
      { name: "typing, p95", value: p95, unit: "ms", goal: 33, detail: `key to painted frame, ${keys.length} keys` },
      { name: "blank frames in a sweep", value: sweep.blanks, unit: "frames", goal: 0, detail: "150 jumps" },
      {
        name: "DOM nodes beyond the shell",
        value: sweep.nodes - shellNodes,
        unit: "nodes",
        goal: 600,
        detail: `shell ${shellNodes}`,
      },
    ];
  } finally {
    await browser.close();
    await server.close();
    removeProfile(profile);
  }
}
