/** The theme in force: chosen in settings, or the system's. A theme is a file of properties; here is only which one. */
import { createRoot, createSignal } from "solid-js";
import { readSettings, writeSettings, type Theme } from "./settings.ts";

const system = matchMedia("(prefers-color-scheme: dark)");
const [dark, setDark] = createRoot(() => createSignal(false));
const listeners = new Set<() => void>();

/** True when the ground is dark; tracks. */
export const isDark = dark;

/** Calls `listener` when the theme changes. Returns the way to stop. */
export function onTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function apply(theme: Theme): void {
  const shown = theme === "system" ? (system.matches ? "dark" : "light") : theme;
  document.documentElement.dataset["theme"] = shown;
  setDark(shown === "dark" || (shown === "contrast" && system.matches));
  for (const listener of listeners) listener();
}

/** Chooses a theme for now and for later visits. */
export function setTheme(theme: Theme): void {
  writeSettings({ ...readSettings(), theme });
  apply(theme);
}

/** Puts the theme in force and follows the system. */
export function startTheme(): void {
  apply(readSettings().theme);
  system.addEventListener("change", () => apply(readSettings().theme));
  // Paper is white.
  addEventListener("beforeprint", () => apply("light"));
  addEventListener("afterprint", () => apply(readSettings().theme));
}
