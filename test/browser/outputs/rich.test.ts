/** Every other renderer for real: Markdown, formulas, HTML, charts, pictures, JSON, errors; and all of it accessible. */
import "#kit/tokens.css";
import "#kit/themes/light.css";
import "#kit/themes/dark.css";
import { headings } from "#plugins/markdown/headings.ts";
import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { draw, theme, until, type Drawn, type DrawOptions } from "./draw.ts";
import { CHART, PICTURE, SAMPLES } from "./samples.ts";

const drawn: Drawn[] = [];
afterEach(() => {
  for (const output of drawn.splice(0)) output.remove();
  theme.set(false);
});
const show = async (type: string, data: unknown, options: DrawOptions = {}) => {
  const output = await draw({ [type]: data }, options);
  drawn.push(output);
  return output;
};
const shadow = (output: Drawn) => output.element.querySelector(".kroma-contained > div")!.shadowRoot!;

test("Markdown is set with formulas, coloured code, tables, tasks and alerts, and headings have the outline's ids", async () => {
  const source = SAMPLES[0]!.bundle["text/markdown"] as string;
  const { element } = await show("text/markdown", source);
  expect(element.querySelectorAll(".katex").length).toBe(3);
  expect(element.querySelectorAll(".katex-display").length).toBe(1);
  expect(element.querySelector("pre[data-language=python] .tok-keyword")?.textContent).toBe("def");
  expect(element.querySelector("table td")?.textContent).toBe("North");
  expect([...element.querySelectorAll(".kroma-task")].map((task) => task.getAttribute("aria-label"))).toEqual([
    "done:",
    "to do:",
  ]);
  expect(element.querySelector("blockquote[data-alert=warning] .kroma-alert-title")?.textContent).toBe("Warning");
  const found = [...element.querySelectorAll("h1, h2, h3")].map((heading) => heading.id);
  expect(found).toEqual(headings(source).map((heading) => heading.id));
  expect(found).toContain("heading-What-was-done");
});

test("numbered equations of one output are counted up", async () => {
  const { element } = await show("text/latex", "\\begin{align}a&=b\\\\c&=d\\end{align}");
  expect(element.querySelectorAll(".eqn-num").length).toBe(2);
  expect(getComputedStyle(element.querySelector(".kroma-latex")!).counterReset).toContain("katexEqnNo");
});

test("a formula that can't be set is shown as its source with the reason", async () => {
  const { element } = await show("text/markdown", "Good $x^2$, bad $\\frac{1}{$ and $\\nonsense{x}$.");
  const bad = element.querySelector<HTMLElement>("[data-failed] ~ [data-failed]")!;
  expect(bad.textContent).toContain("\\nonsense{x}");
  expect(bad.title).toContain("nonsense");
  expect(element.querySelector(".katex")).not.toBeNull();
});

test("pictures of Markdown come from attachments and from the workspace", async () => {
  const asked: string[] = [];
  const { element } = await show(
    "text/markdown",
    "![a](attachment:dot%20one.png) ![b](plots/b.png) ![c](missing.png)",
    {
      metadata: { attachments: { "dot one.png": { "image/png": PICTURE } } },
      file: async (path) => {
        asked.push(path);
        if (path !== "plots/b.png") return undefined;
        return new Blob([Uint8Array.from(atob(PICTURE), (sign) => sign.charCodeAt(0))]);
      },
    },
  );
  const [a, b, c] = element.querySelectorAll("img");
  await Promise.all([a!.decode(), b!.decode()]);
  expect([a!.naturalWidth, b!.naturalWidth]).toEqual([5, 5]);
  expect(asked).toEqual(["plots/b.png", "missing.png"]);
  expect(c!.title).toContain("missing.png");
});

test("links of Markdown go to places in the notebook, to files, or to a new tab", async () => {
  const { element } = await show(
    "text/markdown",
    "# Here\n\n[a](#Here) [b](#Elsewhere) [c](data/x.csv) [d](https://example.org)",
  );
  const events: [string, unknown][] = [];
  for (const type of ["kroma:goto-heading", "kroma:open-file"]) {
    element.addEventListener(type, (event) => events.push([type, (event as CustomEvent<unknown>).detail]));
  }
  const [a, b, c, d] = element.querySelectorAll("a");
  const before = location.href;
  for (const link of [a, b, c]) link!.click();
  expect(location.href).toBe(before);
  expect(events).toEqual([
    ["kroma:goto-heading", { id: "heading-Elsewhere" }],
    ["kroma:open-file", { path: "data/x.csv" }],
  ]);
  expect([d!.target, d!.rel]).toEqual(["_blank", "noopener noreferrer"]);
});

test("500 Markdown cells are drawn quickly", async () => {
  const source =
    "## Part\n\nSome *text* with `code`, [a link](https://example.org) and $x_i^2$.\n\n- one\n- two\n\n| a | b |\n| - | - |\n| 1 | 2 |\n";
  await show("text/markdown", source);
  const start = performance.now();
  for (let index = 0; index < 500; index += 1) await show("text/markdown", source);
  console.log(`500 Markdown cells: ${(performance.now() - start).toFixed(0)} ms`);
  expect(document.querySelectorAll(".katex").length).toBe(501);
});

test("200 tables are drawn without a frame, styled and apart from each other", async () => {
  const table = SAMPLES.find((sample) => sample.name === "Table")!.bundle["text/html"];
  const start = performance.now();
  for (let index = 0; index < 200; index += 1) await show("text/html", table);
  console.log(`200 tables: ${(performance.now() - start).toFixed(0)} ms`);
  expect(document.querySelectorAll(".kroma-frame").length).toBe(0);
  expect(getComputedStyle(shadow(drawn[0]!).querySelector("td")!).textAlign).toBe("end");
});

test("columns of numbers are flush right, columns of words are not", async () => {
  const html = await show(
    "text/html",
    "<table><tr><th>a</th><th>b</th></tr><tr><td>x</td><td>1,200.5</td></tr><tr><td>2</td><td>-3e5</td></tr></table>",
  );
  const csv = await show("text/csv", "a,b\nx,12%\ny,\n");
  for (const output of [html, csv]) {
    const cells = [...shadow(output).querySelectorAll("tbody tr:last-child :is(td, th)")];
    expect(cells.map((cell) => getComputedStyle(cell).textAlign)).toEqual(["start", "end"]);
  }
});

test("HTML with a script runs in a frame that grows with it, up to a limit", async () => {
  const { element } = await show(
    "text/html",
    "<div id=a style='height:100px'></div><script>setTimeout(() => { a.style.height = '333px'; setTimeout(() => { a.style.height = '50px'; setTimeout(() => { a.style.height = '5000px' }, 300) }, 300) }, 50)</script>",
  );
  const frame = element.querySelector("iframe")!;
  await until(() => frame.clientHeight === 100);
  await until(() => frame.clientHeight === 333);
  await until(() => frame.clientHeight === 50);
  await until(() => frame.clientHeight === 800);
});

test("a frame has the page's colours and follows when they change", async () => {
  const heard: string[] = [];
  const listener = (event: MessageEvent) => {
    const data = event.data as { ground?: string } | undefined;
    if (typeof data?.ground === "string") heard.push(data.ground);
  };
  window.addEventListener("message", listener);
  await show(
    "text/html",
    "<script>const tell=()=>parent.postMessage({ground:getComputedStyle(document.documentElement).getPropertyValue('--ground')},'*');tell();addEventListener('kroma:theme',tell)</script>",
  );
  await until(() => heard.length === 1);
  theme.set(true);
  await until(() => heard.length === 2);
  window.removeEventListener("message", listener);
  expect(heard[0]).not.toBe(heard[1]);
  expect(heard[1]).toBe(getComputedStyle(document.documentElement).getPropertyValue("--ground"));
});

test("an output whose library can't be loaded says so instead of nothing", async () => {
  const { element } = await show("text/html", "<script src='https://0.0.0.0:1/library.js'></script>");
  await until(() => element.querySelector("iframe")!.clientHeight > 0);
});

test("an output too high for any page scrolls in itself and can be reached by key", async () => {
  const { element } = await show("text/html", "<div style='height: 200000px'>high</div>");
  const box = element.querySelector<HTMLElement>(".kroma-contained")!;
  await until(() => box.clientHeight === 800);
  await until(() => box.tabIndex === 0 && box.getAttribute("aria-label") === "Long output");
  const table = await show("text/html", "<div style='height: 5000px'>a long table</div>");
  expect(table.element.querySelector<HTMLElement>(".kroma-contained")!.clientHeight).toBeGreaterThan(4999);
});

test("HTML of many megabytes shows its beginning at once, and all of it when asked", async () => {
  const rows = "<tr><td>1</td><td>some words</td></tr>".repeat(100_000);
  const output = await show("text/html", `<table>${rows}</table>`);
  const { element } = output;
  expect(element.textContent).toContain("The beginning of 3.8 MB.");
  const shown = shadow(output).querySelectorAll("tr").length;
  expect(shown).toBeGreaterThan(1000);
  expect(shown).toBeLessThan(10_000);
  const all = [...element.querySelectorAll("button")].find((button) => button.textContent === "Show all")!;
  all.click();
  expect(element.querySelector("iframe")!.srcdoc.length).toBeGreaterThan(rows.length);
  const drawing = await show(
    "image/svg+xml",
    `<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60">${'<circle r="1"/>'.repeat(150_000)}</svg>`,
  );
  const image = drawing.element.querySelector("img")!;
  await image.decode();
  expect(image.naturalWidth).toBe(90);
});

test("a script output runs in a frame with its element, and its failure is shown there", async () => {
  const { element } = await show(
    "application/javascript",
    "element.style.height = '77px'; throw new Error('</script>')",
  );
  const frame = element.querySelector("iframe")!;
  await until(() => frame.clientHeight > 77);
});

test("a figure of Plotly's is drawn in a frame, updated and themed, and what can't be is said", async () => {
  const PLOTLY = "application/vnd.plotly.v1+json";
  const figure = (count: number) => ({
    data: Array.from({ length: count }, (_, index) => ({ type: "bar", x: ["a", "b"], y: [index, 2] })),
    layout: { title: { text: "Two <b>bars</b>" }, height: 210 },
  });
  const output = await show(PLOTLY, figure(1));
  const root = output.element.querySelector<HTMLElement>(".kroma-plotly")!;
  const frame = root.querySelector("iframe")!;
  expect(frame.title).toBe("Chart: Two bars");
  expect(frame.getAttribute("sandbox")).not.toContain("allow-same-origin");
  await expect.poll(() => root.dataset["traces"], { timeout: 60_000 }).toBe("1");
  await expect.poll(() => frame.clientHeight, { timeout: 60_000 }).toBe(210);
  output.update(figure(3));
  await expect.poll(() => root.dataset["traces"], { timeout: 60_000 }).toBe("3");
  const strange = await show(PLOTLY, { data: [{ type: "scatter3d" }] });
  expect(strange.element.textContent).toContain("a trace of the type scatter3d, which Kroma's Plotly does not draw");
  const wrong = await show(PLOTLY, { data: 7 });
  expect(wrong.element.textContent).toContain("It is not what Plotly calls a figure");
});

test("Vega-Lite and Vega draw SVG, in the theme's colours, and complaints are words", async () => {
  const { element } = await show("application/vnd.vegalite.v6+json", CHART);
  expect(element.querySelectorAll("svg .mark-rect path").length).toBe(4);
  const fill = () => element.querySelector("svg .role-axis-label text")!.getAttribute("fill");
  const light = fill();
  theme.set(true);
  await until(() => element.querySelector("svg .role-axis-label text") && fill() !== light);
  const vega = await show("application/vnd.vega.v5+json", {
    $schema: "https://vega.github.io/schema/vega/v5.json",
    width: 100,
    height: 100,
    data: [{ name: "t", values: [{ x: 1 }, { x: 2 }] }],
    marks: [
      { type: "symbol", from: { data: "t" }, encode: { enter: { x: { signal: "datum.x * 20" }, y: { value: 5 } } } },
    ],
  });
  expect(vega.element.querySelectorAll("svg .mark-symbol path").length).toBe(2);
  const bad = await show("application/vnd.vegalite.v5+json", { mark: "nonsense", encoding: {} });
  expect(bad.element.textContent).toContain("Its specification is not what Vega expects");
  const far = await show("application/vnd.vegalite.v5+json", { ...CHART, data: { url: "https://0.0.0.0:1/a.csv" } });
  expect(far.element.textContent).toContain("The data at https://0.0.0.0:1/a.csv could not be loaded.");
  const lost = await show(
    "application/vnd.vegalite.v5+json",
    { ...CHART, data: { url: "data/missing.json" } },
    { file: async () => undefined },
  );
  expect(lost.element.textContent).toContain("There is no file data/missing.json");
  const found = await show(
    "application/vnd.vegalite.v5+json",
    { ...CHART, data: { url: "data/a.csv" } },
    { file: async () => new Blob(["a,b\nNorth,3\nHill,4\n"]) },
  );
  expect(found.element.querySelectorAll("svg .mark-rect path").length).toBe(2);
});

test("SVG keeps its own ids, gradients and uses", async () => {
  const svg = SAMPLES.find((sample) => sample.name === "SVG")!.bundle["image/svg+xml"];
  const first = await show("image/svg+xml", svg);
  const second = await show("image/svg+xml", svg);
  for (const output of [first, second]) {
    const drawing = shadow(output).querySelector("svg")!;
    expect(drawing.querySelectorAll("use").length).toBe(2);
    expect(drawing.getBoundingClientRect().width).toBe(320);
    expect(drawing.querySelector("linearGradient")).not.toBeNull();
  }
});

test("pictures have the size the metadata says and words for who can't see them", async () => {
  const bundle = { "image/png": PICTURE, "text/plain": "<Figure size 640x480 with 1 Axes>" };
  const output = await draw(bundle, { metadata: { "image/png": { width: 40, height: 30 } } });
  drawn.push(output);
  const image = output.element.querySelector("img")!;
  expect([image.width, image.height, image.alt]).toEqual([40, 30, "Figure size 640x480 with 1 Axes"]);
  const broken = await show("image/jpeg", "AAAA");
  expect(broken.element.textContent).toContain("can't be shown");
});

test("the JSON tree opens by keys, and only what is open is in the page", async () => {
  const { element } = await show("application/json", {
    list: Array.from({ length: 100_000 }, (_none, index) => index),
    deep: { a: { b: [true] } },
  });
  expect(element.querySelectorAll("[role=treeitem]").length).toBe(3);
  const press = (key: string) =>
    document.activeElement!.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  element.querySelector<HTMLElement>("[role=treeitem]")!.focus();
  for (const key of ["ArrowDown", "ArrowRight", "ArrowRight", "ArrowRight"]) press(key);
  expect(document.activeElement!.querySelector(".kroma-json-row")!.textContent).toContain("0 … 9999");
  expect(element.querySelectorAll("[role=treeitem]").length).toBeLessThan(200);
  for (const key of ["ArrowLeft", "ArrowLeft", "ArrowLeft", "End", "Enter"]) press(key);
  expect(document.activeElement!.getAttribute("aria-expanded")).toBe("true");
  expect([...element.querySelectorAll("[role=treeitem][tabindex='0']")].length).toBe(1);
});

test("an error is one sentence, a hint, a folded traceback, and its places can be gone to", async () => {
  const data = SAMPLES.find((sample) => sample.name === "Error")!.bundle["application/vnd.kroma.error"];
  const { element } = await show("application/vnd.kroma.error", data);
  expect(element.querySelector(".kroma-error-sentence")!.textContent).toBe(
    "NameError: name 'prices' is not defined, line 3",
  );
  expect(element.querySelector(".kroma-error-hint")!.textContent).toContain("defines prices");
  const places: unknown[] = [];
  element.addEventListener("kroma:goto-line", (event) => places.push((event as CustomEvent<unknown>).detail));
  element.querySelector<HTMLElement>(".kroma-error-sentence button")!.click();
  const details = element.querySelector("details")!;
  expect(details.querySelector(".kroma-lines")).toBeNull();
  details.open = true;
  const place = await until(() => details.querySelector<HTMLElement>(".kroma-spot"));
  place.click();
  expect(places).toEqual([
    { line: 3, name: undefined },
    { line: 3, name: "cell 4" },
  ]);
  const calm = await show("application/vnd.kroma.error", { ename: "KeyboardInterrupt", evalue: "", traceback: [] });
  expect(calm.element.textContent).toBe("Stopped. What had been computed by then is kept.");
  const lost = await show("application/vnd.kroma.error", {
    ename: "KeyboardInterrupt",
    evalue: "The cell did not stop by itself, so TypeScript was started again: its variables are gone.",
    traceback: [],
  });
  expect(lost.element.textContent).toContain("its variables are gone");
});

test("an error says its place once, and folds nothing that only repeats it", async () => {
  const syntax = await show("application/vnd.kroma.error", {
    ename: "SyntaxError",
    evalue: "'(' was never closed (cell 2, line 1)",
    line: 1,
    traceback: ["  cell 2, line 1", "    f(", "     ^", "SyntaxError: '(' was never closed"],
  });
  expect(syntax.element.querySelector(".kroma-error-sentence")!.textContent).toBe(
    "SyntaxError: '(' was never closed, line 1",
  );
  expect(syntax.element.querySelector("details")).not.toBeNull();
  const status = await show("application/vnd.kroma.error", {
    ename: "ShellError",
    evalue: "exit status 3",
    traceback: ["\u001b[31mShellError: exit status 3\u001b[39m"],
  });
  expect(status.element.textContent).toBe("ShellError: exit status 3");
});

test("each block of Markdown reads in the direction of its words", async () => {
  const { element } = await show("text/markdown", "שלום עולם.\n\n- אחת\n- two\n\nplain\n\n```\nשלום\n```");
  const direction = (selector: string) => getComputedStyle(element.querySelector(selector)!).direction;
  expect([direction("p"), direction("li"), direction("p:nth-of-type(2)"), direction("pre")]).toEqual([
    "rtl",
    "rtl",
    "ltr",
    "ltr",
  ]);
});

for (const dark of [false, true]) {
  test(`one of everything has no accessibility fault, ${dark ? "dark" : "light"}`, async () => {
    theme.set(dark);
    const main = document.createElement("main");
    const title = document.createElement("h1");
    title.textContent = "Outputs";
    main.append(title);
    document.body.append(main);
    document.documentElement.lang = "en";
    for (const sample of SAMPLES)
      drawn.push(await draw(sample.bundle, { metadata: sample.metadata ?? {}, parent: main }));
    for (const details of main.querySelectorAll("details")) details.open = true;
    await until(() => main.querySelector("details .kroma-lines"));
    const { violations } = await axe.run(main, { iframes: false, rules: { region: { enabled: false } } });
    main.remove();
    expect(violations.map(({ id, nodes }) => [id, ...nodes.map((node) => node.html.slice(0, 200))])).toEqual([]);
  });
}
