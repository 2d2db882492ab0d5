/** Language models as GGUF files, run in Node by llama.cpp as the package node-llama-cpp brings it, built for this system. */
import { llamaOn } from "./plugin.ts";

/** Provides the driver "llama" of Node. */
export const nodeLlama = llamaOn("this computer", async () => (await import("./node-backend.node.ts")).nodeBackend());
