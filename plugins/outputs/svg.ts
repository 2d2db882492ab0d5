/** `image/svg+xml`: in a shadow root, so that ids of two drawings never meet; scripts and handlers are taken out. */
import type { Drawing } from "#kit/renderers.ts";
import { sanitise } from "#kit/sanitise.ts";
import { describe, sizeOf } from "./image-facts.ts";
import { showInShadow } from "./shadow.ts";

/** Draws one SVG drawing. */
export const drawing: Drawing = {
  render(element, context) {
    const markup = (typeof context.data === "string" ? context.data : "").replace(/^[\s\S]*?(?=<svg[\s>])/i, "");
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
