/**
 * A Plotly figure in a sandboxed frame: the library reads markup and addresses in a figure, and that has an origin of its own.
 * Drawn anew when the theme changes or the kernel updates the figure.
 */
import "./plotly.css";
import { openFrame } from "#kit/frame.ts";
import type { Drawing } from "#kit/renderers.ts";
import scriptUrl from "plotly.js-cartesian-dist-min/plotly-cartesian.min.js?url";
import { type Figure, readFigure, titleOf } from "./figure.ts";
import { figureProgram, type FromFigureFrame, type ToFigureFrame } from "./frame-program.ts";
import { themedLayout } from "./theme.ts";

/** Plotly's own, where a layout names none. */
const HEIGHT = 450;
const HIGHEST = 4000;

let loading: Promise<string> | undefined;

/** The library's text, fetched once; a failure is tried again by the next figure. */
function loadScript(): Promise<string> {
  loading ??= fetch(scriptUrl).then((response) => {
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return response.text();
  });
  loading.catch(() => (loading = undefined));
  return loading;
}

/** Draws a figure. */
export const drawing: Drawing = {
  async render(element, context) {
    const root = document.createElement("div");
    root.className = "kroma-plotly";
    element.append(root);
    const said = document.createElement("p");
    said.className = "kroma-plotly-said";
    const say = (reason: string): void => {
      said.textContent = `This chart can't be drawn. ${reason}`;
      root.append(said);
    };
    const first = readFigure(context.data);
    if (typeof first === "string") return say(first);
    let script: string;
    try {
      script = await loadScript();
    } catch (error) {
      return say(`Plotly could not be loaded: ${error instanceof Error ? error.message : String(error)}.`);
    }
    let figure: Figure = first;
    const frame = openFrame(root, {
      title: `Chart: ${titleOf(figure)}`,
      body: `<script>(${figureProgram.toString()})();document.currentScript.remove()</script>`,
      dark: context.dark,
      onTheme: context.onTheme,
      highest: HIGHEST,
      onMessage: (message) => hear(message as FromFigureFrame),
    });
    const hear = (message: FromFigureFrame): void => {
      if (message.type === "drawn") {
        said.remove();
        root.dataset["traces"] = String(Number(message.traces));
      } else if (message.type === "failed") say(String(message.message).slice(0, 1000));
    };
    const send = (message: ToFigureFrame): void => frame.send(message);
    const draw = (): void => {
      const layout = themedLayout(figure, root, context.dark());
      const height = typeof layout["height"] === "number" ? layout["height"] : HEIGHT;
      // Nothing of a figure goes to Plotly's own servers.
      const config = {
        ...figure.config,
        responsive: true,
        displaylogo: false,
        showSendToCloud: false,
        showLink: false,
      };
      send({ type: "draw", figure: { ...figure, layout, config }, height: Math.min(HIGHEST, Math.max(40, height)) });
    };
    frame.element.addEventListener("load", () => {
      send({ type: "load", script });
      draw();
    });
    const stopTheme = context.onTheme(draw);
    const onUpdate = (event: Event): void => {
      const next = readFigure((event as CustomEvent<unknown>).detail);
      if (typeof next === "string") return say(next);
      figure = next;
      draw();
    };
    element.addEventListener("kroma:update", onUpdate);
    return () => {
      element.removeEventListener("kroma:update", onUpdate);
      stopTheme();
      frame.close();
    };
  },
};
