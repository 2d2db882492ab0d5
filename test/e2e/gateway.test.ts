/** What is published, in a real browser, from a mirror's gateway: readable without scripts, and able to do nothing else. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Browser, chromium as engine } from "playwright";
import { pageRenderers } from "#app/node/page-renderers.ts";
import { publishArtefact } from "#core/artefact/publish.ts";
import { notebookParts } from "#core/artefact/notebook-parts.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { artefactPage } from "#plugins/page/artefact-page.ts";
import { cellWith, markdownCell, notebookOf } from "../browser/page/sample-notebook.ts";
import { partsOf, signerOf, text } from "../unit/artefact/kit.ts";
import { chromiumArguments, chromiumPath } from "../chromium.ts";
import { gatewayOf, serve, type Server } from "../unit/mirror/gateway-kit.ts";

const store = new MemoryBlockStore();
let gateway: Server;
let chromium: Browser;

beforeAll(async () => {
  gateway = await gatewayOf(store);
  chromium = await engine.launch({ executablePath: chromiumPath, args: [...chromiumArguments] });
});
afterAll(async () => {
  await chromium.close();
  await gateway.close();
});

it("a page shows its text, pictures and links without a script, and asks nobody else", async () => {
  // Two colours in stripes: large enough to be a file beside the page.
  const bmp = bitmap(40, 40);
  const notebook = notebookOf([
    markdownCell("# Air\n\nSee [the data](data/air.csv).\n\n![A map](https://tiles.example/map.png)", 0),
    cellWith({ output_type: "display_data", data: { "image/bmp": bmp.toString("base64") }, metadata: {} }, 1),
    cellWith(
      {
        output_type: "display_data",
        data: { "text/html": "<style>p{color:rgb(1,2,3)}</style><p id=a>styled</p>" },
        metadata: {},
      },
      2,
    ),
  ]);
  const said = { title: "Air", authors: [{ name: "Ada" }], licence: "CC-BY-4.0" };
  const files = [{ path: "data/air.csv", content: text("station,mean\nNorth,21\n") }];
  const page = await artefactPage(notebook, ["data/air.csv"], said, pageRenderers);
  const { directory } = await publishArtefact(
    notebookParts(notebook, files, said, page),
    store,
    await signerOf(1, "Ada"),
  );

  const context = await chromium.newContext({ javaScriptEnabled: false });
  const requests: string[] = [];
  context.on("request", (request) => requests.push(request.url()));
  const tab = await context.newPage();
  await tab.goto(`${gateway.url}/ipfs/${directory}`);
  expect(await tab.title()).toBe("Air");
  await expect.poll(() => tab.locator("main img").evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(40);
  expect(await tab.locator("#a").evaluate((element) => getComputedStyle(element).color)).toBe("rgb(1, 2, 3)");
  expect(await tab.getByRole("link", { name: "A map" }).getAttribute("href")).toBe("https://tiles.example/map.png");
  expect(requests.filter((url) => !url.startsWith(gateway.url))).toEqual([]);
  const [download] = await Promise.all([
    tab.waitForEvent("download"),
    tab.getByRole("link", { name: "the data" }).click(),
  ]);
  expect(await readFile(await download.path(), "utf8")).toContain("North,21");
  await context.close();
});

it("a page that somebody made to do harm runs nothing, reaches no app, and is no service worker", async () => {
  const asked: string[] = [];
  const app = await serve((request, response) => {
    asked.push(request.url ?? "");
    response.end("the app");
  });
  const evil = `<!doctype html><title>still</title><p>evil</p><img src="${app.url}/picture"><iframe src="${app.url}/frame"></iframe>
<form action="${app.url}/form"><button id="send">Send</button></form><script>document.title="ran";fetch("${app.url}/fetch")</script>
<script src="evil.js"></script><link rel="stylesheet" href="${app.url}/style"><meta http-equiv="refresh" content="1;url=${app.url}/refresh">`;
  const content = [
    { path: "index.html", content: text(evil) },
    { path: "evil.js", content: text(`document.title="ran too"`) },
    {
      path: "drawing.svg",
      content: text(`<svg xmlns="http://www.w3.org/2000/svg"><script>document.documentElement.id="ran"</script></svg>`),
    },
    { path: "notebook.ipynb", content: text("{}") },
  ];
  const { directory } = await publishArtefact(partsOf({ content }), store, await signerOf(2, "Eve"));
  const context = await chromium.newContext();
  const tab = await context.newPage();
  await tab.goto(`${gateway.url}/ipfs/${directory}/`);
  await tab.locator("#send").click();
  expect(await tab.title()).toBe("still");
  expect(await tab.evaluate(() => origin)).toBe("null");
  await tab.goto(`${gateway.url}/ipfs/${directory}/drawing.svg`);
  expect(await tab.evaluate(() => document.documentElement.id)).toBe("");
  expect((await gateway.get(`/ipfs/${directory}/evil.js`, { "Service-Worker": "script" })).status).toBe(400);
  // A refresh leads the reader away, as a link does, and takes nothing along.
  expect(asked.filter((path) => path !== "/refresh" && path !== "/favicon.ico")).toEqual([]);
  await context.close();
  await app.close();
});

/** An uncompressed picture of 24 bits, its rows in two colours. */
function bitmap(width: number, height: number): Buffer {
  const row = width * 3;
  const bytes = Buffer.alloc(54 + row * height);
  bytes.write("BM");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  for (let y = 0; y < height; y += 1) bytes.fill(y % 2 === 0 ? 0x40 : 0xc0, 54 + y * row, 54 + (y + 1) * row);
  return bytes;
}
