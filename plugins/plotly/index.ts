/** Plotly's figures; the library is loaded with the first of them, and runs in a sandboxed frame. */
import type { Plugin } from "#core/plugin/facet.ts";
import { lazyRenderer, renderers } from "#kit/renderers.ts";

/** Renderer of Plotly's figures, before HTML in Jupyter's order. */
export const plotly: Plugin = {
  id: "plotly",
  provides: [
    renderers.of(
      lazyRenderer(
        "plotly",
        890,
        ["application/vnd.plotly.v1+json"],
        () => import("./plotly.ts"),
        async () => (await import("./page.ts")).figure,
      ),
    ),
  ],
};
