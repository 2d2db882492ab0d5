/** Markdown and LaTeX, on the scale of ranks of plugins/outputs. */
import type { Plugin } from "#core/plugin/facet.ts";
import { renderers } from "#kit/renderers.ts";

/** Renderers of `text/markdown` (cells and outputs) and `text/latex`. */
export const markdown: Plugin = {
  id: "markdown",
  provides: [
    renderers.of({
      id: "markdown",
      rank: 700,
      mimeTypes: ["text/markdown"],
      load: async () => (await import("./markdown.ts")).drawing,
    }),
    renderers.of({
      id: "latex",
      rank: 500,
      mimeTypes: ["text/latex"],
      load: async () => (await import("./latex.ts")).drawing,
    }),
  ],
};
