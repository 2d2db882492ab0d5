/**
 * A Vega or Vega-Lite chart as SVG. Expressions are interpreted, never compiled, so a chart from elsewhere runs no
 * code of its own; what it may load is in chart-data.ts. Drawn anew when the theme changes.
 */
import "./vega.css";
import type { Drawing, RenderContext } from "#kit/renderers.ts";
import embed, { type EmbedOptions, type Result } from "vega-embed";
import { chartLoader } from "./chart-data.ts";
import { readChart } from "./chart-spec.ts";
import { chartTheme } from "./chart-theme.ts";

/** Draws a chart. */
export const drawing: Drawing = {
  async render(element, context) {
    const root = document.createElement("div");
    root.className = "kroma-vega";
    element.append(root);
    let result: Result | undefined;
    let isClosed = false;
    let turn = Promise.resolve();
    const draw = () => {
      turn = turn.then(async () => {
        if (isClosed) return;
        result?.finalize();
        result = await drawChart(root, context);
        if (isClosed) result?.finalize();
      });
      return turn;
    };
    const stopTheme = context.onTheme(() => void draw());
    const onUpdate = (event: Event) => {
      context = { ...context, data: (event as CustomEvent<unknown>).detail };
      void draw();
    };
    element.addEventListener("kroma:update", onUpdate);
    await draw();
    let width = root.clientWidth;
    const onWidth = new ResizeObserver(() => {
      if (root.clientWidth === width) return;
      width = root.clientWidth;
      // Charts as wide as their container listen to the window only.
      if (usesContainer(context.data)) void draw();
    });
    onWidth.observe(root);
    return () => {
      isClosed = true;
      element.removeEventListener("kroma:update", onUpdate);
      stopTheme();
      onWidth.disconnect();
      result?.finalize();
    };
  },
};

async function drawChart(root: HTMLElement, context: RenderContext): Promise<Result | undefined> {
  const complaints = new Set<string>();
  const note = (...words: readonly unknown[]) => {
    complaints.add(words.map((word) => (word instanceof Error ? word.message : String(word))).join(" "));
    return logger;
  };
  const ignore = () => logger;
  const logger = { level: () => logger, error: note, warn: noteLoading, info: ignore, debug: ignore };
  function noteLoading(...words: readonly unknown[]) {
    return String(words[0]).startsWith("Loading failed")
      ? note(...words.filter((word) => word instanceof Error))
      : logger;
  }
  const chart = document.createElement("div");
  root.replaceChildren(chart);
  try {
    const spec = readChart(context.data);
    const options: EmbedOptions = {
      mode: context.mimeType.includes("vegalite") ? "vega-lite" : "vega",
      renderer: "svg",
      actions: false,
      ast: true,
      config: chartTheme(root, context.dark()),
      loader: chartLoader({ foreign: context.foreign, file: context.file }),
      tooltip: { theme: context.dark() ? "dark" : "light" },
      logger: logger as unknown as NonNullable<EmbedOptions["logger"]>,
    };
    const result = await embed(chart, spec, options);
    for (const words of complaints) root.append(complaint(words));
    return result;
  } catch (error) {
    chart.remove();
    root.append(complaint(`This chart can't be drawn. ${reasonOf(error)}`));
    return undefined;
  }
}

/** A wrong specification makes the library itself stumble; its words alone would say nothing to the reader. */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return `Its specification is no JSON: ${error.message}`;
  if (error instanceof TypeError) return `Its specification is not what Vega expects (${error.message}).`;
  return error instanceof Error ? error.message : String(error);
}

function usesContainer(data: unknown): boolean {
  return typeof data === "object" && data !== null && JSON.stringify(data).includes('"container"');
}

function complaint(words: string): HTMLElement {
  const line = document.createElement("p");
  line.className = "kroma-vega-said";
  line.textContent = words;
  return line;
}
