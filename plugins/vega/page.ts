/**
 * A chart on a page without scripts: drawn by Vega without a page, from the data in its specification. Widths of text
 * are estimated and random numbers seeded, so that every program makes the same drawing of the same chart.
 */
import { h } from "hastscript";
import { DARK, DARK_COLOURS, LIGHT, LIGHT_COLOURS } from "#kit/chart-colours.ts";
import type { PageContext, PageDrawing } from "#kit/page-drawing.ts";
import { showSvg } from "#kit/page-svg.ts";
import * as vega from "vega";
import { expressionInterpreter } from "vega-interpreter";
import { compile, type TopLevelSpec } from "vega-lite";
import { chartConfig } from "./chart-theme.ts";
import { readChart } from "./chart-spec.ts";

/** The width of charts that would be as wide as what they stand in. */
const WIDTH = 640;
const HEIGHT = 320;
const PICTURES = ["image/png", "image/svg+xml", "image/jpeg"];

// Exported by vega, and missing in its types.
const { textMetrics, setRandom, randomLCG, resetSVGDefIds, SVGStringRenderer } = vega as unknown as {
  readonly textMetrics: { canvas(use: boolean): void };
  readonly setRandom: (random: () => number) => void;
  readonly randomLCG: (seed: number) => () => number;
  readonly resetSVGDefIds: () => void;
  readonly SVGStringRenderer: new (loader: vega.Loader) => {
    initialize(element: undefined, width: number, height: number, origin: readonly number[]): void;
    background(colour: string | undefined): void;
    render(scene: unknown): void;
    svg(): string;
  };
};

/** Vega and Vega-Lite. */
export const chart: PageDrawing = {
  async draw(context) {
    let spec: Readonly<Record<string, unknown>>;
    let markup: string;
    try {
      spec = readChart(context.data) as unknown as Readonly<Record<string, unknown>>;
      markup = inBothThemes(drawChart(spec, context.mimeType.includes("vegalite")), spec);
    } catch {
      // What a chart loads, or gets wrong, is for a reader with Kroma.
      if (PICTURES.some((type) => Object.hasOwn(context.bundle, type))) return undefined;
      return [h("p.note", "A chart that can't be drawn here; it is in the notebook.")];
    }
    return showSvg(markup, context, { label: labelOf(spec, context) });
  },
};

function drawChart(spec: Readonly<Record<string, unknown>>, isLite: boolean): string {
  const sized = {
    ...spec,
    ...(spec["width"] === "container" ? { width: WIDTH } : {}),
    ...(spec["height"] === "container" ? { height: HEIGHT } : {}),
  };
  const config = chartConfig(LIGHT_COLOURS, LIGHT, "system-ui, sans-serif") as vega.Config;
  const logger = vega.logger(vega.None);
  const full = isLite
    ? compile(sized as unknown as TopLevelSpec, { config: config as never, logger }).spec
    : (sized as unknown as vega.Spec);
  const loader = vega.loader();
  const refuse = () => Promise.reject(new Error("Nothing is loaded for a page."));
  textMetrics.canvas(false);
  setRandom(randomLCG(1));
  resetSVGDefIds();
  let failure: unknown;
  try {
    const runtime = vega.parse(full, isLite ? undefined : config, { ast: true });
    const view = new vega.View(runtime, {
      renderer: "none",
      loader: { ...loader, load: refuse, sanitize: refuse },
      logger,
      expr: expressionInterpreter,
    } as unknown as vega.ViewOptions);
    (view as unknown as { error(error: unknown): void }).error = (error) => {
      failure = error;
    };
    // All in one go, without waiting for anything: in a page, other charts are drawn in between otherwise.
    view.run();
    if (failure !== undefined || (view as unknown as { _pending: unknown })._pending)
      throw new Error("It is not ready.");
    const renderer = new SVGStringRenderer(loader);
    const inner = view as unknown as { _viewWidth: number; _viewHeight: number; _origin: readonly number[] };
    renderer.initialize(undefined, inner._viewWidth, inner._viewHeight, inner._origin);
    renderer.background(view.background() as unknown as string | undefined);
    renderer.render((view.scenegraph() as unknown as { root: unknown }).root);
    view.finalize();
    return renderer.svg();
  } finally {
    textMetrics.canvas(true);
    setRandom(Math.random);
  }
}

/** The theme's own colours, each with its counterpart in the dark; not in a chart that brings its ground. */
function inBothThemes(markup: string, spec: Readonly<Record<string, unknown>>): string {
  const config = spec["config"] as { readonly background?: unknown } | undefined;
  const ground = spec["background"] ?? config?.background;
  if (ground !== undefined && ground !== "transparent") return markup;
  const pairs = new Map(LIGHT.map((colour, index) => [colour, DARK[index]!]));
  for (const name of ["text", "quiet", "line", "edge"] as const) pairs.set(LIGHT_COLOURS[name], DARK_COLOURS[name]);
  return markup
    .replaceAll(/(fill|stroke)="(#[0-9a-f]{6})"/g, (all, name: string, colour: string) => {
      const dark = pairs.get(colour);
      return dark === undefined ? all : `${name}="light-dark(${colour}, ${dark})"`;
    })
    .replace("<svg ", '<svg style="color-scheme:light dark" ');
}

function labelOf(spec: Readonly<Record<string, unknown>>, { bundle }: PageContext): string {
  const title = spec["title"];
  const words = [
    spec["description"],
    typeof title === "object" && title !== null ? (title as { text?: unknown }).text : title,
  ];
  const found = words.find((one): one is string => typeof one === "string" && one.trim() !== "");
  const plain = bundle["text/plain"];
  return found ?? (typeof plain === "string" && !/[<(]/.test(plain) && plain.length < 200 ? plain : "Chart");
}
