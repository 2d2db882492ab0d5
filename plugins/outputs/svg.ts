/** `image/svg+xml`: in a shadow root, so that ids of two drawings never meet; scripts and handlers are taken out. */
import type { Drawing, RenderContext } from "#kit/renderers.ts";
import { sanitise } from "#kit/sanitise.ts";
import { describe, sizeOf } from "./image-facts.ts";
import { MOST_DRAWN, sayCut } from "./large.ts";
import { showInShadow } from "./shadow.ts";

/** Draws one SVG drawing. */
export const drawing: Drawing = {
  render(element, context) {
    const markup = (typeof context.data === "string" ? context.data : "").replace(/^[\s\S]*?(?=<svg[\s>])/i, "");
    if (markup.length > MOST_DRAWN) return showAsPicture(element, markup, context);
    const content = sanitise(markup, { kind: "svg", styles: true });
    const svg = content.querySelector("svg");
    if (!svg) {
      element.append("This drawing is not SVG.");
      return;
    }
    if (!svg.hasAttribute("viewBox")) {
      const [width, height] = [svg, svg].map((node, at) =>
        Number.parseFloat(node.getAttribute(at === 0 ? "width" : "height") ?? ""),
      );
      if (width && height) svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    }
    const { width, height } = sizeOf(context);
    if (width) svg.setAttribute("width", String(width));
    if (height) svg.setAttribute("height", String(height));
    if (!svg.querySelector(":scope > title") && !svg.hasAttribute("aria-label") && !svg.hasAttribute("role")) {
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", describe(context, "Drawing"));
    }
    showInShadow(element, content, "kroma-svg");
  },
};

/** A drawing of very many parts: as a picture it runs no script and needs no cleaning. */
function showAsPicture(element: HTMLElement, markup: string, context: RenderContext): () => void {
  const image = document.createElement("img");
  image.className = "kroma-image";
  image.alt = describe(context, "Drawing");
  image.src = URL.createObjectURL(new Blob([markup], { type: "image/svg+xml" }));
  image.addEventListener("error", () => {
    image.remove();
    sayCut(element, markup, { name: "output.svg", type: "image/svg+xml" });
  });
  element.append(image);
  return () => URL.revokeObjectURL(image.src);
}
