/**
 * The preview's frame in a real browser, with a server played by the test: pages report what they found by asking for
 * /report, as the test cannot look into a frame without an origin. That this holds is itself tested.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shownAddress, typedAddress, urlOf } from "#plugins/ports/address.ts";
import { PATIENCE, PlayedServer, REPORT } from "./played-server.ts";

let played: PlayedServer;
beforeEach(() => {
  played = new PlayedServer();
});
afterEach(() => played.close());

const PIXEL = Uint8Array.from(atob("R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="), (c) =>
  c.charCodeAt(0),
);

describe("a previewed page", () => {
  test("has its styles, scripts in order, modules, pictures and data, by relative addresses", async () => {
    played.site = {
      "/docs/": `<!doctype html><title>Docs</title><link rel="stylesheet" href="css/main.css">
        <p id="p">text</p><img id="i" src="../pixel.gif">
        <script src="one.js"></script><script>order.push(2)</script><script defer src="three.js"></script>
        <script type="module">import { value } from "./m/a.js"; import("./m/c.js").then(async (c) => {
          const image = document.querySelector("#i");
          if (!image.complete || image.naturalWidth === 0) await new Promise((r) => image.addEventListener("load", r));
          const made = new Image(); made.src = "/pixel.gif"; await made.decode();
          const json = await (await fetch("data.json?x=1")).json();
          tell({ order, value, c: c.default, colour: getComputedStyle(p).color, width: image.naturalWidth, made: made.naturalWidth,
            src: image.src, json, mode: document.compatMode, missing: (await fetch("nope")).status });
        });</script>`,
      "/docs/css/main.css": { type: "text/css", body: '@import "more.css"; p { background: url(../../pixel.gif) }' },
      "/docs/css/more.css": { type: "text/css", body: "p { color: rgb(1, 2, 3) }" },
      "/docs/one.js": { type: "text/javascript", body: `${REPORT} var order = [1];` },
      "/docs/three.js": {
        type: "text/javascript",
        body: "order.push(document.readyState === 'loading' ? 'early' : 3)",
      },
      "/docs/m/a.js": {
        type: "text/javascript",
        body: "import { b } from '../m/b.js'; export const value = b + 1; export const a = 1;",
      },
      "/docs/m/b.js": { type: "text/javascript", body: "import './a.js'; export const b = 41;" },
      "/docs/m/c.js": { type: "text/javascript", body: "export default 'late'" },
      "/docs/data.json": { type: "application/json", body: '{"a":1}' },
      "/pixel.gif": { type: "image/gif", body: PIXEL },
    };
    const facts = played.report();
    await played.show("/docs/");
    expect(await facts).toEqual({
      order: [1, 2, 3],
      value: 42,
      c: "late",
      colour: "rgb(1, 2, 3)",
      width: 1,
      made: 1,
      src: "http://localhost-8000.invalid/pixel.gif",
      json: { a: 1 },
      mode: "CSS1Compat",
      missing: 404,
    });
    expect(played.preview.title()).toBe("Docs");
  });

  test("can't act as Kroma: no way to the page around it, its storage or its cookies", async () => {
    localStorage.setItem("secret", "ours");
    played.site = {
      "/": `<script>${REPORT}
        const attempt = (what) => { try { return String(what()); } catch (error) { return error.name; } };
        tell({
          parent: attempt(() => parent.document.title), top: attempt(() => top.location.href), frame: attempt(() => frameElement),
          storage: attempt(() => localStorage.getItem("secret")), origin: location.origin, cookie: attempt(() => document.cookie),
          database: attempt(() => { indexedDB.open("x"); return "opened"; }), worker: attempt(() => navigator.serviceWorker.controller),
        });</script>`,
    };
    const facts = played.report();
    await played.show("/");
    expect(await facts).toEqual({
      parent: "SecurityError",
      top: "SecurityError",
      frame: expect.stringMatching(/null|SecurityError/),
      storage: "null",
      origin: "null",
      cookie: "",
      database: "SecurityError",
      worker: expect.stringMatching(/SecurityError|TypeError/),
    });
    localStorage.removeItem("secret");
  });

  test("follows links, forms, redirects and scripts, and goes back", async () => {
    const auto = (action: string): string =>
      `<script>addEventListener("DOMContentLoaded", () => { ${action} });</script>`;
    played.site = {
      "/": `<a id="a" href="next/page.html?q=1#part">next</a>${auto("a.click()")}`,
      "/next/page.html": `<form id="f" action="../send" method="post"><input name="name" value="Ada &amp; Co"><button name="b" value="1">go</button></form>${auto("f.querySelector('button').click()")}`,
      "/send": ({ body }) => ({ status: 303, headers: [["location", `/done?${body}`]] }),
      "/done": `<form id="f" action="/find"><input name="w" value="x y"></form>${auto("if (!sessionStorage.x) f.submit()")}`,
      "/find": "<p>found</p>",
    };
    await played.show("/");
    const at = (): string => shownAddress(played.preview.address() ?? { port: 0, path: "", fragment: "" });
    for (const place of [
      "localhost:8000/next/page.html?q=1#part",
      "localhost:8000/done?name=Ada+%26+Co&b=1",
      "localhost:8000/find?w=x+y",
    ]) {
      await expect.poll(at, PATIENCE).toBe(place);
      await played.shown();
    }
    expect(played.asked.find(({ path }) => path === "/send")).toMatchObject({
      method: "POST",
      body: "name=Ada+%26+Co&b=1",
      headers: { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" },
    });
    expect(played.preview.canStep(1)).toBe(false);
    played.preview.step(-3);
    played.preview.step(-1);
    await played.shown();
    expect(at()).toMatch(/^localhost:8000\//);
    expect(played.preview.canStep(1)).toBe(true);
  });

  test("keeps cookies, sends XMLHttpRequests, and changes its address by pushState", async () => {
    played.site = {
      "/": {
        headers: [
          ["set-cookie", "seen=1; Path=/"],
          ["set-cookie", "session=hidden; HttpOnly"],
        ],
        body: `<script>${REPORT}
        document.cookie = "mine=2";
        const request = new XMLHttpRequest();
        request.open("PUT", "/api");
        request.setRequestHeader("X-A", "b");
        request.responseType = "json";
        request.onload = () => {
          history.pushState({ n: 1 }, "", "/app/view?x#y");
          addEventListener("popstate", (event) => tell({ back: event.state, cookie: document.cookie }));
          tell({ status: request.status, got: request.response, cookie: document.cookie });
        };
        request.send("body");</script>`,
      },
      "/api": { type: "application/json", body: '{"ok":true}' },
    };
    const first = played.report();
    await played.show("/");
    expect(await first).toEqual({ status: 200, got: { ok: true }, cookie: "seen=1; mine=2" });
    expect(played.asked.find(({ path }) => path === "/api")).toMatchObject({
      method: "PUT",
      body: "body",
      headers: { "x-a": "b", cookie: "seen=1; session=hidden; mine=2" },
    });
    await expect.poll(() => played.preview.address()?.path, PATIENCE).toBe("/app/view?x");
    const back = played.report();
    played.preview.step(-1);
    expect(await back).toMatchObject({ back: null });
  });

  test("hears nothing more of what it has asked for once it is left", async () => {
    played.site = {
      "/": `<script>${REPORT} fetch("/slow").catch((error) => parent.postMessage("told: " + error.message, "*")); tell({ asked: true });</script>`,
      "/slow": "never",
      "/b": `<script>${REPORT} fetch("/broken").catch((error) => tell({ error: error.message }));</script>`,
      "/broken": "broken",
    };
    const told: unknown[] = [];
    const listen = ({ data }: MessageEvent): void => {
      if (String(data).startsWith("told: ")) told.push(data);
    };
    addEventListener("message", listen);
    const first = played.report();
    await played.show("/");
    expect(await first).toEqual({ asked: true });
    // The page that is left stays in its frame until the next one has come: it could still tell.
    const next = played.report();
    played.preview.go({ port: 8000, path: "/b", fragment: "" });
    await expect.poll(() => played.preview.loading(), PATIENCE).toBe(false);
    await played.shown();
    expect(await next).toEqual({ error: "It broke." });
    removeEventListener("message", listen);
    expect(told).toEqual([]);
  });

  test("is text, a file or an error in words when it is no page", async () => {
    played.site = {
      "/t.txt": { type: "text/plain; charset=utf-8", body: "plain" },
      "/f.zip": { type: "application/zip", body: "PK" },
      "/round": { status: 302, headers: [["location", "/round"]] },
      "/away": { status: 302, headers: [["location", "https://example.org/"]] },
      "/empty": { status: 500 },
    };
    await played.show("/t.txt");
    expect(played.preview.shown()).toMatchObject({ type: "file", name: "t.txt", mime: "text/plain" });
    await played.show("/f.zip");
    expect(played.preview.shown()).toMatchObject({ type: "file", mime: "application/zip" });
    await played.show("/round");
    expect(played.preview.shown()).toMatchObject({ type: "error", text: expect.stringMatching(/without end/) });
    await played.show("/away");
    expect(played.preview.shown()).toMatchObject({ type: "error", text: expect.stringMatching(/not on this machine/) });
    await played.show("/empty");
    expect(played.preview.shown()).toMatchObject({ type: "error", text: expect.stringMatching(/status 500/) });
  });

  test("messages of other frames and of pages that have left are not heard", async () => {
    played.site = { "/": "<p>here</p>", "/b": "<p>b</p>" };
    await played.show("/");
    const stranger = document.createElement("iframe");
    document.body.append(stranger);
    const message = { type: "navigate", url: urlOf({ port: 8000, path: "/b", fragment: "" }) };
    const page = played.preview.shown();
    const nonce = page.type === "page" ? page.nonce : "";
    played.preview.hear(
      new MessageEvent("message", { source: stranger.contentWindow, data: { nonce, message } }),
      played.frame?.contentWindow ?? null,
    );
    played.preview.hear(
      new MessageEvent("message", { source: played.frame?.contentWindow ?? null, data: { nonce: "guess", message } }),
      played.frame?.contentWindow ?? null,
    );
    expect(played.preview.address()?.path).toBe("/");
    played.preview.hear(
      new MessageEvent("message", { source: played.frame?.contentWindow ?? null, data: { nonce, message } }),
      played.frame?.contentWindow ?? null,
    );
    expect(played.preview.address()?.path).toBe("/b");
    stranger.remove();
  });
});

test("addresses are read as people type them, and only the machine's", () => {
  const typed = (text: string): string => {
    const address = typedAddress(text, { port: 80, path: "/a/b", fragment: "" });
    return address ? shownAddress(address) : "";
  };
  expect(["8000", ":8000/x?y", "localhost:8000/x", "http://127.0.0.1:9000", "/c", "0.0.0.0:1/#z"].map(typed)).toEqual([
    "localhost:8000/", "localhost:8000/x?y", "localhost:8000/x", "localhost:9000/", "localhost:80/c", "localhost:1/#z",
  ]); // prettier-ignore
  expect(["example.org", "https://localhost:8000", "javascript:alert(1)", "99999", ""].map(typed)).toEqual([
    "",
    "",
    "",
    "",
    "",
  ]);
});
