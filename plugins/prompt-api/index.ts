/** The browser's own language model, where it has one (Prompt API). */
import { chatDrivers } from "#core/chat/driver.ts";
import type { Plugin } from "#core/plugin/facet.ts";
import { promptApiDriver } from "./driver.ts";
import { OWN_MODEL, ownLanguageModel, readAvailability } from "./language-model.ts";

/** Provides the driver "prompt-api". */
export const promptApi: Plugin = {
  id: "prompt-api",
  provides: [
    chatDrivers.of({
      id: "prompt-api",
      title: "This browser's own model",
      fields: [],
      claims: (model) => model === OWN_MODEL,
      isHere: async () => {
        const api = ownLanguageModel();
        return api !== undefined && (await readAvailability(api)) !== "unavailable";
      },
      start: () => ({ open: () => promptApiDriver(ownLanguageModel()), close: () => undefined }),
    }),
  ],
};
