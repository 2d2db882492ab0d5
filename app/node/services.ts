/** What plugins do for cells on the command line, and the programs of their threads. */
import { type Service, services as servicesFacet } from "#core/kernel/services.ts";
import { PluginHost } from "#core/plugin/facet.ts";
import { onnx } from "#plugins/onnx/index.ts";
import { train } from "#plugins/train/index.ts";
import { transformers } from "#plugins/transformers/index.ts";

/** The services, by name. */
export const services: ReadonlyMap<string, Service> = new PluginHost([onnx, train, transformers]).get(servicesFacet);

/** Each thread program that is no kernel's: its file below the checkout, and the folder of the cache that it uses. */
export const servicePrograms: Readonly<Record<string, { readonly file: string; readonly cache: string }>> = {
  onnx: { file: "app/node/models-thread.ts", cache: "onnx" },
  train: { file: "app/node/training-thread.ts", cache: "train" },
  // A model is kept once, whoever fetched it.
  transformers: { file: "app/node/pipelines-thread.ts", cache: "onnx" },
};
