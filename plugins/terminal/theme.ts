/** The page's colours as xterm.js wants them. Read anew whenever the theme changes. */
import type { ITheme } from "@xterm/xterm";

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;

/** Reads the custom properties in force; what they compute to depends on `light-dark()`, so an element is asked. */
export function readTheme(): ITheme {
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (value: string): string => {
    probe.style.color = value;
    return hex(getComputedStyle(probe).color);
  };
  const theme: ITheme = {
    background: colour("var(--ground)"),
    foreground: colour("var(--text)"),
    cursor: colour("var(--accent)"),
    cursorAccent: colour("var(--ground)"),
    selectionBackground: colour("var(--selection)"),
    selectionInactiveBackground: colour("var(--selection)"),
  };
  for (const name of NAMES) {
    theme[name] = colour(`var(--ansi-${name})`);
    // Bright is the same hue, nearer to the colour of text.
    const bright = `bright${name[0]?.toUpperCase()}${name.slice(1)}` as "brightBlack";
    theme[bright] = colour(
      name === "black" ? "var(--text-quiet)" : `color-mix(in srgb, var(--ansi-${name}) 78%, var(--text))`,
    );
  }
  probe.remove();
  return theme;
}

/** Calls `listener` when the page or the system changes the theme. Returns the way to stop. */
export function onThemeChange(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", listener);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", listener);
  };
}

/** "rgb(1, 2, 3)" and "color(srgb 0.1 0.2 0.3)", the two ways in which browsers tell opaque colours, as "#010203". */
function hex(computed: string): string {
  const numbers = computed.match(/[\d.]+(?:e-?\d+)?/g)?.map(Number) ?? [];
  const scale = computed.startsWith("color(") ? 255 : 1;
  const part = (value = 0): string =>
    Math.round(value * scale)
      .toString(16)
      .padStart(2, "0");
  return `#${part(numbers[0])}${part(numbers[1])}${part(numbers[2])}`;
}
