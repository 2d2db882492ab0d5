/** Sets formulas with KaTeX, which is loaded with its fonts when the first formula comes into view. */
import type katexModule from "katex";
import { mathOptions, withoutLabels } from "./math-options.ts";
import { MATH_CLASS } from "./math-syntax.ts";

type Katex = typeof katexModule;
let loading: Promise<Katex> | undefined;
let katex: Katex | undefined;

/** Sets every formula under `root`; done at once when KaTeX is here already. */
export function setMath(root: ParentNode): Promise<void> | void {
  const places = [...root.querySelectorAll<HTMLElement>(`.${MATH_CLASS}:not([data-set])`)];
  if (places.length === 0) return undefined;
  if (katex) {
    setAll(places, katex);
    return undefined;
  }
  loading ??= Promise.all([import("katex"), import("katex/dist/katex.min.css")]).then(
    ([module]) => (katex = module.default),
  );
  loading.catch(() => (loading = undefined));
  return loading.then((loaded) => setAll(places, loaded));
}

/** An element that `setMath` will fill. */
export function mathElement(tex: string, display: boolean): HTMLElement {
  const element = document.createElement(display ? "div" : "span");
  element.className = MATH_CLASS;
  element.dataset["display"] = String(display);
  element.textContent = tex;
  return element;
}

function setAll(places: readonly HTMLElement[], loaded: Katex): void {
  for (const place of places) {
    const source = place.textContent;
    place.dataset["set"] = "";
    try {
      loaded.render(withoutLabels(source), place, mathOptions(place.dataset["display"] === "true"));
    } catch (error) {
      // The source says more than nothing, and the reason stands beside it.
      place.dataset["failed"] = "";
      place.textContent = source;
      place.title = (error instanceof Error ? error.message : String(error)).replace(/^KaTeX parse error: /, "");
    }
  }
}
