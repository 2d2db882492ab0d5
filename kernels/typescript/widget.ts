/**
 * Widgets of TypeScript cells. A widget is a module that draws in the page, by anywidget's contract
 * (https://anywidget.dev/en/afm/), and a state that the module and the cells share:
 *
 *     const counter = kroma.widget({
 *       esm: `export default { render({ model, el }) {
 *         const button = document.createElement("button");
 *         const show = () => { button.textContent = model.get("count"); };
 *         button.onclick = () => { model.set("count", model.get("count") + 1); model.save_changes(); };
 *         model.on("change:count", show);
 *         show();
 *         el.append(button);
 *       } }`,
 *       state: { count: 0 },
 *     });
 *     counter.on("change:count", (widget, count) => console.log(count));
 *     counter                       // shows it
 *     counter.get("count")          // what it is now, also after clicks
 *     counter.set("count", 10)      // the page sees it
 *
 * `esm` and `css` are text, https addresses, or files of the workspace ("counter.js", "counter.css"). State is JSON with
 * bytes anywhere in it: any buffer or typed array goes out, a DataView comes back, as in the module. A widget in another
 * one's state is a name that the module's `model.widget_manager.get_model` takes. Events and what listeners are given
 * are those of the module's `model`: "change:name" (widget, value), "change" (widget), "msg:custom" (content, buffers).
 *
 * The messages are Jupyter's widget protocol 2.1 over comms.
 */
import { randomId } from "#core/base/ids.ts";
import type { CommClose, CommMessage, CommOpen } from "#core/kernel/messages.ts";
import { JUPYTER_DISPLAY } from "./bundle.ts";
import type { Ownership } from "./guard.ts";
import { CUSTOM_INSPECT, inspect } from "./inspect.ts";
import { copyOf, packState, unpackState, type State } from "./widget-state.ts";

export type CommTraffic = CommOpen | CommMessage | CommClose;

/** What a widget is made of. */
export interface WidgetOptions {
  /** The module that draws: its source, an https address, or a file of the workspace. */
  readonly esm: string;
  /** Its style sheet, in the same ways. */
  readonly css?: string;
  /** What it starts with. */
  readonly state?: State;
}

type Listener = (...values: never[]) => unknown;

/** What cells hold. */
export interface Widget {
  /** The model's id. */
  readonly id: string;
  /** A value as it is now. */
  get(name: string): unknown;
  /** Changes one or several values; the page is told at the end of this step of the code, or by `save`. */
  set(name: string, value: unknown): this;
  set(values: State): this;
  /** Sends now what was set. */
  save(): this;
  /** Calls `listener` for these events ("change:count change:step"). */
  on(names: string, listener: Listener): this;
  /** Stops that; without a listener for all of that name, without a name for all. */
  off(names?: string, listener?: Listener): this;
  /** Sends a message of one's own: the module hears it as "msg:custom". */
  send(content: unknown, buffers?: readonly (ArrayBuffer | ArrayBufferView)[]): this;
  /** The widget is gone, here and in the page. */
  close(): void;
}

/** What the kernel lends to its widgets. */
export interface WidgetParts {
  readonly send: (message: CommTraffic) => void;
  readonly owner: Ownership;
  /** An error of a listener, and the request that the listener belongs to. */
  readonly failed: (error: unknown, parent: string) => void;
  /** The text of a file of the workspace; throws if there is none. */
  readonly readFile: (path: string) => string;
}

const VIEW = "application/vnd.jupyter.widget-view+json";
const TARGET = "jupyter.widget";

/** All widgets of a kernel: makes them, and hands on what the page says. */
export class Widgets {
  readonly #parts: WidgetParts;
  readonly #models = new Map<string, LiveWidget>();

  constructor(parts: WidgetParts) {
    this.#parts = parts;
  }

  /** `kroma.widget(…)`. */
  readonly make = (options: WidgetOptions): Widget => {
    if (typeof options?.esm !== "string")
      throw new TypeError("kroma.widget({ esm, css?, state? }) needs `esm`: the source of the module that draws");
    const id = randomId(32);
    const { _esm, _css, ...values } = { ...options.state };
    if (_esm !== undefined || _css !== undefined)
      throw new TypeError("The module and the style sheet of a widget are given as `esm` and `css`, not in its state");
    const state = {
      ...values,
      _model_module: "anywidget",
      _model_name: "AnyModel",
      _model_module_version: "~0.9.*",
      _view_module: "anywidget",
      _view_name: "AnyView",
      _view_module_version: "~0.9.*",
      _view_count: null,
      _anywidget_id: `kroma.${id}`,
      _esm: this.#source(options.esm),
      _css: this.#source(options.css ?? ""),
    };
    const widget = new LiveWidget(id, state, this.#parts, () => this.#models.delete(id));
    this.#models.set(id, widget);
    return widget;
  };

  /** A message of the page's. */
  receive(message: CommTraffic): void {
    const widget = this.#models.get(message.comm);
    // Cells have no way to offer targets, so what the page opens nobody takes; Jupyter's kernels answer so.
    if (message.type === "comm_open") this.#parts.send({ type: "comm_close", comm: message.comm });
    else if (message.type === "comm_close") widget?.leave();
    else widget?.hear(message);
  }

  #source(text: string): string {
    if (text.includes("\n") || !/\.(?:m?js|css)$/i.test(text) || /^https?:/i.test(text)) return text;
    return this.#parts.readFile(text);
  }
}

class LiveWidget implements Widget {
  readonly id: string;
  readonly #parts: WidgetParts;
  readonly #forget: () => void;
  readonly #state: Record<string, unknown>;
  readonly #changed = new Set<string>();
  readonly #listeners: { readonly name: string; readonly listener: Listener; readonly owner: string }[] = [];
  #saveComes = false;
  #isClosed = false;

  constructor(id: string, state: State, parts: WidgetParts, forget: () => void) {
    this.id = id;
    this.#state = { ...state };
    this.#parts = parts;
    this.#forget = forget;
    const { buffers, ...data } = packState(this.#state, modelName);
    this.#send({ type: "comm_open", comm: id, target: TARGET, data, buffers });
  }

  get(name: string): unknown {
    return this.#state[name];
  }

  set(first: string | State, value?: unknown): this {
    const values = typeof first === "string" ? { [first]: value } : { ...first };
    // What cannot be sent is refused here, where the user's code stands.
    packState(values, modelName);
    for (const name of Object.keys(values)) this.#changed.add(name);
    this.#take(values);
    if (!this.#saveComes && this.#changed.size > 0) {
      this.#saveComes = true;
      queueMicrotask(() => this.save());
    }
    return this;
  }

  save(): this {
    this.#saveComes = false;
    const names = [...this.#changed];
    this.#changed.clear();
    if (names.length > 0) this.#update(Object.fromEntries(names.map((name) => [name, this.#state[name]])));
    return this;
  }

  on(names: string, listener: Listener): this {
    if (typeof listener !== "function") throw new TypeError(`The listener of ${names} is not a function`);
    const owner = this.#parts.owner.current;
    for (const name of names.split(/\s+/)) this.#listeners.push({ name, listener, owner });
    return this;
  }

  off(names?: string, listener?: Listener): this {
    const wanted = names?.split(/\s+/);
    for (let at = this.#listeners.length - 1; at >= 0; at--) {
      const entry = this.#listeners[at]!;
      if ((!wanted || wanted.includes(entry.name)) && (!listener || listener === entry.listener))
        this.#listeners.splice(at, 1);
    }
    return this;
  }

  send(content: unknown, buffers: readonly (ArrayBuffer | ArrayBufferView)[] = []): this {
    // Packed alone for the check: a message's bytes go beside it, not in it.
    const packed = packState({ content }, modelName);
    if (packed.buffers.length > 0) throw new TypeError("Bytes are sent beside a message: send(content, [bytes])");
    // What was set before the message is there when the module hears it.
    this.save();
    const data = { method: "custom", content: packed.state["content"] ?? null };
    this.#send({ type: "comm_msg", comm: this.id, data, buffers: buffers.map(copyOf) });
    return this;
  }

  close(): void {
    if (this.#isClosed) return;
    this.save();
    this.#send({ type: "comm_close", comm: this.id });
    this.leave();
  }

  /** The page's end has gone, or this one. */
  leave(): void {
    this.#isClosed = true;
    this.#forget();
  }

  /** A message of the page's for this widget. */
  hear({ data, buffers = [] }: CommMessage): void {
    const { method, content } = (data ?? {}) as { readonly method?: unknown; readonly content?: unknown };
    if (method === "update") this.#take(unpackState(data, buffers));
    else if (method === "request_state") this.#update(this.#state);
    else if (method === "custom")
      this.#tell(
        "msg:custom",
        content,
        buffers.map((buffer) => new DataView(buffer)),
      );
  }

  [JUPYTER_DISPLAY](): unknown {
    const view = { model_id: this.id, version_major: 2, version_minor: 0 };
    return { "text/plain": this.#text(), [VIEW]: view };
  }

  [CUSTOM_INSPECT[0]!](): unknown {
    return this.#text();
  }

  #text(): string {
    const shown = Object.entries(this.#state).filter(([name]) => !name.startsWith("_"));
    return `Widget ${inspect(Object.fromEntries(shown), { depth: 2, items: 6, stringLength: 60 })}`;
  }

  #take(values: State): void {
    const names = Object.keys(values).filter((name) => !Object.is(this.#state[name], values[name]));
    Object.assign(this.#state, values);
    for (const name of names) this.#tell(`change:${name}`, this, this.#state[name]);
    if (names.length > 0) this.#tell("change", this);
  }

  /** Calls listeners as the request that gave them, so that what they print stands below its cell. */
  #tell(name: string, ...values: unknown[]): void {
    const { owner, failed } = this.#parts;
    for (const entry of this.#listeners.slice()) {
      if (entry.name !== name) continue;
      const before = owner.current;
      owner.current = entry.owner;
      try {
        Reflect.apply(entry.listener, undefined, values);
      } catch (error) {
        failed(error, entry.owner);
      } finally {
        owner.current = before;
      }
    }
  }

  #update(values: State): void {
    const { buffers, ...packed } = packState(values, modelName);
    this.#send({ type: "comm_msg", comm: this.id, data: { method: "update", ...packed }, buffers });
  }

  #send(message: CommTraffic): void {
    if (this.#isClosed) return;
    const parent = this.#parts.owner.current;
    this.#parts.send(parent === "" ? message : { ...message, parent });
  }
}

const modelName = (value: object): string | undefined =>
  value instanceof LiveWidget ? `IPY_MODEL_${value.id}` : undefined;
