/** A notebook as a page without scripts. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { pageRenderers } from "#app/node/page-renderers.ts";
import type { Cell, Output } from "#core/notebook/model.ts";
import { renderPage, type PageOptions } from "#plugins/page/render.ts";
import { hostileMarkup } from "../../browser/outputs/hostile.ts";
import {
  cellWith,
  markdownCell,
  notebookOf,
  PAGE_HASH,
  pageText,
  SAMPLE_OPTIONS,
  sampleNotebook,
} from "../../browser/page/sample-notebook.ts";

const page = (cells: readonly Cell[], options: Partial<PageOptions> = {}) =>
  renderPage(notebookOf(cells), { title: "T", renderers: pageRenderers, ...options });
const html = (markup: string): Output => ({ output_type: "display_data", data: { "text/html": markup }, metadata: {} });
const data = (bundle: Readonly<Record<string, unknown>>): Output => ({
  output_type: "display_data",
  data: bundle,
  metadata: {},
});

test("the page of one of everything is these bytes, here as in a browser", async () => {
  const first = await renderPage(sampleNotebook, { ...SAMPLE_OPTIONS, renderers: pageRenderers });
  const second = await renderPage(sampleNotebook, { ...SAMPLE_OPTIONS, renderers: pageRenderers });
  expect(second.html).toBe(first.html);
  expect(createHash("sha256").update(pageText(first)).digest("hex")).toBe(PAGE_HASH);
});

test("it has its title, authors, licence, address and a policy that forbids everything but showing", async () => {
  const { html: text } = await renderPage(sampleNotebook, { ...SAMPLE_OPTIONS, renderers: pageRenderers });
  expect(text).toMatch(/^<!doctype html><html lang="en">/);
  expect(text).toContain("default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;");
  expect(text).toContain("<title>Air in the city</title>");
  expect(text).toContain('<meta name="author" content="Ana Example">');
  expect(text).toContain("Licence: CC-BY-4.0");
  expect(text).toContain(`<link rel="canonical" href="${SAMPLE_OPTIONS.canonical}">`);
  expect(text.match(/<h1/g)).toHaveLength(1);
  expect(text).toContain('href="workspace/data/air.csv"');
  expect(text).toContain('href="#heading-In-code"');
});

test("it leads to the copy of Kroma beside it, where there is one", async () => {
  expect((await page([markdownCell("Text", 1)])).html).not.toContain("Run</a>");
  const { html: text } = await page([markdownCell("Text", 1)], { run: "kroma/index.html?published" });
  expect(text).toContain('<a href="kroma/index.html?published">Run</a>');
});

test("nothing hostile is left of outputs, drawings, Markdown and titles", async () => {
  const canary = "http://127.0.0.1:9/canary";
  for (const markup of hostileMarkup(canary)) {
    const { html: text } = await page(
      [
        cellWith(html(markup), 1),
        cellWith(data({ "image/svg+xml": `<svg xmlns="http://www.w3.org/2000/svg">${markup}</svg>` }), 2),
        markdownCell(`Text\n\n${markup}\n`, 3),
        markdownCell(`![a](${canary}/picture.png) [b](javascript:alert(1))`, 4),
        cellWith({ output_type: "stream", name: "stdout", text: markup }, 5),
      ],
      { title: markup, description: markup, authors: [{ name: markup }] },
    );
    // What is code, text or the words of a title is text; so only tags are looked at.
    const tags = text.match(/<(?:"[^"]*"|'[^']*'|[^<>"'])*>/g) ?? [];
    for (const tag of tags) {
      expect(tag).not.toMatch(/^<(?:script|iframe|object|embed|form|input|base|animate|set|foreignobject)\b/i);
      expect(tag.replaceAll(/"[^"]*"/g, "")).not.toMatch(/\son\w+/i);
      const address = /\s(?:src|srcset|poster|data|action|xlink:href)="([^"]*)"/i.exec(tag)?.[1] ?? "";
      expect(address).not.toContain(canary);
      if (/\shref="/.test(tag) && !tag.startsWith("<a ")) expect(tag).not.toContain(canary);
      expect(/\sstyle="([^"]*)"/.exec(tag)?.[1] ?? "").not.toMatch(/url|\\/i);
      expect(tag).not.toMatch(/href="\s*(?:javascript|vbscript|data):/i);
    }
    const main = text.slice(text.indexOf("<main"));
    expect(main.match(/<style>[\s\S]*?<\/style>/g)?.join("") ?? "").not.toContain("canary");
  }
});

test("markup that reads otherwise the second time is left out", async () => {
  const { html: text } = await page([
    cellWith(html('<svg></p><style><a title="</style><img src=1 onerror=alert(1)>">'), 1),
    cellWith(
      html(
        "<math><mtext><table><mglyph><style><math><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
      ),
      2,
    ),
  ]);
  expect(text).not.toMatch(/<img[^>]*onerror/);
  expect(text.match(/<\/style>/g)).toHaveLength(1);
});

test("outputs with styles of their own stand in a shadow root, and share no id with others", async () => {
  const styled = '<style>p { color: red }</style><p id="a" class="x">one</p>';
  const plain = '<p id="a"><a href="#a">two</a></p>';
  const { html: text } = await page([cellWith(html(styled), 1), cellWith(html(plain), 2), cellWith(html(plain), 3)]);
  expect(text).toMatch(
    /<template shadowrootmode="open"><style>[^<]*<\/style><style>p { color: red }<\/style><p id="a" class="x">one/,
  );
  expect(text).toContain('<p id="cell-2-1-a"><a href="#cell-2-1-a">two');
  expect(text).toContain('<p id="cell-3-1-a"><a href="#cell-3-1-a">two');
});

test("pictures are files named by their content, once each; a picture elsewhere becomes a link to it", async () => {
  const png = Buffer.alloc(4000, 7).toString("base64");
  const { html: text, files } = await page([
    cellWith(data({ "image/png": png, "text/plain": "<Figure size 640x480>" }), 1),
    cellWith(data({ "image/png": png }), 2),
    markdownCell("![The map](https://tiles.example/map.png)", 3),
  ]);
  expect(files).toHaveLength(1);
  const [file] = files;
  expect(file?.path).toBe(`media/${createHash("sha256").update(Buffer.alloc(4000, 7)).digest("hex").slice(0, 32)}.png`);
  expect(text.split(`src="${file?.path}"`)).toHaveLength(3);
  expect(text).toContain('alt="Figure size 640x480"');
  expect(text).toContain('<a href="https://tiles.example/map.png" rel="noopener noreferrer">The map</a>');
});

test("a representation that says nothing without a script gives way to the next", async () => {
  const { html: text } = await page([
    cellWith(data({ "text/html": "<div id=x></div><script>draw(x)</script>", "text/plain": "Figure of 3 lines" }), 1),
    cellWith(
      data({ "application/vnd.jupyter.widget-view+json": { model_id: "m" }, "text/plain": "Slider(value=3)" }),
      2,
    ),
    cellWith(
      data({ "application/vnd.vegalite.v6+json": { data: { url: "https://example.org/x.json" }, mark: "bar" } }),
      3,
    ),
    cellWith(data({ "application/vnd.bokehjs_exec.v0+json": {} }), 4),
  ]);
  expect(text).toContain("Figure of 3 lines");
  expect(text).toContain("Slider(value=3)");
  expect(text).toContain("A chart that can't be drawn here");
  expect(text).toContain("An output (application/vnd.bokehjs_exec.v0+json) that shows in Kroma.");
});

test("a figure of Plotly's is a table of its numbers, or the picture beside it", async () => {
  const plotly = "application/vnd.plotly.v1+json";
  const figure = {
    data: [
      { type: "bar", x: ["Oslo", "<b>Rome</b>"], y: [1, 2.5], name: "2024" },
      { type: "scatter", x: ["Oslo", "<b>Rome</b>"], y: { dtype: "f8", bdata: "AAAAAAAA8D8AAAAAAAAAQA==" }, name: "2025<br>so far" },
      { type: "pie", labels: ["a"], values: [3] },
    ],
    layout: { title: { text: "Rain <i>in</i> cities" }, xaxis: { title: "town" } },
  }; // prettier-ignore
  const { html: text } = await page([
    cellWith(data({ [plotly]: figure }), 1),
    cellWith(data({ [plotly]: figure, "image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9"/></svg>' }), 2),
    cellWith(data({ [plotly]: { data: [{ type: "heatmap", z: [[1, 2]] }] } }), 3),
  ]); // prettier-ignore
  expect(text).toContain("<caption>Rain in cities</caption>");
  expect(text).toContain('<th scope="col">town</th><th scope="col">2024</th><th scope="col">2025 so far</th>');
  expect(text).toMatch(/<td>&#x3C;b>Rome&#x3C;\/b><\/td><td>2.5<\/td><td>2<\/td>/);
  expect(text).toMatch(/<td>a<\/td><td>3<\/td>/);
  expect(text.match(/<table/g)).toHaveLength(2);
  expect(text).toContain('d="M0 0h9"');
  expect(text).toContain("A chart that can't be drawn here; it is in the notebook.");
});

test("code folds, and is folded where the notebook says so; hidden outputs stay away", async () => {
  const hidden: Cell = {
    ...cellWith({ output_type: "stream", name: "stdout", text: "secret" }, 1),
    metadata: { jupyter: { source_hidden: true, outputs_hidden: true } },
  };
  const { html: text } = await page([hidden, cellWith(undefined, 2)]);
  expect(text).toContain('<details class="code"><summary>Python [1]');
  expect(text).toContain('<details class="code" open><summary>Python [2]');
  expect(text).not.toContain("secret");
});

test("200 cells with text, tables and charts take less than 150 kB, compressed", async () => {
  const table = `<table border="1" class="dataframe"><tbody>${Array.from({ length: 10 }, (_none, row) => `<tr><th>${row}</th><td>${row * 1.37}</td><td>${row ** 3}</td></tr>`).join("")}</tbody></table>`;
  const cells = Array.from({ length: 200 }, (_none, index) => {
    const source = `def step_${index}(frame, factor=${index * 7}):\n    """Scale by ${index}."""\n    return frame.scale(factor).mean()  # ${index ** 3}\n`;
    if (index % 4 === 0) return markdownCell(`## Part ${index}\n\nWhat $x_{${index}}^2$ does to *station ${index * 31}*, and why.`, index);
    const output =
      index % 4 === 1 ? html(table.replaceAll("1.37", `${index}.37`)) : index % 4 === 2
        ? data({ "application/vnd.vegalite.v6+json": { data: { values: Array.from({ length: 12 }, (_one, at) => ({ a: `s${at}`, b: (at * index) % 17 })) }, mark: "bar", encoding: { x: { field: "a" }, y: { field: "b", type: "quantitative" } } } })
        : ({ output_type: "stream", name: "stdout", text: `epoch ${index}: loss ${1 / index}\n`.repeat(20) } as const);
    return cellWith(output, index, source);
  }); // prettier-ignore
  const { html: text } = await page(cells);
  const size = gzipSync(text).length;
  expect(size).toBeGreaterThan(10_000);
  expect(size).toBeLessThan(150_000);
});

test("outputs that nest without end, or are not what they say, don't keep the rest from being read", async () => {
  const deep = "<div>".repeat(50_000);
  let nested: unknown = [];
  for (let depth = 0; depth < 100_000; depth += 1) nested = [nested];
  const { html: text } = await page([
    cellWith(data({ "text/html": deep, "text/plain": "in other words" }), 1),
    cellWith(data({ "application/json": nested, "text/plain": "deep" }), 2),
    cellWith(data({ "image/png": "not base64!", "text/plain": "no picture" }), 3),
    cellWith(data({ "image/svg+xml": "<p>no drawing</p>", "text/plain": "no svg" }), 4),
    cellWith(data({ "text/latex": "$\\frac{$" }), 5),
  ]);
  for (const words of ["in other words", "deep", "no picture", "no svg", "\\frac{"]) expect(text).toContain(words);
});
