/** What a cell printed. Grows by `kroma:update` events that carry the whole text; only what is new is read. */
import "./lines.css";
import type { Drawing } from "#kit/renderers.ts";
import { readStream } from "./kernel-data.ts";
import { showLines } from "./line-view.ts";
import { TerminalText } from "./terminal-text.ts";

/** Draws `application/vnd.kroma.stream`. */
export const drawing: Drawing = {
  render(element, context) {
    const text = new TerminalText();
    let data = readStream(context.data);
    text.push(data.text);
    const root = document.createElement("div");
    root.className = "kroma-stream";
    root.dataset["stream"] = data.name;
    element.append(root);
    const view = showLines(root, text, {
      label: data.name === "stderr" ? "Standard error" : "Printed output",
      fileName: data.name === "stderr" ? "errors.txt" : "output.txt",
      dark: context.dark,
      follow: true,
    });
    const onUpdate = (event: Event) => {
      const next = readStream((event as CustomEvent<unknown>).detail);
      const known = data.text.length;
      if (next.text.length >= known && next.text.slice(0, known) === data.text) text.push(next.text.slice(known));
      else {
        text.clear();
        text.push(next.text);
      }
      data = next;
      root.dataset["stream"] = data.name;
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
