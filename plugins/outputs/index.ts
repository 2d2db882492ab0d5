/**
 * Renderers of what cells put out. Ranks follow the order Jupyter's clients prefer types in: widgets, plug-in types,
 * HTML, Markdown, SVG, LaTeX, pictures, JSON, scripts, text. Other plugins give theirs a rank on the same scale:
 * widget view 1000, charts 900, Markdown 700, LaTeX 500.
 */
import type { Plugin } from "#core/plugin/facet.ts";
import { lazyRenderer, renderers } from "#kit/renderers.ts";
import type * as RichDrawings from "./page-rich.ts";
import type * as TextDrawings from "./page-text.ts";

const text = (name: keyof typeof TextDrawings) => async () => (await import("./page-text.ts"))[name];
const rich = (name: keyof typeof RichDrawings) => async () => (await import("./page-rich.ts"))[name];

/** Text, HTML, pictures, sound, JSON, tables, and a last word for what nobody knows. */
export const outputs: Plugin = {
  id: "outputs",
  provides: [
    renderers.of(
      lazyRenderer("stream", 2000, ["application/vnd.kroma.stream"], () => import("./stream.ts"), text("stream")),
    ),
    renderers.of(
      lazyRenderer("error", 2000, ["application/vnd.kroma.error"], () => import("./error.ts"), text("error")),
    ),
    renderers.of(lazyRenderer("html", 800, ["text/html"], () => import("./html.ts"), rich("html"))),
    renderers.of(lazyRenderer("svg", 600, ["image/svg+xml"], () => import("./svg.ts"), rich("svg"))),
    renderers.of(
      lazyRenderer(
        "image",
        400,
        ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "image/x-icon"],
        () => import("./image.ts"),
        rich("image"),
      ),
    ),
    renderers.of(
      lazyRenderer("media", 390, ["video/*", "audio/*", "application/pdf"], () => import("./media.ts"), rich("media")),
    ),
    renderers.of(
      lazyRenderer("table", 310, ["text/csv", "text/tab-separated-values"], () => import("./table.ts"), rich("table")),
    ),
    renderers.of(
      lazyRenderer(
        "json",
        300,
        ["application/json", "application/geo+json", "application/ld+json"],
        () => import("./json.ts"),
        rich("json"),
      ),
    ),
    renderers.of(
      lazyRenderer("script", 200, ["application/javascript", "text/javascript"], () => import("./script.ts")),
    ),
    renderers.of(lazyRenderer("plain", 100, ["text/plain"], () => import("./plain.ts"), text("plain"))),
    renderers.of(lazyRenderer("text", 90, ["text/*"], () => import("./plain.ts"), text("plain"))),
    renderers.of(lazyRenderer("unknown", 1, ["*"], () => import("./unknown.ts"), rich("unknown"))),
  ],
};
