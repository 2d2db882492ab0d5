/** Markdown and LaTeX, on the scale of ranks of plugins/outputs. */
import type { Plugin } from "#core/plugin/facet.ts";
import { lazyRenderer, renderers } from "#kit/renderers.ts";

/** Renderers of `text/markdown` (cells and outputs) and `text/latex`. */
export const markdown: Plugin = {
  id: "markdown",
  provides: [
    renderers.of(lazyRenderer("markdown", 700, ["text/markdown"], () => import("./markdown.ts"))),
    renderers.of(lazyRenderer("latex", 500, ["text/latex"], () => import("./latex.ts"))),
  ],
};
