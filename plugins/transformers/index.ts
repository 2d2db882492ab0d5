/** Pipelines for cells: `kroma.ml.pipeline` runs models of transformers with what belongs to them, from text to text. */
import { services } from "#core/kernel/services.ts";
import type { Plugin } from "#core/plugin/facet.ts";

/** The plugin. */
export const transformers: Plugin = {
  id: "transformers",
  provides: [
    services.of({
      name: "pipelines",
      start: async (place) => (await import("./service.ts")).startPipelineService(place),
    }),
  ],
};
