/** From the moment raw Pyodide has printed its lines in a worker to the moment they are on Kroma's screen. */
import { median, newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";
import { notebookOf, startServer } from "./server.ts";

const ROUNDS = 3;

/** Notes when the text is on screen and the longest time between two frames. Runs in the page. */
const watch = (marker: string) => `new Promise((done) => {
  let last = performance.now(), worst = 0;
  const started = last;
  const frame = (now) => {
    worst = Math.max(worst, now - last); last = now;
    const outputs = document.querySelectorAll("[data-output]");
    for (const output of outputs) {
      const root = output.shadowRoot ?? output;
      if (root.textContent.includes(${JSON.stringify(marker)})) { done({ ms: performance.now() - started, worst }); return; }
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  document.querySelector('[data-cell] button[aria-label^="Run cell"], [data-cell] button[title^="Run cell"]').click();
})`;

const program = (lines: number, marker: string) => `for i in range(${lines}): print("line", i)\nprint("${marker}")`;

/** 1,000 and 100,000 lines in a warm kernel. */
export async function benchLines(): Promise<readonly Figure[]> {
  const server = await startServer();
  const profile = newProfile();
  const browser = await openBrowser(profile);
  const figures: Figure[] = [];
  try {
    const bare = await browser.context.newPage();
    await bare.goto(`${server.url}/bare.html`);
    await bare.waitForFunction("window.finished > 0");
    for (const lines of [1000, 100_000]) {
      const raw: number[] = [];
      const shown: number[] = [];
      const frames: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const marker = `last-of-${lines}-${round}`;
        raw.push(
          (await bare.evaluate(
            `new Promise((done) => { worker.onmessage = (event) => done(event.data.ms); worker.postMessage(${JSON.stringify(program(lines, marker))}); })`,
          )) as number,
        );
        const name = `lines-${lines}-${round}.ipynb`;
        server.pages.set(`/notebooks/${name}`, notebookOf([program(lines, marker)]));
        const page = await browser.context.newPage();
        await page.goto(`${server.url}/?path=notebooks/${name}`);
        await page
          .locator("[data-kernel=python][data-status=idle]")
          .first()
          .waitFor({ state: "attached", timeout: 60_000 });
        await page.locator("[data-cell]").first().waitFor();
        const seen = (await page.evaluate(watch(marker))) as { ms: number; worst: number };
        shown.push(seen.ms);
        frames.push(seen.worst);
        await page.close();
      }
      const detail = `on screen after ${median(shown).toFixed(0)} ms, raw Pyodide prints for ${median(raw).toFixed(0)} ms, median of ${ROUNDS}`;
      figures.push({
        name: `${lines.toLocaleString("en")} lines after raw Pyodide`,
        value: median(shown) - median(raw),
        unit: "ms",
        goal: lines === 1000 ? 300 : 2500,
        detail,
      });
      if (lines > 1000)
        figures.push({
          name: "longest frame meanwhile",
          value: median(frames),
          unit: "ms",
          goal: 150,
          detail: `${lines.toLocaleString("en")} lines`,
        });
    }
    return figures;
  } finally {
    await browser.close();
    await server.close();
    removeProfile(profile);
  }
}
