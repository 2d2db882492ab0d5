/** Widgets by anywidget's contract; see README.md beside this for the messages. */
import type { Plugin } from "#core/plugin/facet.ts";
import { lazyRenderer, renderers } from "#kit/renderers.ts";

/** Renderer of widget views, before all other types. */
export const widgets: Plugin = {
  id: "widgets",
  provides: [
    renderers.of(
      lazyRenderer("widgets", 1000, ["application/vnd.jupyter.widget-view+json"], () => import("./widget.ts")),
    ),
  ],
};
