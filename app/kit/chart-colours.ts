/** The colours that charts are drawn with, whichever library draws them, in both themes. */

/** Distinct in both themes, also for the colour-blind (after Okabe and Ito, "Color Universal Design"). */
export const LIGHT: readonly string[] = ["#0b6e74", "#c25a1a", "#5a4793", "#8a7a00", "#a8326e", "#2a6bb0", "#4a5e1f", "#6b6760"]; // prettier-ignore
/** The same eight in the dark. */
export const DARK: readonly string[] = ["#5fc4c1", "#f0a06a", "#b9a8f2", "#dccb5a", "#ee8fbf", "#8fbdf0", "#b4cf80", "#b9b2a5"]; // prettier-ignore

/** The colours of a theme that a chart is drawn with. */
export interface ChartColours {
  readonly text: string;
  readonly quiet: string;
  readonly line: string;
  readonly edge: string;
}

/** Those of the light theme, for a page that knows no other. */
export const LIGHT_COLOURS: ChartColours = { text: "#1e1c19", quiet: "#57524a", line: "#e3dfd6", edge: "#8b857a" };
/** Those of the dark theme. */
export const DARK_COLOURS: ChartColours = { text: "#ece8e0", quiet: "#b9b2a5", line: "#36332d", edge: "#857e72" };

/** The page's own colours and font where `element` stands. */
export function chartColours(element: Element, dark: boolean): ChartColours & { readonly font: string } {
  const styles = getComputedStyle(element);
  const read = (name: string, otherwise: string) => styles.getPropertyValue(name).trim() || otherwise;
  const known = dark ? DARK_COLOURS : LIGHT_COLOURS;
  return {
    text: read("--text", known.text),
    quiet: read("--text-quiet", known.quiet),
    line: read("--hairline", known.line),
    edge: read("--edge", known.edge),
    font: read("--font-text", "system-ui, sans-serif"),
  };
}
