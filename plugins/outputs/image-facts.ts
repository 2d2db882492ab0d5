/** What the metadata of a bundle says of a picture: how big to show it and how to call it. */
import type { RenderContext } from "#kit/renderers.ts";

export interface PictureSize {
  readonly width: number | undefined;
  readonly height: number | undefined;
}

/** Width and height in CSS pixels: under the type, as IPython writes them, or beside it. */
export function sizeOf(context: Pick<RenderContext, "metadata" | "mimeType">): PictureSize {
  const facts = factsOf(context);
  const read = (name: string) => {
    const value = Number(facts[name] ?? context.metadata[name]);
    return Number.isFinite(value) && value > 0 && value <= 20_000 ? value : undefined;
  };
  return { width: read("width"), height: read("height") };
}

/** "light" or "dark" when the picture is transparent and needs such a ground (Jupyter's needs_background). */
export function groundOf(context: Pick<RenderContext, "metadata" | "mimeType">): "light" | "dark" | undefined {
  const ground = factsOf(context)["needs_background"] ?? context.metadata["needs_background"];
  return ground === "light" || ground === "dark" ? ground : undefined;
}

/** Words for someone who can't see it: what the metadata says, else the text beside it, else `otherwise`. */
export function describe(context: Pick<RenderContext, "metadata" | "mimeType" | "bundle">, otherwise: string): string {
  const said = factsOf(context)["alt"] ?? context.metadata["alt"];
  if (typeof said === "string" && said !== "") return said;
  const text = context.bundle["text/plain"];
  if (typeof text !== "string") return otherwise;
  // "<Figure size 640x480 with 1 Axes>" says something, "<IPython.core.display.Image object>" doesn't.
  const words = text.replace(/^<|>$/g, "").trim();
  return words === "" || words.length > 200 || /\bobject\b/.test(words) ? otherwise : words;
}

function factsOf(context: Pick<RenderContext, "metadata" | "mimeType">): Readonly<Record<string, unknown>> {
  const facts = context.metadata[context.mimeType];
  return typeof facts === "object" && facts !== null ? (facts as Record<string, unknown>) : {};
}
