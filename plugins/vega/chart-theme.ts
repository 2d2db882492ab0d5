/** The page's theme as a Vega configuration. A chart's own configuration wins. */
import type { Config } from "vega-embed";

/** Distinct in both themes, also for the colour-blind (after Okabe and Ito, "Color Universal Design"). */
export const LIGHT = ["#0b6e74", "#c25a1a", "#5a4793", "#8a7a00", "#a8326e", "#2a6bb0", "#4a5e1f", "#6b6760"];
export const DARK = ["#5fc4c1", "#f0a06a", "#b9a8f2", "#dccb5a", "#ee8fbf", "#8fbdf0", "#b4cf80", "#b9b2a5"];

/** The colours of a theme that a chart is drawn with. */
export interface ChartColours {
  readonly text: string;
  readonly quiet: string;
  readonly line: string;
  readonly edge: string;
}

export const LIGHT_COLOURS: ChartColours = { text: "#1e1c19", quiet: "#57524a", line: "#e3dfd6", edge: "#8b857a" };
export const DARK_COLOURS: ChartColours = { text: "#ece8e0", quiet: "#b9b2a5", line: "#36332d", edge: "#857e72" };

/** Colours and type of the page where `element` stands. */
export function chartTheme(element: Element, dark: boolean): Config {
  const styles = getComputedStyle(element);
  const read = (name: string, otherwise: string) => styles.getPropertyValue(name).trim() || otherwise;
  const known = dark ? DARK_COLOURS : LIGHT_COLOURS;
  const colours = {
    text: read("--text", known.text),
    quiet: read("--text-quiet", known.quiet),
    line: read("--hairline", known.line),
    edge: read("--edge", known.edge),
  };
  return chartConfig(colours, dark ? DARK : LIGHT, read("--font-text", "system-ui, sans-serif"));
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
