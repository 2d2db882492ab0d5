/** Pages in a browser: the same bytes as in Node, harmless and accessible. */
import type axe from "axe-core";
import axeSource from "axe-core/axe.min.js?raw";
import { afterEach, expect, test } from "vitest";
import { host } from "#app/browser/plugins.ts";
import { renderers } from "#kit/renderers.ts";
import { renderPage } from "#plugins/page/render.ts";
import { hostileMarkup } from "../outputs/hostile.ts";
import {
  cellWith,
  markdownCell,
  notebookOf,
  PAGE_HASH,
  pageText,
  SAMPLE_OPTIONS,
  sampleNotebook,
} from "./sample-notebook.ts";

const options = { renderers: host.get(renderers), title: "Page" };

afterEach(() => document.body.replaceChildren());

test("a browser makes the same bytes as Node", async () => {
  const page = await renderPage(sampleNotebook, { ...SAMPLE_OPTIONS, renderers: options.renderers });
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pageText(page))));
  expect([...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")).toBe(PAGE_HASH);
});

test("a page of hostile outputs runs nothing and fetches nothing", async () => {
  const canary = `${location.origin}/canary`;
  const requests: string[] = [];
  const hostile = hostileMarkup(canary);
  const { html } = await renderPage(
    notebookOf(
      hostile.flatMap((markup, index) => [
        cellWith({ output_type: "display_data", data: { "text/html": markup }, metadata: {} }, index),
        cellWith(
          { output_type: "display_data", data: { "image/svg+xml": `<svg>${markup}</svg>` }, metadata: {} },
          index,
        ),
        markdownCell(markup, index),
      ]),
    ),
    options,
  );
  // Without its policy, and in a frame that may do everything: the markup alone has to be harmless.
  const frame = await show(html.replace(/<meta http-equiv[^>]*>/, ""));
  const inside = frame.contentWindow as unknown as Window & { readonly performance: Performance };
  for (const link of frame.contentDocument?.querySelectorAll("[tabindex], details") ?? [])
    (link as HTMLElement).focus();
  for (const { name } of inside.performance.getEntriesByType("resource")) requests.push(name);
  expect(requests.filter((name) => name.includes("canary"))).toEqual([]);
  expect((window as unknown as Record<string, unknown>)["__hit"]).toBeUndefined();
  expect(frame.contentDocument?.scripts).toHaveLength(0);
  expect(frame.contentDocument?.querySelectorAll(".cell").length).toBeGreaterThan(hostile.length);
});

test("the page is accessible, light and dark", async () => {
  const { html } = await renderPage(sampleNotebook, { ...SAMPLE_OPTIONS, renderers: options.renderers });
  for (const scheme of ["light", "dark"]) {
    const open = html.replace(/<meta http-equiv[^>]*>/, "");
    const frame = await show(open.replace("color-scheme:light dark", `color-scheme:${scheme}`));
    const inside = frame.contentWindow as unknown as { eval(code: string): void; readonly axe: typeof axe };
    inside.eval(axeSource);
    const { violations } = await inside.axe.run();
    expect(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)])).toEqual([]);
    frame.remove();
  }
});

async function show(html: string): Promise<HTMLIFrameElement> {
  const frame = document.createElement("iframe");
  frame.style.cssText = "inline-size: 1000px; block-size: 800px";
  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  frame.srcdoc = html;
  document.body.append(frame);
  await loaded;
  return frame;
}
