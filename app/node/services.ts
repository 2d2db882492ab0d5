/** What plugins do for cells on the command line, and the programs of their threads. */
import { type Service, services as servicesFacet } from "#core/kernel/services.ts";
import { PluginHost } from "#core/plugin/facet.ts";
import { onnx } from "#plugins/onnx/index.ts";
import { train } from "#plugins/train/index.ts";

/** The services, by name. */
export const services: ReadonlyMap<string, Service> = new PluginHost([onnx, train]).get(servicesFacet);

/** The file of each thread program that is no kernel's, below the checkout. */
export const servicePrograms: Readonly<Record<string, string>> = {
  onnx: "app/node/models-thread.ts",
  train: "app/node/training-thread.ts",
};
