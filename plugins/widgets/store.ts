/**
 * The widget models of one notebook as the page knows them: listens from the start, so that a view that is drawn later,
 * twice, or again after scrolling finds its model. Plain data; it never runs what a widget brings.
 *
 * It is itself a Channel of the same traffic, so the page can make one per session and give it to the renderers:
 * `const comms = new WidgetStore(session.comms)` as `RenderContext.comms`.
 */
import type { Channel } from "#core/base/channel.ts";
import type { CommClose, CommMessage, CommOpen } from "#core/kernel/messages.ts";
import { putBuffers, takeBuffers, type Path, type State } from "./buffers.ts";

export type CommTraffic = CommOpen | CommMessage | CommClose;

/** What happens to a model. */
export type ModelEvent =
  /** `by`: the view that made the change, undefined when the kernel did. */
  | { readonly type: "change"; readonly state: State; readonly by: unknown }
  | { readonly type: "custom"; readonly content: unknown; readonly buffers: readonly ArrayBuffer[] }
  | { readonly type: "close" };

/** One widget model. `state` holds DataViews where the kernel sent bytes. */
export interface WidgetModel {
  readonly id: string;
  readonly state: State;
  readonly isClosed: boolean;
  /** Hears what happens from now on; returns the way to stop. */
  on(listener: (event: ModelEvent) => void): () => void;
}

const TARGETS: ReadonlySet<string> = new Set(["jupyter.widget", "jupyter.widget.control"]);

class Model implements WidgetModel {
  readonly id: string;
  state: State;
  isClosed = false;
  readonly #listeners = new Set<(event: ModelEvent) => void>();

  constructor(id: string, state: State) {
    this.id = id;
    this.state = state;
  }

  on(listener: (event: ModelEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(event: ModelEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** All models of one session. */
export class WidgetStore implements Channel<CommTraffic, CommTraffic> {
  readonly #comms: Channel<CommTraffic, CommTraffic>;
  readonly #models = new Map<string, Model>();
  readonly #waiting = new Map<string, Set<(model: WidgetModel) => void>>();
  readonly #stop: () => void;

  constructor(comms: Channel<CommTraffic, CommTraffic>) {
    this.#comms = comms;
    this.#stop = comms.receive((message) => this.#apply(message));
  }

  /** The model, if it is known and its kernel alive. */
  get(id: string): WidgetModel | undefined {
    return this.#models.get(id);
  }

  /**
   * The model once it is known; asks the kernel for its state when it is not. Never rejects: a model that its kernel
   * does not have any more is simply not there, so give an AbortSignal.
   */
  find(id: string, signal: AbortSignal): Promise<WidgetModel | undefined> {
    const known = this.#models.get(id);
    if (known || signal.aborted) return Promise.resolve(known);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const found = (model: WidgetModel | undefined) => {
        waiting.delete(found);
        resolve(model);
      };
      waiting.add(found);
      signal.addEventListener("abort", () => found(undefined), { once: true });
      this.#comms.send({ type: "comm_msg", comm: id, data: { method: "request_state" } });
    });
  }

  /** A view changed some values: the kernel and the other views are told. */
  change(id: string, changes: State, by: unknown): void {
    const model = this.#models.get(id);
    if (!model || model.isClosed) return;
    model.state = { ...model.state, ...changes };
    const { state, paths, buffers } = takeBuffers(changes);
    this.#comms.send(
      { type: "comm_msg", comm: id, data: { method: "update", state, buffer_paths: paths }, buffers },
      buffers,
    );
    model.tell({ type: "change", state: changes, by });
  }

  /** A view's own message to its kernel side. */
  custom(id: string, content: unknown, buffers: readonly ArrayBuffer[]): void {
    const model = this.#models.get(id);
    if (!model || model.isClosed) return;
    this.#comms.send({ type: "comm_msg", comm: id, data: { method: "custom", content }, buffers }, buffers);
  }

  send(message: CommTraffic, transfer?: readonly Transferable[]): void {
    this.#comms.send(message, transfer);
  }

  receive(listener: (message: CommTraffic) => void): () => void {
    return this.#comms.receive(listener);
  }

  onClose(listener: (reason?: string) => void): () => void {
    return this.#comms.onClose(listener);
  }

  /** Stops listening; the session's own channel stays as it is. */
  close(): void {
    this.#stop();
    for (const model of this.#models.values()) {
      model.isClosed = true;
      model.tell({ type: "close" });
    }
    this.#models.clear();
  }

  #apply(message: CommTraffic): void {
    if (message.type === "comm_open") {
      if (!TARGETS.has(message.target)) return;
      const { state = {}, buffer_paths = [] } = readData(message.data);
      const old = this.#models.get(message.comm);
      const full = putBuffers(state, buffer_paths, message.buffers ?? []);
      if (old) this.#changed(old, full);
      else this.#add(message.comm, full);
      return;
    }
    const model = this.#models.get(message.comm);
    if (message.type === "comm_close") {
      if (!model) return;
      this.#models.delete(message.comm);
      model.isClosed = true;
      model.tell({ type: "close" });
      return;
    }
    const { method, state = {}, buffer_paths = [], content } = readData(message.data);
    // An echo_update repeats what this page has sent; there is only one page per kernel.
    if (method === "update") {
      const full = putBuffers(state, buffer_paths, message.buffers ?? []);
      if (model) this.#changed(model, full);
      else if (this.#waiting.has(message.comm)) this.#add(message.comm, full);
    } else if (method === "custom") model?.tell({ type: "custom", content, buffers: message.buffers ?? [] });
  }

  #add(id: string, state: State): void {
    const model = new Model(id, state);
    this.#models.set(id, model);
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const found of waiting) found(model);
  }

  #changed(model: Model, changes: State): void {
    model.state = { ...model.state, ...changes };
    model.tell({ type: "change", state: changes, by: undefined });
  }
}

const stores = new WeakMap<Channel<CommTraffic, CommTraffic>, WidgetStore>();

/** The store behind a renderer's `comms`: the one the page made, or one made now, which then asks for each state. */
export function storeOf(comms: Channel<CommTraffic, CommTraffic>): WidgetStore {
  if (comms instanceof WidgetStore) return comms;
  let store = stores.get(comms);
  if (!store) {
    store = new WidgetStore(comms);
    stores.set(comms, store);
  }
  return store;
}

interface WidgetData {
  readonly method?: string;
  readonly state?: State;
  readonly buffer_paths?: readonly Path[];
  readonly content?: unknown;
}

/** Kernels run what users write, so nothing is taken for granted about the shape. */
function readData(data: unknown): WidgetData {
  if (typeof data !== "object" || data === null) return {};
  const value = data as Record<string, unknown>;
  const state = typeof value["state"] === "object" && value["state"] !== null ? (value["state"] as State) : {};
  const paths = Array.isArray(value["buffer_paths"])
    ? (value["buffer_paths"] as Path[]).filter((path) => Array.isArray(path))
    : [];
  return {
    ...(typeof value["method"] === "string" ? { method: value["method"] } : {}),
    state,
    buffer_paths: paths,
    content: value["content"],
  };
}
