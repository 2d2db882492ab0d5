/** Pictures as base64: at their own size or the size the metadata gives (a retina plot says half its pixels). */
import "./media.css";
import type { Drawing } from "#kit/renderers.ts";
import { describe, groundOf, sizeOf } from "./image-facts.ts";

/** Draws `image/*`. */
export const drawing: Drawing = {
  async render(element, context) {
    const data = typeof context.data === "string" ? context.data.replace(/\s+/g, "") : "";
    const image = document.createElement("img");
    image.className = "kroma-image";
    image.alt = describe(context, "Picture made by this cell");
    const { width, height } = sizeOf(context);
    if (width) image.width = width;
    if (height) image.height = height;
    // Both are kept in a page too narrow for the width: the style sheet lets the height follow.
    if (width && height) image.style.aspectRatio = `${width} / ${height}`;
    else if (height) image.style.blockSize = `${height}px`;
    const ground = groundOf(context);
    if (ground) image.dataset["ground"] = ground;
    image.src = `data:${context.mimeType};base64,${data}`;
    element.append(image);
    try {
      await image.decode();
    } catch {
      if (!element.contains(image)) return;
      const words = document.createElement("p");
      words.className = "kroma-said";
      words.textContent = `This ${context.mimeType} picture can't be shown: its data is damaged.`;
      image.replaceWith(words);
    }
  },
};
