/** Language models as GGUF files, run in the page by llama.cpp compiled to WebAssembly (wllama). */
import { llamaOn } from "./plugin.ts";

/** Provides the driver "llama" of pages. */
export const llama = llamaOn("this browser", async (place) => (await import("./page-backend.ts")).pageBackend(place));
