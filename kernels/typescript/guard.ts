/**
 * The worker's global scope, made ready for strangers' code: the pipe to the page is taken out of reach, Node is hidden
 * (cells are the same in a browser and headless), timers and requests are known by the cell that started them, and for a
 * notebook that came from elsewhere the powers of this origin are given up.
 */

/** What the kernel keeps for itself. */
export interface Host {
  readonly post: (message: unknown, transfer?: Transferable[]) => void;
  readonly setTimeout: (callback: () => void, milliseconds: number) => unknown;
  readonly now: () => number;
  readonly fetch: typeof fetch;
}

/** Who the running code belongs to; work that it starts keeps the owner. */
export interface Ownership {
  /** The request whose code runs now. */
  current: string;
}

interface NodeProcess {
  on(event: "unhandledRejection" | "uncaughtException", listener: (error: unknown) => void): void;
}
type Timer = (callback: unknown, milliseconds?: number, ...values: unknown[]) => unknown;

const scope = globalThis as unknown as Record<string, unknown>;
const prototypes = (): object[] => {
  const found: object[] = [];
  for (
    let object: object | null = globalThis;
    object && object !== Object.prototype;
    object = Object.getPrototypeOf(object) as object | null
  )
    found.push(object);
  return found;
};

/** Takes a name away from the global object and all it inherits from. */
function remove(name: string): void {
  for (const object of prototypes()) {
    if (!Object.hasOwn(object, name)) continue;
    if (!Reflect.deleteProperty(object, name))
      Object.defineProperty(object, name, { value: undefined, writable: false });
  }
}

function replace(name: string, value: unknown): void {
  remove(name);
  Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
}

/** Takes what the kernel needs before user code can change it. */
export function takeHost(): Host {
  const post = (scope["postMessage"] as (message: unknown, transfer: Transferable[]) => void).bind(globalThis);
  const clock = performance.now.bind(performance);
  const later = setTimeout.bind(globalThis);
  return {
    post: (message, transfer = []) => post(message, transfer),
    setTimeout: later,
    now: clock,
    fetch: fetch.bind(globalThis),
  };
}

/** Calls `failed` for what was thrown where nobody waits for it. */
export function watchFailures(failed: (error: unknown) => void): void {
  const node = scope["process"] as NodeProcess | undefined;
  if (typeof node?.on === "function") {
    node.on("unhandledRejection", failed);
    node.on("uncaughtException", failed);
    return;
  }
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    failed(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    failed(event.error ?? event.message);
  });
}

/** Names of Node's that a browser's worker does not have; its own fetch needs Buffer and setImmediate to stay. */
const NODE_NAMES = [
  "process",
  "global",
  "require",
  "module",
  "exports",
  "__filename",
  "__dirname",
  "kromaReadSync",
  "kromaCacheDirectory",
];
/** Storage, other workers and channels of the origin. */
const POWERS = [
  "indexedDB",
  "caches",
  "cookieStore",
  "localStorage",
  "sessionStorage",
  "BroadcastChannel",
  "Worker",
  "SharedWorker",
  "importScripts",
  "XMLHttpRequest",
  "Notification",
  "PushManager",
  "WebSocketStream",
  "requestFileSystem",
  "requestFileSystemSync",
  "webkitRequestFileSystem",
  "webkitRequestFileSystemSync",
  "webkitResolveLocalFileSystemURL",
  "webkitResolveLocalFileSystemSyncURL",
  "StorageManager",
  "FileSystemDirectoryHandle",
  "FileSystemFileHandle",
  "CacheStorage",
  "Cache",
  "IDBFactory",
];
const NAVIGATOR_POWERS = [
  "storage",
  "storageBuckets",
  "locks",
  "serviceWorker",
  "permissions",
  "serial",
  "usb",
  "hid",
  "mediaCapabilities",
];

/** Puts the pipe to the page out of reach. `listener` gets the page's messages and nobody else's. */
export function guardPipe(listener: (message: unknown) => void): void {
  (globalThis as unknown as EventTarget).addEventListener("message", (event) => {
    if (event.isTrusted === false) return; // made by a cell
    listener((event as MessageEvent).data);
  });
  const add = typeof EventTarget === "function" ? EventTarget.prototype.addEventListener : undefined;
  if (add && globalThis instanceof EventTarget) {
    EventTarget.prototype.addEventListener = function (this: EventTarget, type: string, ...rest: never[]): void {
      const isPipe =
        (this === undefined || this === (globalThis as unknown)) && (type === "message" || type === "messageerror");
      if (!isPipe) Reflect.apply(add, this ?? globalThis, [type, ...rest]);
    };
  } else {
    replace("addEventListener", () => undefined);
    replace("removeEventListener", () => undefined);
  }
  const refuse = (name: string) => () => {
    throw new Error(`${name}() is not for cells: use display() to show something, kroma.set() to hand a value on`);
  };
  replace("postMessage", refuse("postMessage"));
  replace("close", refuse("close"));
  for (const name of ["onmessage", "onmessageerror", "onerror", "onunhandledrejection"]) replace(name, undefined);
}

/** Node's own code reads this global, so it must stay; code of cells is compiled so that it does not see it. */
export const hiddenNames = (): readonly string[] =>
  ["Buffer", "setImmediate", "clearImmediate"].filter((name) => name in globalThis);

/** Hides Node. What the kernel loaded before keeps what it has. */
export function hideNode(): void {
  for (const name of NODE_NAMES) remove(name);
}

/** Gives up this origin's powers; there is no way back in this worker. */
export function giveUpPowers(): void {
  for (const name of POWERS) remove(name);
  const navigator = scope["navigator"] as object | undefined;
  for (
    let object: object | null | undefined = navigator;
    object && object !== Object.prototype;
    object = Object.getPrototypeOf(object) as object | null
  ) {
    for (const name of NAVIGATOR_POWERS) {
      if (Object.hasOwn(object, name) && !Reflect.deleteProperty(object, name))
        Object.defineProperty(object, name, { value: undefined });
    }
  }
}

/** Timers and requests that know whose they are. */
export class Work {
  readonly #owner: Ownership;
  /** By what the engine calls them: numbers in a browser, objects in Node. */
  readonly #timers = new Map<unknown, { readonly owner: string; readonly clear: (handle: unknown) => void }>();
  readonly #aborts = new Map<string, AbortController>();

  constructor(owner: Ownership) {
    this.#owner = owner;
  }

  /** Puts timers and fetch of its own in the place of the scope's. */
  install(host: Host): void {
    const clearTimer = (scope["clearTimeout"] as (handle: unknown) => void).bind(globalThis);
    const clearRepeat = (scope["clearInterval"] as (handle: unknown) => void).bind(globalThis);
    replace("setTimeout", this.#timer((scope["setTimeout"] as Timer).bind(globalThis), clearTimer, true));
    replace("setInterval", this.#timer((scope["setInterval"] as Timer).bind(globalThis), clearRepeat, false));
    replace("clearTimeout", (handle: unknown) => this.#clear(handle, clearTimer));
    replace("clearInterval", (handle: unknown) => this.#clear(handle, clearRepeat));
    replace("fetch", (input: RequestInfo | URL, init?: RequestInit) => {
      const cell = this.#signal(this.#owner.current);
      const given = init?.signal ?? (input instanceof Request ? input.signal : undefined);
      return host.fetch(input, { ...init, signal: given ? AbortSignal.any([given, cell]) : cell });
    });
  }

  /** Ends all that a request's code has started and that can be ended. */
  cancel(owner: string): void {
    for (const [handle, timer] of this.#timers) if (timer.owner === owner) this.#clear(handle, timer.clear);
    this.#aborts.get(owner)?.abort(new DOMException("The cell was interrupted", "AbortError"));
    this.#aborts.delete(owner);
  }

  #signal(owner: string): AbortSignal {
    let abort = this.#aborts.get(owner);
    if (!abort) {
      // Only the newest can still be interrupted.
      this.#aborts.clear();
      abort = new AbortController();
      this.#aborts.set(owner, abort);
    }
    return abort.signal;
  }

  #timer(start: Timer, stop: (handle: unknown) => void, once: boolean): Timer {
    return (callback, milliseconds, ...values) => {
      if (typeof callback !== "function") throw new TypeError("A timer needs a function to call");
      const owner = this.#owner.current;
      const handle = start(() => {
        if (once) this.#timers.delete(handle);
        const before = this.#owner.current;
        this.#owner.current = owner;
        try {
          Reflect.apply(callback as () => void, undefined, values);
        } finally {
          this.#owner.current = before;
        }
      }, milliseconds);
      this.#timers.set(handle, { owner, clear: stop });
      this.#letGo(handle);
      return handle;
    };
  }

  /** Node's own code sets timers too, and unrefs them: those are no cell's, and must outlive its interrupt. */
  #letGo(handle: unknown): void {
    if (typeof handle !== "object" || handle === null) return;
    const timer = handle as { unref?: () => unknown };
    const unref = timer.unref?.bind(handle);
    if (!unref) return;
    timer.unref = () => {
      this.#timers.delete(handle);
      return unref();
    };
  }

  #clear(handle: unknown, stop: (handle: unknown) => void): void {
    const key = typeof handle === "string" ? Number(handle) : handle;
    this.#timers.delete(key);
    stop(key);
  }
}
