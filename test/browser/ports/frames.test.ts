/** Frames inside a previewed page: filled, nested, navigated by name, and as powerless as the page around them. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PATIENCE, PlayedServer, REPORT } from "./played-server.ts";

let played: PlayedServer;
beforeEach(() => {
  played = new PlayedServer();
});
afterEach(() => played.close());

describe("frames inside a previewed page", () => {
  test("show pages of the machine, each with its own requests, and pages in them", async () => {
    played.site = {
      "/": `<title>Outer</title><iframe src="inner/page.html"></iframe>`,
      "/inner/page.html": `<title>Inner</title><iframe src="../deep.html?x"></iframe>`,
      "/deep.html": `<script src="deep.js"></script><img id="i" src="pixel.gif" onload="ready()"><script>${REPORT}
        async function ready() {
          const attempt = (what) => { try { return String(what()); } catch (error) { return error.name; } };
          tell({
            value, url: document.baseURI, data: await (await fetch("data.txt")).text(), width: i.naturalWidth,
            parent: attempt(() => parent.document.title), top: attempt(() => top.location.href),
            storage: attempt(() => localStorage.getItem("secret")), origin: location.origin,
          });
        }</script>`,
      "/deep.js": { type: "text/javascript", body: "var value = 42;" },
      "/data.txt": { type: "text/plain", body: "deep data" },
      "/pixel.gif": {
        type: "image/gif",
        body: Uint8Array.from(atob("R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="), (c) =>
          c.charCodeAt(0),
        ),
      },
    };
    localStorage.setItem("secret", "ours");
    const facts = played.report();
    await played.show("/");
    expect(await facts).toEqual({
      value: 42,
      url: "http://localhost-8000.invalid/deep.html?x",
      data: "deep data",
      width: 1,
      parent: "SecurityError",
      top: "SecurityError",
      storage: "null",
      origin: "null",
    });
    localStorage.removeItem("secret");
    await expect.poll(() => played.preview.title(), PATIENCE).toBe("Outer");
    expect(played.preview.address()?.path).toBe("/");
  });

  test("are navigated by their links, by their name, by scripts, and lead the page around them only by its name", async () => {
    const auto = (action: string): string =>
      `<script>${REPORT} addEventListener("DOMContentLoaded", () => { ${action} });</script>`;
    played.site = {
      "/": `<a id="a" href="/one?by=name" target="content">one</a><iframe name="content" src="/zero"></iframe>
        ${auto("addEventListener('message', () => a.click());")}`,
      "/zero": auto("parent.postMessage('loaded', '*');"),
      "/one": `<a id="a" href="two">two</a>${auto("a.click();")}`,
      "/two": `<form id="f" action="three" method="post"><input name="n" value="1"></form>${auto("f.submit();")}`,
      "/three": ({ body }) => auto(`tell({ three: ${JSON.stringify(body)} });`),
    };
    const facts = played.report();
    await played.show("/");
    expect(await facts).toEqual({ three: "n=1" });
    expect(played.preview.address()?.path).toBe("/");

    played.site = {
      "/": `<iframe id="f"></iframe>${auto("f.src = '/leads';")}`,
      "/leads": `<a id="a" href="/whole" target="_top">whole</a>${auto("a.click();")}`,
      "/whole": "<title>Whole</title>",
    };
    await played.show("/");
    await expect.poll(() => played.preview.address()?.path, PATIENCE).toBe("/whole");
    await played.shown();
    await expect.poll(() => played.preview.title(), PATIENCE).toBe("Whole");
  });

  test("show text, pictures and failures in words, keep files, and never a page inside itself", async () => {
    const frame = (path: string): string => `<iframe src="${path}"></iframe>`;
    played.site = {
      "/": `${frame("/plain.txt")}${frame("/")}${frame("/broken")}${frame("/file")}<script>${REPORT}
        HTMLAnchorElement.prototype.click = function () { tell({ kept: this.download }); };
        const frames = document.getElementsByTagName("iframe");
        const sources = () => [...frames].map((frame) => frame.getAttribute("srcdoc"));
        new MutationObserver(() => { if (sources().every((source) => source !== null)) tell({ sources: sources() }); })
          .observe(document, { subtree: true, attributes: true, attributeFilter: ["srcdoc"] });</script>`,
      "/plain.txt": { type: "text/plain", body: "<b>not bold" },
      "/broken": "broken",
      "/file": {
        type: "application/zip",
        headers: [["content-disposition", "attachment; filename=a.zip"]],
        body: "PK",
      },
    };
    const reports = [played.report(), played.report()];
    await played.show("/");
    const facts = Object.assign({}, ...(await Promise.all(reports))) as { kept: string; sources: string[] };
    expect(facts.kept).toBe("a.zip");
    const texts = facts.sources.map((source) => new DOMParser().parseFromString(source, "text/html").body.textContent);
    expect(texts).toEqual([
      "<b>not bold",
      expect.stringMatching(/too many frames/),
      expect.stringMatching(/It broke/),
      "",
    ]);
  });

  test("may be those of a frameset, whose links lead each other", async () => {
    played.site = {
      "/": `<frameset cols="*,*"><frame name="menu" src="menu"><frame name="main" src="start"></frameset>`,
      "/menu": `<a id="a" href="chapter" target="main">chapter</a><script>fetch("/started").then(() => a.click());</script>`,
      "/start": `<script>${REPORT} tell({ started: true });</script>`,
      "/started": { live: (made) => (started = () => made.head(204, [])) },
      "/chapter": `<script>${REPORT} tell({ chapter: document.baseURI, name: window.name });</script>`,
    };
    let started: (() => void) | undefined;
    const first = played.report();
    await played.show("/");
    expect(await first).toEqual({ started: true });
    await expect.poll(() => started, PATIENCE).toBeDefined();
    const second = played.report();
    started?.();
    expect(await second).toEqual({ chapter: "http://localhost-8000.invalid/chapter", name: "main" });
  });

  test("end with their element, with all that they asked for", async () => {
    let isGivenUp = (): boolean => false;
    let remove: (() => void) | undefined;
    played.site = {
      "/": `<iframe id="f" src="/inner"></iframe><script>fetch("/remove").then(() => f.remove());</script>`,
      "/remove": { live: (made) => (remove = () => made.head(204, [])) },
      "/inner": `<script>${REPORT} fetch("/slow").then(() => tell({ asked: true }));</script>`,
      "/slow": {
        live: (made) => {
          isGivenUp = () => made.isGivenUp;
          made.head(200, []);
        },
      },
    };
    const facts = played.report();
    await played.show("/");
    await facts;
    expect(isGivenUp()).toBe(false);
    await expect.poll(() => remove, PATIENCE).toBeDefined();
    remove?.();
    await expect.poll(() => isGivenUp(), PATIENCE).toBe(true);
  });
});
