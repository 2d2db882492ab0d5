/** Two browsers that share nothing but two texts: no server, no relay, and the mDNS names that hide their addresses. */
import { type Browser, type BrowserContext, chromium, type Page } from "playwright";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chromiumArguments, chromiumPath } from "../chromium.ts";
import { root } from "./kroma-process.ts";

let vite: ViteDevServer;
let origin: string;
const browsers: Browser[] = [];

beforeAll(async () => {
  vite = await createServer({
    root,
    configFile: false,
    logLevel: "error",
    cacheDir: "node_modules/.vite-by-hand",
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null },
  });
  await vite.listen();
  origin = vite.resolvedUrls?.local[0] ?? "";
});
afterAll(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  await vite.close();
});

/** A page of a browser of its own, with the plug-in in it and nothing of the app. */
async function page(): Promise<Page> {
  const browser = await chromium.launch({ executablePath: chromiumPath, args: [...chromiumArguments] });
  browsers.push(browser);
  const context: BrowserContext = await browser.newContext();
  const made = await context.newPage();
  await made.route(`${origin}blank`, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html>" }));
  await made.goto(`${origin}blank`);
  await made.addScriptTag({
    type: "module",
    content: `
      import { answerOffer, makeOffer } from "/plugins/manual-link/index.ts";
      const heard = [];
      const take = (link) => {
        globalThis.link = link;
        link.channel.receive((bytes) => heard.push(bytes.byteLength));
        link.channel.onClose((reason) => (globalThis.ended = reason ?? ""));
      };
      let offer;
      globalThis.hand = {
        async offer() { offer = await makeOffer(); return offer.text; },
        async answer(text) { const made = await answerOffer(text); made.link.then(take); return made.text; },
        async accept(text) { take(await offer.accept(text)); },
        send: (length) => globalThis.link.channel.send(new Uint8Array(length)),
        heard: () => heard,
        names: () => [globalThis.link?.local, globalThis.link?.remote],
        ended: () => globalThis.ended,
        close: (reason) => globalThis.link.channel.close(reason),
      };
    `,
  });
  await made.waitForFunction("globalThis.hand !== undefined");
  return made;
}

const call = (on: Page, method: string, ...args: readonly unknown[]): Promise<unknown> =>
  on.evaluate(`hand.${method}(${args.map((arg) => JSON.stringify(arg)).join(",")})`);

it("connects two browsers by two texts, both ways, and tells when one has left", async () => {
  const [first, second] = await Promise.all([page(), page()]);
  const offer = String(await call(first, "offer"));
  expect(offer).toMatch(/^KRO1\./);
  expect(offer.length).toBeLessThan(800);
  await expect(call(second, "accept", offer)).rejects.toThrow();
  await expect(call(second, "answer", offer.slice(0, 50))).rejects.toThrow(/not complete/);
  const answer = String(await call(second, "answer", offer));
  await expect(call(first, "accept", offer)).rejects.toThrow(/This is an offer, but an answer belongs here/);
  await call(first, "accept", answer);
  await expect.poll(() => call(second, "names")).toEqual([expect.any(String), expect.any(String)]);
  const names = (await call(first, "names")) as readonly string[];
  expect(await call(second, "names")).toEqual([...names].reverse());
  await call(first, "send", 1_000_000);
  await call(second, "send", 300_000);
  await call(second, "send", 1);
  await expect.poll(() => call(second, "heard")).toEqual([1_000_000]);
  await expect.poll(() => call(first, "heard")).toEqual([300_000, 1]);
  await call(first, "close", "The page was left.");
  await expect.poll(() => call(second, "ended")).toBe("The page was left.");
});

it("notices soon that the other browser is gone", async () => {
  const [first, second] = await Promise.all([page(), page()]);
  await call(first, "accept", await call(second, "answer", await call(first, "offer")));
  await expect.poll(() => call(first, "names")).toEqual([expect.any(String), expect.any(String)]);
  await second.context().browser()?.close();
  const gone = performance.now();
  await expect.poll(() => call(first, "ended"), { interval: 50 }).toBeTruthy();
  expect(performance.now() - gone).toBeLessThan(15_000);
});
