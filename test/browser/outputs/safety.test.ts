/** Hostile outputs: nothing in them may run in the page, reach it, or fetch from loopback. */
import "#kit/tokens.css";
import "#kit/themes/light.css";
import { afterEach, beforeEach, expect, test } from "vitest";
import { draw, until, type Drawn } from "./draw.ts";
import { HIT, hostileMarkup } from "./hostile.ts";

const CANARY = `${location.origin}/canary`;
const HOSTILE = hostileMarkup(CANARY);
const drawn: Drawn[] = [];
const canaries: string[] = [];
const watcher = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.name.includes("/canary")) canaries.push(entry.name);
});

beforeEach(() => {
  delete (window as unknown as Record<string, unknown>)["__hit"];
  canaries.length = 0;
  watcher.observe({ type: "resource" });
});
afterEach(() => {
  for (const output of drawn.splice(0)) output.remove();
  watcher.disconnect();
});

const show = async (type: string, data: unknown, metadata = {}) => {
  const output = await draw({ [type]: data }, { foreign: true, metadata });
  drawn.push(output);
  return output;
};

test("nothing hostile runs or fetches in the page, as HTML, SVG, Markdown or LaTeX", async () => {
  for (const markup of HOSTILE) {
    await show("text/html", markup);
    await show("image/svg+xml", `<svg xmlns="http://www.w3.org/2000/svg">${markup}</svg>`);
    await show(
      "text/markdown",
      `text\n\n${markup}\n\n[x](javascript:${HIT}) ![y](${CANARY}/md.png) <javascript:${HIT}>\n`,
    );
    await show(
      "text/latex",
      `$\\href{javascript:${HIT}}{x} \\includegraphics{${CANARY}/k.png} \\htmlData{a=b}{c}$ ${markup}`,
    );
  }
  // Everything a page could follow by a click.
  for (const output of drawn) {
    const roots: ParentNode[] = [
      output.element,
      ...[...output.element.querySelectorAll("*")].flatMap((node) => node.shadowRoot ?? []),
    ];
    for (const root of roots) {
      for (const link of root.querySelectorAll<HTMLElement>("a[href]")) {
        expect(link.getAttribute("href") ?? link.getAttribute("xlink:href")).not.toMatch(/script:|data:/i);
      }
      for (const node of root.querySelectorAll("*")) {
        for (const name of node.getAttributeNames()) expect(name).not.toMatch(/^on/i);
        expect(["script", "object", "embed", "base", "meta", "link", "form", "foreignobject"]).not.toContain(
          node.localName.toLowerCase(),
        );
      }
    }
  }
  // A last picture from the page itself: when it has arrived, whatever was asked for before it would have been too.
  await new Promise<void>((resolve) => {
    const image = new Image();
    image.onerror = image.onload = () => resolve();
    image.src = `${location.origin}/not-there-${Date.now()}.png`;
  });
  expect((window as unknown as Record<string, unknown>)["__hit"]).toBeUndefined();
  expect(canaries).toEqual([]);
});

test("text, streams, errors, JSON and tables show markup as text", async () => {
  const markup = `<img src=x onerror="${HIT}"><script>${HIT}</script>`;
  await show("text/plain", markup);
  await show("application/vnd.kroma.stream", { name: "stdout", text: `\u001b]8;;javascript:${HIT}\u0007${markup}` });
  const error = await show("application/vnd.kroma.error", {
    ename: markup,
    evalue: markup,
    traceback: [markup, `${markup} in a line of its own`],
    line: 1,
  });
  error.element.querySelector("details")!.open = true;
  await show("application/json", { [markup]: markup });
  await show("text/csv", `${markup},b\n${markup},2\n`);
  await show("application/x-other", markup);
  for (const output of drawn) expect(output.element.querySelectorAll("img, script").length).toBe(0);
  expect((window as unknown as Record<string, unknown>)["__hit"]).toBeUndefined();
});

test("what an output styles stays inside its own box", async () => {
  const { element } = await show(
    "text/html",
    `<style>div { color: rgb(1, 2, 3) } .a { position: fixed !important; inset: 0; z-index: 99999; background: red }</style><div class=a>over everything</div>`,
  );
  const neighbour = document.createElement("div");
  element.append(neighbour);
  expect(getComputedStyle(neighbour).color).not.toBe("rgb(1, 2, 3)");
  const box = element.querySelector<HTMLElement>(".kroma-contained")!.getBoundingClientRect();
  expect(document.elementFromPoint(box.right - 5, box.bottom + 40)?.closest(".kroma-contained")).toBeFalsy();
  const page = await show("text/markdown", `<div style="position:fixed;inset:0;z-index:9">over</div>\n\nlast`);
  const cover = page.element.querySelector<HTMLElement>("[style]");
  const area = page.element.getBoundingClientRect();
  const size = cover?.getBoundingClientRect();
  expect(size ? size.height : 0).toBeLessThanOrEqual(area.height + 8);
});

test("Markdown can't pass for a part of the page, nor name what the page's scripts read", async () => {
  const { element } = await show(
    "text/markdown",
    `<div id="app" name="location" data-cell="x" data-status="done" data-output>x</div>\n\n# app\n\n\`\`\`constructor\ncode\n\`\`\``,
  );
  expect(element.querySelector("[data-cell], [data-status], [data-output], #app, [name=location]")).toBeNull();
  expect(element.querySelector("h1")!.id).toBe("heading-app");
  expect(element.querySelector("pre")!.textContent).toBe("code\n");
});

test("a script in a frame can neither reach the page nor its storage nor loopback, nor move the page away", async () => {
  const probe = `<script>
    const tell = {};
    const attempt = async (name, f) => { try { tell[name] = await f() ?? "done"; } catch (error) { tell[name] = "refused"; } };
    (async () => {
      await attempt("page", () => parent.document.title);
      await attempt("storage", () => localStorage.length);
      await attempt("cookie", () => document.cookie);
      await attempt("database", () => new Promise((yes, no) => { const r = indexedDB.open("x"); r.onsuccess = yes; r.onerror = no; }));
      await attempt("fetch", () => fetch(${JSON.stringify(`${CANARY}/fetch`)}, { mode: "no-cors" }));
      await attempt("picture", () => new Promise((yes, no) => { const i = new Image(); i.onload = yes; i.onerror = no; i.src = ${JSON.stringify(`${location.origin}/favicon.svg`)}; }));
      await attempt("beacon", () => { if (!navigator.sendBeacon(${JSON.stringify(`${CANARY}/beacon`)}, "x")) throw 0; });
      await attempt("top", () => { top.location.href = ${JSON.stringify(`${CANARY}/top`)}; });
      await attempt("dialog", () => { if (confirm("?") === false) throw 0; });
      parent.postMessage({ probe: tell }, "*");
    })();
  </script>`;
  const heard = new Promise<Record<string, unknown>>((resolve) => {
    const listener = (event: MessageEvent) => {
      const data = event.data as { probe?: Record<string, unknown> } | undefined;
      if (!data?.probe) return;
      window.removeEventListener("message", listener);
      expect(event.origin).toBe("null");
      resolve(data.probe);
    };
    window.addEventListener("message", listener);
  });
  const before = location.href;
  const output = await show("text/html", probe);
  const frame = output.element.querySelector("iframe")!;
  expect(frame.getAttribute("sandbox")).not.toContain("allow-same-origin");
  const result = await heard;
  for (const [name, outcome] of Object.entries(result)) {
    // sendBeacon may say yes to what the policy then stops; the fetch above speaks for connections.
    if (name !== "beacon") expect(outcome, name).toBe("refused");
  }
  expect(location.href).toBe(before);
});

test("a message that another window forges does not size a frame", async () => {
  const output = await show("text/html", "<script>1</script><div style='height:120px'></div>");
  const frame = output.element.querySelector("iframe")!;
  await until(() => frame.clientHeight >= 120);
  const height = frame.clientHeight;
  window.postMessage({ nonce: "guess", height: 799 }, "*");
  await new Promise((resolve) => setTimeout(resolve));
  expect(frame.clientHeight).toBe(height);
});

test("a chart from elsewhere runs no code and loads nothing but https", async () => {
  const output = await show("application/vnd.vega.v6+json", {
    width: 50,
    height: 50,
    signals: [{ name: "a", update: `warn('x') + ''.constructor.constructor('${HIT}')()` }],
    data: [{ name: "d", url: `${CANARY}/data.json` }],
    marks: [{ type: "image", encode: { enter: { url: { value: `${CANARY}/mark.png` } } } }],
  });
  expect((window as unknown as Record<string, unknown>)["__hit"]).toBeUndefined();
  expect(canaries).toEqual([]);
  expect(output.element.textContent).not.toBe("");
});
