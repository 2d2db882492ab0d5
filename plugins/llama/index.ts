/** Language models as GGUF files, run in the page by llama.cpp compiled to WebAssembly (wllama). */
import { type ChatDriver, chatDrivers, type ChatDrivers, type ChatPlace } from "#core/chat/driver.ts";
import type { Plugin } from "#core/plugin/facet.ts";
import { isModelFile, MODEL_ENDING } from "./names.ts";
import type { PageEngine } from "./page-engine.ts";

/** Provides the driver "llama". */
export const llama: Plugin = {
  id: "llama",
  provides: [
    chatDrivers.of({
      id: "llama",
      title: "A model file (GGUF)",
      fields: ["model"],
      claims: isModelFile,
      start: (place) => startPage(place),
    }),
  ],
};

function startPage(place: ChatPlace): ChatDrivers {
  let engine: Promise<PageEngine> | undefined;
  let isClosed = false;
  // The engine's code comes with the first question.
  const load = async (): Promise<PageEngine> => new (await import("./page-engine.ts")).PageEngine(place);
  return {
    open({ model }): ChatDriver {
      return {
        model,
        place: "this browser",
        async *chat(request, signal) {
          const running = await (engine ??= load());
          if (isClosed) running.close();
          yield* running.chat(request.model ?? model, request, signal);
        },
        models: () => place.files(MODEL_ENDING),
      };
    },
    close() {
      isClosed = true;
      void engine?.then(
        (running) => running.close(),
        () => undefined,
      );
    },
  };
}
