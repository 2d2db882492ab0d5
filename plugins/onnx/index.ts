/** Machine learning for cells: `kroma.ml` loads ONNX models and runs them with onnxruntime, outside of the kernels. */
import type { Plugin } from "#core/plugin/facet.ts";
import { services } from "#core/kernel/services.ts";

/** The plugin. */
export const onnx: Plugin = {
  id: "onnx",
  provides: [services.of({ name: "ml", start: async (place) => (await import("./service.ts")).startModels(place) })],
};
