/** Language models as GGUF files, run in Node by llama.cpp as the package node-llama-cpp brings it, built for this system. */
import type { ChatPlace } from "#core/chat/driver.ts";
import { chatDrivers } from "#core/chat/driver.ts";
import type { Plugin } from "#core/plugin/facet.ts";
import { driversOn } from "./engine.ts";
import { isModelFile } from "./names.ts";

/** Provides the driver "llama" of Node. */
export const nodeLlama: Plugin = {
  id: "llama",
  provides: [
    chatDrivers.of({
      id: "llama",
      title: "A model file (GGUF)",
      fields: ["model"],
      claims: isModelFile,
      start: (place: ChatPlace) =>
        driversOn(place, "this computer", async () => (await import("./node-backend.node.ts")).nodeBackend()),
    }),
  ],
};
