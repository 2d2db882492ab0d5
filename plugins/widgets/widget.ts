/**
 * One view of a widget: a sandboxed frame that runs the widget's module, and the bridge between it and the model.
 * The frame sees the model it shows and those it asks for by id (a widget names its children so), nothing else.
 */
import "./widgets.css";
import { openFrame } from "#kit/frame.ts";
import type { Drawing } from "#kit/renderers.ts";
import type { FromWidgetFrame, ToWidgetFrame } from "./frame-messages.ts";
import { widgetProgram } from "./frame-program.ts";
import { storeOf, type WidgetModel, type WidgetStore } from "./store.ts";

/** A kernel answers within a moment or doesn't have the model any more. */
const PATIENCE = 4000;

/** Draws `application/vnd.jupyter.widget-view+json`. */
export const drawing: Drawing = {
  async render(element, context) {
    const root = document.createElement("div");
    root.className = "kroma-widget";
    element.append(root);
    const id = (context.data as { model_id?: unknown } | undefined)?.model_id;
    if (typeof id !== "string") return say(root, "This widget has no model.");
    const closing = new AbortController();
    if (!context.comms)
      return say(root, "This widget needs its kernel: run the cell again to use it.", context.bundle["text/plain"]);
    const store = storeOf(context.comms);
    if (!store.get(id)) say(root, "Looking for this widget in its kernel …", context.bundle["text/plain"]);
    const model =
      store.get(id) ?? (await store.find(id, AbortSignal.any([closing.signal, AbortSignal.timeout(PATIENCE)])));
    if (!model || model.isClosed) {
      return say(root, "This widget needs its kernel: run the cell again to use it.", context.bundle["text/plain"]);
    }
    if (typeof model.state["_esm"] !== "string") {
      const name = String(model.state["_model_name"] ?? "Its model");
      return say(
        root,
        `${name} brings no module of its own, so Kroma can't show it. Widgets made with anywidget work.`,
      );
    }
    root.replaceChildren();
    const frame = openFrame(root, {
      title: "Widget",
      body: `<script>(${widgetProgram.toString()})();document.currentScript.remove()</script>`,
      dark: context.dark,
      onTheme: context.onTheme,
      onMessage: (message) => {
        if (typeof message === "object" && message !== null) hear(message as FromWidgetFrame);
      },
    });
    const stops: (() => void)[] = [];
    const shared = new Map<string, WidgetModel>();
    const send = (message: ToWidgetFrame) => frame.send(message);
    const share = (shown: WidgetModel) => {
      if (shared.has(shown.id)) return;
      shared.set(shown.id, shown);
      const stop = shown.on((event) => {
        if (event.type === "change") {
          if (event.by !== frame) send({ type: "change", model: shown.id, state: event.state });
        } else if (event.type === "custom") {
          send({ type: "custom", model: shown.id, content: event.content, buffers: event.buffers });
        } else if (shown.id === id) root.dataset["closed"] = "";
      });
      stops.push(stop);
    };
    const hear = (message: FromWidgetFrame) => {
      if (message.type === "ready") {
        share(model);
        send({ type: "start", model: id, state: model.state });
      } else if (message.type === "drawn") root.querySelector(".kroma-widget-said")?.remove();
      else if (message.type === "failed") say(root, `The widget failed. ${String(message.message).slice(0, 1000)}`);
      else if (message.type === "get_model") void answer(store, message, send, share, closing.signal);
      else if (shared.has(message.model)) {
        if (message.type === "custom") store.custom(message.model, message.content, buffersOf(message.buffers));
        else if (typeof message.state === "object" && message.state !== null)
          store.change(message.model, message.state, frame);
      }
    };
    return () => {
      closing.abort();
      for (const stop of stops) stop();
      send({ type: "end" });
      frame.close();
    };
  },
};

async function answer(
  store: WidgetStore,
  message: { readonly request: number; readonly model: string },
  send: (message: ToWidgetFrame) => void,
  share: (model: WidgetModel) => void,
  closing: AbortSignal,
): Promise<void> {
  const model = await store.find(message.model, AbortSignal.any([closing, AbortSignal.timeout(PATIENCE)]));
  if (model) share(model);
  send({ type: "model", request: message.request, model: message.model, state: model?.state });
}

/** What comes out of the frame may be anything; only real buffers can be handed on. */
function buffersOf(value: unknown): readonly ArrayBuffer[] {
  return Array.isArray(value) ? value.filter((item): item is ArrayBuffer => item instanceof ArrayBuffer) : [];
}

function say(root: HTMLElement, words: string, text?: unknown): void {
  root.querySelector(".kroma-widget-said")?.remove();
  const line = document.createElement("p");
  line.className = "kroma-widget-said";
  line.textContent = words;
  if (typeof text === "string" && text !== "") {
    const shown = document.createElement("code");
    shown.textContent = text.length > 300 ? `${text.slice(0, 300)}…` : text;
    line.append(" ", shown);
  }
  root.prepend(line);
}
