/** The page's theme as a Vega configuration. A chart's own configuration wins. */
import { type ChartColours, chartColours, DARK, LIGHT } from "#kit/chart-colours.ts";
import type { Config } from "vega-embed";

/** Colours and type of the page where `element` stands. */
export function chartTheme(element: Element, dark: boolean): Config {
  const { font, ...colours } = chartColours(element, dark);
  return chartConfig(colours, dark ? DARK : LIGHT, font);
}

/** Vega's configuration for these colours; the first of the palette is what marks are drawn in. */
export function chartConfig(
  { text, quiet, line, edge }: ChartColours,
  colours: readonly string[],
  font: string,
): Config {
  const mark = colours[0]!;
  return {
    background: "transparent",
    font,
    title: { color: text, subtitleColor: quiet, fontSize: 14, fontWeight: 600, anchor: "start" },
    axis: {
      labelColor: quiet,
      titleColor: quiet,
      titleFontWeight: 500,
      labelFontSize: 12,
      titleFontSize: 12,
      domainColor: edge,
      tickColor: edge,
      gridColor: line,
    },
    legend: { labelColor: quiet, titleColor: quiet, titleFontWeight: 500, labelFontSize: 12, titleFontSize: 12 },
    header: { labelColor: quiet, titleColor: quiet },
    view: { stroke: "transparent" },
    style: { "guide-label": { fill: quiet }, "guide-title": { fill: quiet } },
    mark: { color: mark },
    arc: { fill: mark },
    area: { fill: mark },
    bar: { fill: mark },
    line: { stroke: mark },
    path: { stroke: mark },
    point: { stroke: mark },
    rect: { fill: mark },
    rule: { stroke: text },
    shape: { stroke: mark },
    symbol: { fill: mark },
    text: { color: text, fill: text },
    tick: { stroke: mark },
    range: { category: [...colours] },
  } as Config;
}
