/**
 * The chat kernel: a cell's source is a prompt, its output a language model's answer as it comes. It has no worker, as no
 * code runs in it: its work is to wait for a ChatDriver, and the person's key stays out of all workers. What the model was
 * told is shown before the answer. The notebook is its memory: it keeps nothing from cell to cell.
 */
import type { Kernel } from "#core/kernel/kernel.ts";

/** The chat kernel. */
export const chatKernel: Kernel = {
  spec: {
    language: "chat",
    displayName: "Chat",
    kernelspec: "chat",
    languageInfo: { name: "chat", mimetype: "text/markdown", file_extension: ".md" },
    magics: ["%%chat"],
  },
  // Loaded by the first cell of it: most notebooks have none.
  start: async (start) => (await import("./running.ts")).startChat(start),
};
