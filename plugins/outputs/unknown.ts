/** A type nobody draws: JSON is shown as JSON, anything else is named and can be saved. */
import "./lines.css";
import "./media.css";
import { isJsonMime } from "#core/kernel/mime.ts";
import type { Drawing } from "#kit/renderers.ts";
import { decodeBase64, saveFile } from "./files.ts";

/** Draws any type. */
export const drawing: Drawing = {
  async render(element, context) {
    if (isJsonMime(context.mimeType)) {
      const { drawing: json } = await import("./json.ts");
      return json.render(element, context);
    }
    const line = document.createElement("p");
    line.className = "kroma-said";
    line.append(`Kroma can't show ${context.mimeType}. `);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "kroma-quiet-button";
    button.textContent = "Save to file";
    button.addEventListener("click", () => {
      const text = typeof context.data === "string" ? context.data : JSON.stringify(context.data);
      const bytes = context.mimeType.startsWith("text/") ? undefined : decodeBase64(text);
      saveFile("output", new Blob([bytes ?? text], { type: context.mimeType }));
    });
    line.append(button);
    element.append(line);
    return undefined;
  },
};
