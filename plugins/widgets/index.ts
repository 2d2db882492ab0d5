/** Widgets by anywidget's contract; see README.md beside this for the messages. */
import type { Plugin } from "#core/plugin/facet.ts";
import { renderers } from "#kit/renderers.ts";

/** Renderer of widget views, before all other types. */
export const widgets: Plugin = {
  id: "widgets",
  provides: [
    renderers.of({
      id: "widgets",
      rank: 1000,
      mimeTypes: ["application/vnd.jupyter.widget-view+json"],
      load: async () => (await import("./widget.ts")).drawing,
    }),
  ],
};
