/**
 * The page's theme as a template of Plotly's. It takes the place of the template that Plotly's libraries put into each figure
 * unasked; a figure that brings another keeps it, and its own ground with it.
 */
import { chartColours, DARK, LIGHT } from "#kit/chart-colours.ts";
import type { Figure } from "./figure.ts";

/** The grounds of plotly.py's default template. */
const DEFAULT = ["white", "#E5ECF6"];

/** The layout as it is drawn where `element` stands. */
export function themedLayout({ layout }: Figure, element: Element, dark: boolean): Readonly<Record<string, unknown>> {
  const template = layout["template"] as { readonly layout?: Readonly<Record<string, unknown>> } | undefined;
  const given = template?.layout;
  const isDefault =
    given === undefined || (given["paper_bgcolor"] === DEFAULT[0] && given["plot_bgcolor"] === DEFAULT[1]);
  return isDefault ? { ...layout, template: { layout: templateOf(element, dark) } } : layout;
}

function templateOf(element: Element, dark: boolean): Readonly<Record<string, unknown>> {
  const { text, quiet, line, edge, font } = chartColours(element, dark);
  const axis = {
    automargin: true,
    color: quiet,
    gridcolor: line,
    linecolor: edge,
    tickcolor: edge,
    zerolinecolor: edge,
    title: { font: { size: 12 } },
  };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: text, family: font, size: 12 },
    colorway: dark ? DARK : LIGHT,
    title: { font: { size: 14 }, x: 0, xref: "paper", xanchor: "left" },
    margin: { l: 48, r: 16, t: 48, b: 40 },
    xaxis: axis,
    yaxis: axis,
    legend: { font: { color: quiet } },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: quiet, activecolor: text },
    colorscale: { sequential: "Viridis" },
  };
}
