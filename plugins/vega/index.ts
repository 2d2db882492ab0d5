/** Vega and Vega-Lite charts; the libraries are loaded with the first chart. */
import type { Plugin } from "#core/plugin/facet.ts";
import { lazyRenderer, renderers } from "#kit/renderers.ts";

const MIME_TYPES = [
  ...[6, 5, 4, 3].map((version) => `application/vnd.vegalite.v${version}+json`),
  ...[6, 5, 4].map((version) => `application/vnd.vega.v${version}+json`),
  // What Vega's own documentation calls them.
  "application/vnd.vega+json",
  "application/vnd.vegalite+json",
];

/** Renderer of Vega 4 to 6 and Vega-Lite 3 to 6, before HTML in Jupyter's order. */
export const vega: Plugin = {
  id: "vega",
  provides: [
    renderers.of(
      lazyRenderer(
        "vega",
        900,
        MIME_TYPES,
        () => import("./vega.ts"),
        async () => (await import("./page.ts")).chart,
      ),
    ),
  ],
};
