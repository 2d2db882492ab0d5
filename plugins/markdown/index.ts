/** Markdown and LaTeX, on the scale of ranks of plugins/outputs. */
import type { Plugin } from "#core/plugin/facet.ts";
import { lazyRenderer, renderers } from "#kit/renderers.ts";
import type * as PageDrawings from "./page.ts";

const page = (name: keyof typeof PageDrawings) => async () => (await import("./page.ts"))[name];

/** Renderers of `text/markdown` (cells and outputs) and `text/latex`. */
export const markdown: Plugin = {
  id: "markdown",
  provides: [
    renderers.of(lazyRenderer("markdown", 700, ["text/markdown"], () => import("./markdown.ts"), page("markdown"))),
    renderers.of(lazyRenderer("latex", 500, ["text/latex"], () => import("./latex.ts"), page("latex"))),
  ],
};
