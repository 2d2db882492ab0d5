/** Sound, moving pictures and PDF files: shown by the browser's own players, from a Blob. */
import "./media.css";
import type { Drawing } from "#kit/renderers.ts";
import { decodeBase64, saveFile } from "./files.ts";
import { describe, sizeOf } from "./image-facts.ts";

/** Draws `audio/*`, `video/*` and `application/pdf`. */
export const drawing: Drawing = {
  render(element, context) {
    const bytes = typeof context.data === "string" ? decodeBase64(context.data) : undefined;
    if (!bytes) {
      const words = document.createElement("p");
      words.className = "kroma-said";
      words.textContent = `This ${context.mimeType} output can't be shown: its data is not base64.`;
      element.append(words);
      return undefined;
    }
    const blob = new Blob([bytes], { type: context.mimeType });
    if (context.mimeType === "application/pdf") {
      // A PDF viewer is a frame with an origin; the file is offered instead of being opened in the page's.
      const button = document.createElement("button");
      button.type = "button";
      button.className = "kroma-quiet-button";
      button.textContent = `Save PDF (${Math.ceil(bytes.length / 1024).toLocaleString("en")} kB)`;
      button.addEventListener("click", () => saveFile("output.pdf", blob));
      element.append(button);
      return undefined;
    }
    const url = URL.createObjectURL(blob);
    const player = document.createElement(context.mimeType.startsWith("video/") ? "video" : "audio");
    player.className = "kroma-player";
    player.controls = true;
    player.preload = "metadata";
    player.setAttribute("aria-label", describe(context, player.localName === "video" ? "Video" : "Sound"));
    const { width } = sizeOf(context);
    if (width) player.style.inlineSize = `${width}px`;
    player.src = url;
    element.append(player);
    return () => {
      player.removeAttribute("src");
      player.load();
      URL.revokeObjectURL(url);
    };
  },
};
