/**
 * The part of a widget that runs in its frame: loads the widget's module and gives it `model` and `el` as anywidget
 * does (https://anywidget.dev/en/afm/). `widgetProgram` travels as text, so it must not use anything outside itself.
 */
import type { State } from "./buffers.ts";
import type { FromWidgetFrame, ToWidgetFrame } from "./frame-messages.ts";

interface Bridge {
  send(message: FromWidgetFrame, transfer?: Transferable[]): void;
  receive(listener: (message: ToWidgetFrame) => void): void;
}
type Callback = (...values: unknown[]) => void;
type Cleanup = (() => unknown) | undefined | void;
interface WidgetModule {
  readonly initialize?: (context: unknown) => Cleanup | Promise<Cleanup>;
  readonly render?: (context: unknown) => Cleanup | Promise<Cleanup>;
}

/** Runs in the frame, where `window.kroma` is the way to the page (see app/kit/frame.ts). */
export function widgetProgram(): void {
  const bridge = (window as unknown as { kroma: Bridge }).kroma;
  const models = new Map<string, ReturnType<typeof makeModel>>();
  const requests = new Map<number, { resolve: (model: unknown) => void; reject: (error: Error) => void }>();
  const cleanups: (() => unknown)[] = [];
  let lastRequest = 0;
  let turn: Promise<unknown> = Promise.resolve();

  function makeModel(id: string, first: State) {
    let state: Record<string, unknown> = { ...first };
    let changed: Record<string, unknown> = {};
    const listeners: { name: string; callback: Callback; context: unknown }[] = [];
    const emit = (name: string, ...values: unknown[]) => {
      for (const entry of listeners.slice()) {
        if (entry.name !== name) continue;
        try {
          entry.callback.apply(entry.context, values);
        } catch (error) {
          fail(error);
        }
      }
    };
    const announce = (keys: readonly string[]) => {
      for (const key of keys) emit(`change:${key}`, model, state[key]);
      if (keys.length > 0) emit("change", model);
    };
    const model = {
      get: (key: string) => state[key],
      set(key: string | Record<string, unknown>, value?: unknown) {
        const values = typeof key === "string" ? { [key]: value } : key;
        const keys = Object.keys(values).filter((name) => !Object.is(state[name], values[name]));
        state = { ...state, ...values };
        for (const name of Object.keys(values)) changed[name] = values[name];
        announce(keys);
      },
      save_changes() {
        const values = changed;
        changed = {};
        if (Object.keys(values).length > 0) bridge.send({ type: "change", model: id, state: values });
      },
      on(names: string, callback: Callback, context?: unknown) {
        for (const name of names.split(/\s+/)) listeners.push({ name, callback, context });
        return model;
      },
      off(names?: string | null, callback?: Callback | null, context?: unknown) {
        const wanted = names?.split(/\s+/);
        for (let at = listeners.length - 1; at >= 0; at -= 1) {
          const entry = listeners[at]!;
          const isMeant =
            (!wanted || wanted.includes(entry.name)) &&
            (!callback || callback === entry.callback) &&
            (context === undefined || context === null || context === entry.context);
          if (isMeant) listeners.splice(at, 1);
        }
        return model;
      },
      send(content: unknown, _callbacks?: unknown, buffers: readonly (ArrayBuffer | ArrayBufferView)[] = []) {
        const copies = buffers.map((item) => {
          const bytes = ArrayBuffer.isView(item)
            ? new Uint8Array(item.buffer, item.byteOffset, item.byteLength)
            : new Uint8Array(item);
          return bytes.slice().buffer as ArrayBuffer;
        });
        bridge.send({ type: "custom", model: id, content, buffers: copies }, copies);
      },
      widget_manager: { get_model: getModel },
    };
    return {
      model,
      change(values: State) {
        const keys = Object.keys(values);
        state = { ...state, ...values };
        // What the kernel says last counts, so a pending change of the same value is dropped.
        for (const key of keys) delete changed[key];
        announce(keys);
      },
      custom(content: unknown, buffers: readonly ArrayBuffer[]) {
        emit(
          "msg:custom",
          content,
          buffers.map((buffer) => new DataView(buffer)),
        );
      },
    };
  }

  function getModel(id: string): Promise<unknown> {
    const plain = id.replace(/^IPY_MODEL_/, "");
    const known = models.get(plain);
    if (known) return Promise.resolve(known.model);
    lastRequest += 1;
    const request = lastRequest;
    return new Promise((resolve, reject) => {
      requests.set(request, { resolve, reject });
      bridge.send({ type: "get_model", request, model: plain });
    });
  }

  /** anywidget's way to call a Python method and wait for what it returns. */
  function makeInvoke(entry: ReturnType<typeof makeModel>) {
    return (
      name: string,
      message?: unknown,
      options: { buffers?: readonly ArrayBuffer[]; signal?: AbortSignal } = {},
    ) => {
      const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
      const signal = options.signal ?? AbortSignal.timeout(3000);
      return new Promise((resolve, reject) => {
        const stop = () => {
          entry.model.off("msg:custom", hear as Callback);
          reject(new Error(`${name} was not answered`));
        };
        const hear = (content: { id?: string; kind?: string; response?: unknown }, buffers: unknown) => {
          if (content?.id !== id || content.kind !== "anywidget-command-response") return;
          signal.removeEventListener("abort", stop);
          entry.model.off("msg:custom", hear as Callback);
          resolve([content.response, buffers]);
        };
        signal.addEventListener("abort", stop, { once: true });
        entry.model.on("msg:custom", hear as Callback);
        entry.model.send({ id, kind: "anywidget-command", name, msg: message }, undefined, options.buffers ?? []);
      });
    };
  }

  function fail(error: unknown): void {
    bridge.send({
      type: "failed",
      message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    });
  }

  function setStyle(text: unknown): void {
    document.getElementById("widget-style")?.remove();
    if (typeof text !== "string" || text === "") return;
    const isAddress = /^https:\/\/\S+$/.test(text);
    const style = document.createElement(isAddress ? "link" : "style");
    style.id = "widget-style";
    if (style instanceof HTMLLinkElement) {
      style.rel = "stylesheet";
      style.href = text;
    } else style.textContent = text;
    document.head.append(style);
  }

  async function loadModule(code: string): Promise<WidgetModule> {
    const isAddress = /^https:\/\/\S+$/.test(code);
    const address = isAddress ? code : URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    // Not `import(…)` itself: a bundler would rewrite it, and this function runs from its text.
    // oxlint-disable-next-line typescript/no-implied-eval -- the text is ours, and the frame is the sandbox
    const load = new Function("address", "return import(address)") as (
      address: string,
    ) => Promise<Record<string, unknown>>;
    try {
      const loaded = await load(address);
      const main = loaded["default"];
      if (typeof main === "function") return (await (main as () => unknown)()) as WidgetModule;
      return (main ?? loaded) as WidgetModule;
    } finally {
      if (!isAddress) URL.revokeObjectURL(address);
    }
  }

  async function clean(): Promise<void> {
    for (const cleanup of cleanups.splice(0).toReversed()) {
      try {
        await cleanup();
      } catch (error) {
        fail(error);
      }
    }
    document.body.replaceChildren();
  }

  async function draw(id: string): Promise<void> {
    const entry = models.get(id);
    if (!entry) return;
    await clean();
    const code = entry.model.get("_esm");
    if (typeof code !== "string") throw new Error("The widget has no _esm to run.");
    setStyle(entry.model.get("_css"));
    const widget = await loadModule(code);
    const experimental = { invoke: makeInvoke(entry) };
    const controller = new AbortController();
    cleanups.push(() => controller.abort());
    const shared = { model: entry.model, experimental, signal: controller.signal };
    const keep = (cleanup: Cleanup) => {
      if (typeof cleanup === "function") cleanups.push(cleanup);
    };
    keep(await widget.initialize?.(shared));
    const el = document.createElement("div");
    document.body.append(el);
    if (widget.render) keep(await widget.render({ ...shared, el }));
    else if (!widget.initialize) throw new Error("The widget's module exports neither render nor initialize.");
    bridge.send({ type: "drawn" });
  }

  const drawNext = (id: string) => {
    turn = turn.then(() => draw(id)).catch(fail);
  };
  addEventListener("error", (event) => fail(event.error ?? event.message));
  addEventListener("unhandledrejection", (event) => fail(event.reason));
  let shown = "";
  bridge.receive((message) => {
    if (message.type === "start") {
      shown = message.model;
      models.set(shown, makeModel(shown, message.state));
      drawNext(shown);
    } else if (message.type === "change") {
      const entry = models.get(message.model);
      entry?.change(message.state);
      if (entry && message.model === shown && "_esm" in message.state) drawNext(shown);
      else if (entry && message.model === shown && "_css" in message.state) setStyle(entry.model.get("_css"));
    } else if (message.type === "custom") models.get(message.model)?.custom(message.content, message.buffers);
    else if (message.type === "model") {
      const request = requests.get(message.request);
      requests.delete(message.request);
      if (!message.state) return request?.reject(new Error(`There is no widget model ${message.model}`));
      const entry = models.get(message.model) ?? makeModel(message.model, message.state);
      models.set(message.model, entry);
      request?.resolve(entry.model);
    } else turn = turn.then(clean);
    return undefined;
  });
  bridge.send({ type: "ready" });
}
