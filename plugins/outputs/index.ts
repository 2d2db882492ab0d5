/**
 * Renderers of what cells put out. Ranks follow the order Jupyter's clients prefer types in: widgets, plug-in types,
 * HTML, Markdown, SVG, LaTeX, pictures, JSON, scripts, text. Other plugins give theirs a rank on the same scale:
 * widget view 1000, charts 900, Markdown 700, LaTeX 500.
 */
import type { Plugin } from "#core/plugin/facet.ts";
import { renderers, type Drawing, type Renderer } from "#kit/renderers.ts";

const renderer = (
  id: string,
  rank: number,
  mimeTypes: readonly string[],
  load: () => Promise<{ drawing: Drawing }>,
) => {
  const value: Renderer = { id, rank, mimeTypes, load: async () => (await load()).drawing };
  return renderers.of(value);
};

/** Text, HTML, pictures, sound, JSON, tables, and a last word for what nobody knows. */
export const outputs: Plugin = {
  id: "outputs",
  provides: [
    renderer("stream", 2000, ["application/vnd.kroma.stream"], () => import("./stream.ts")),
    renderer("error", 2000, ["application/vnd.kroma.error"], () => import("./error.ts")),
    renderer("html", 800, ["text/html"], () => import("./html.ts")),
    renderer("svg", 600, ["image/svg+xml"], () => import("./svg.ts")),
    renderer(
      "image",
      400,
      ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "image/x-icon"],
      () => import("./image.ts"),
    ),
    renderer("media", 390, ["video/*", "audio/*", "application/pdf"], () => import("./media.ts")),
    renderer("table", 310, ["text/csv", "text/tab-separated-values"], () => import("./table.ts")),
    renderer(
      "json",
      300,
      ["application/json", "application/geo+json", "application/ld+json"],
      () => import("./json.ts"),
    ),
    renderer("script", 200, ["application/javascript", "text/javascript"], () => import("./script.ts")),
    renderer("plain", 100, ["text/plain"], () => import("./plain.ts")),
    renderer("text", 90, ["text/*"], () => import("./plain.ts")),
    renderer("unknown", 1, ["*"], () => import("./unknown.ts")),
  ],
};
