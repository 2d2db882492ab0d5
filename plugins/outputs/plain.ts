/** `text/plain` and text nobody knows better: as it is, with terminal colours, only what is in sight in the page. */
import "./lines.css";
import type { Drawing } from "#kit/renderers.ts";
import { showLines } from "./line-view.ts";
import { TerminalText } from "./terminal-text.ts";

/** Draws text; other values as JSON. */
export const drawing: Drawing = {
  render(element, context) {
    const text = new TerminalText();
    text.push(asText(context.data));
    const root = document.createElement("div");
    root.className = "kroma-plain";
    element.append(root);
    const view = showLines(root, text, {
      label: "Text output",
      fileName: "output.txt",
      dark: context.dark,
      follow: false,
    });
    const onUpdate = (event: Event) => {
      text.clear();
      text.push(asText((event as CustomEvent<unknown>).detail));
      view.update();
    };
    element.addEventListener("kroma:update", onUpdate);
    const stopTheme = context.onTheme(() => view.update());
    return () => {
      element.removeEventListener("kroma:update", onUpdate);
      stopTheme();
      view.close();
    };
  },
};

function asText(data: unknown): string {
  return typeof data === "string" ? data : (JSON.stringify(data, undefined, 2) ?? "");
}
