/** Training for cells: `kroma.ml.train` fits a network to data with jax-js, outside of the kernels. */
import { services } from "#core/kernel/services.ts";
import type { Plugin } from "#core/plugin/facet.ts";

/** The plugin. */
export const train: Plugin = {
  id: "train",
  provides: [
    services.of({ name: "train", start: async (place) => (await import("./service.ts")).startTrainings(place) }),
  ],
};
