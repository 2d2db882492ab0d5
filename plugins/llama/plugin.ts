/** The plugin of language models as GGUF files, but for what runs them. */
import { chatDrivers, type ChatPlace } from "#core/chat/driver.ts";
import type { Plugin } from "#core/plugin/facet.ts";
import { driversOn, type Backend } from "./engine.ts";
import { isModelFile } from "./names.ts";

/** Provides the driver "llama" on what `open` loads with the first question; `where` is for people. */
export function llamaOn<Model>(where: string, open: (place: ChatPlace) => Promise<Backend<Model>>): Plugin {
  return {
    id: "llama",
    provides: [
      chatDrivers.of({
        id: "llama",
        title: "A model file (GGUF)",
        fields: ["model"],
        claims: isModelFile,
        start: (place) => driversOn(place, where, () => open(place)),
      }),
    ],
  };
}
