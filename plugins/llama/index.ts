/** Language models as GGUF files, run in the page by llama.cpp compiled to WebAssembly (wllama). */
import { chatDrivers } from "#core/chat/driver.ts";
import type { Plugin } from "#core/plugin/facet.ts";
import { driversOn } from "./engine.ts";
import { isModelFile } from "./names.ts";

/** Provides the driver "llama" of pages. */
export const llama: Plugin = {
  id: "llama",
  provides: [
    chatDrivers.of({
      id: "llama",
      title: "A model file (GGUF)",
      fields: ["model"],
      claims: isModelFile,
      // Its code comes with the first question.
      start: (place) =>
        driversOn(place, "this browser", async () => (await import("./page-backend.ts")).pageBackend(place)),
    }),
  ],
};
