import { PluginHost } from "#core/plugin/facet.ts";
import { chooseRenderer, renderers } from "#kit/renderers.ts";
import { markdown } from "#plugins/markdown/index.ts";
import { outputs } from "#plugins/outputs/index.ts";
import { plotly } from "#plugins/plotly/index.ts";
import { vega } from "#plugins/vega/index.ts";
import { widgets } from "#plugins/widgets/index.ts";
import { expect, test } from "vitest";

const list = new PluginHost([outputs, markdown, vega, plotly, widgets]).get(renderers);
const chosen = (...types: readonly string[]) =>
  chooseRenderer(list, Object.fromEntries(types.map((type) => [type, ""])))?.mimeType;

test("the richest type is chosen in Jupyter's order, wherever it stands in the bundle", () => {
  const order = [
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.vegalite.v5+json",
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "text/latex",
    "image/png",
    "application/json",
    "application/javascript",
    "text/plain",
  ];
  for (let best = 0; best < order.length; best += 1) {
    const rest = order.slice(best);
    expect(chosen(...rest)).toBe(order[best]);
    expect(chosen(...rest.toReversed())).toBe(order[best]);
  }
});

test("a type nobody knows gives way to text, and is named when there is no text", () => {
  expect(chosen("application/vnd.example.v1+json", "text/plain")).toBe("text/plain");
  expect(chooseRenderer(list, { "application/vnd.example": "x" })?.renderer.id).toBe("unknown");
  expect(chooseRenderer(list, {})).toBeUndefined();
});

test("what a plug-in of Bokeh would show falls to the HTML beside it; a figure of Plotly's goes before that", () => {
  expect(chosen("application/vnd.bokehjs_exec.v0+json", "text/html")).toBe("text/html");
  expect(chosen("text/html", "application/vnd.plotly.v1+json")).toBe("application/vnd.plotly.v1+json");
});

test("every plugin's list loads without a page", () => {
  expect(list.length).toBeGreaterThan(10);
  expect(new Set(list.map((renderer) => renderer.id)).size).toBe(list.length);
});
