/** Language models behind an endpoint that speaks OpenAI's chat completions: Ollama, llama.cpp, LM Studio, hosted ones. */
import { chatDrivers } from "#core/chat/driver.ts";
import type { Plugin } from "#core/plugin/facet.ts";
import { openAiDriver } from "./driver.ts";

/** Provides the driver "openai". */
export const openai: Plugin = {
  id: "openai",
  provides: [
    chatDrivers.of({
      id: "openai",
      title: "A server",
      fields: ["address", "key", "model"],
      start: () => ({ open: (endpoint) => openAiDriver(endpoint), close: () => undefined }),
    }),
  ],
};
