/**
 * The page's connection to the document worker: a SharedWorker, so that tabs share one truth; a dedicated worker where
 * there is none. The worker starts loading when this is called; what is sent before waits in its port.
 */
import { portChannel, type Channel, type PortLike } from "#core/base/channel.ts";
import { randomId } from "#core/base/ids.ts";
import type { FromMesh, ToMesh } from "#core/mesh/messages.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";

/** The connection, and the worker's port for what else is said to it. */
export interface DocumentLink {
  readonly channel: Channel<FromDocument, ToDocument>;
  /** A channel to the mesh. Only once the worker has answered: a port that was sent to one that is refused is lost. */
  openMesh(): Channel<FromMesh, ToMesh>;
}

/** Opens the connection. `onError` hears when the worker cannot be loaded. */
export function connectDocuments(onError: (message: string) => void): DocumentLink {
  const startOwn = (): Worker => {
    const worker = new Worker(new URL("./document.worker.ts", import.meta.url), {
      type: "module",
      name: "kroma-documents",
    });
    worker.addEventListener("error", (event) => onError(event.message || "it did not load"));
    return worker;
  };
  if (typeof SharedWorker === "function") {
    try {
      const worker = new SharedWorker(new URL("./document.worker.ts", import.meta.url), {
        type: "module",
        name: "kroma-documents",
      });
      showLife(worker.port);
      return linkOver(sharedPort(worker, startOwn, onError));
    } catch {
      // Refused (a sandboxed frame, some private modes): a worker of our own does the same for one tab.
    }
  }
  return linkOver(startOwn());
}

function linkOver(port: PortLike): DocumentLink {
  return {
    channel: portChannel<FromDocument, ToDocument>(port),
    openMesh() {
      const { port1, port2 } = new MessageChannel();
      port.postMessage({ type: "mesh_port", port: port2 }, [port2]);
      return portChannel<FromMesh, ToMesh>(port1);
    },
  };
}

/**
 * The port of a shared worker. One that is refused only after it was made, as where the browser denies storage, never
 * says a word: then a worker of our own takes its place and gets what was sent so far.
 */
function sharedPort(shared: SharedWorker, startOwn: () => Worker, onError: (message: string) => void): PortLike {
  const listeners = new Set<(event: MessageEvent) => void>();
  let unanswered: unknown[] | undefined = [];
  const hear = (event: MessageEvent): void => {
    unanswered = undefined;
    for (const listener of listeners) listener(event);
  };
  let port: PortLike = shared.port;
  port.addEventListener("message", hear);
  shared.addEventListener("error", (event) => {
    if (!unanswered) {
      onError(event instanceof ErrorEvent && event.message ? event.message : "it stopped");
      return;
    }
    port = startOwn();
    port.addEventListener("message", hear);
    for (const message of unanswered) port.postMessage(message, []);
    unanswered = undefined;
  });
  return {
    postMessage(message, transfer) {
      unanswered?.push(message);
      port.postMessage(message, transfer);
    },
    addEventListener: (_type, listener) => void listeners.add(listener),
    removeEventListener: (_type, listener) => void listeners.delete(listener),
    start: () => port.start?.(),
    close: () => port.close?.(),
  };
}

/** Holds a lock for as long as the page lives and tells the worker its name: when it is free, the page is gone. */
function showLife(port: PortLike): void {
  if (!("locks" in navigator)) return;
  const lock = `kroma-page:${randomId()}`;
  navigator.locks
    .request(lock, () => {
      port.postMessage({ type: "page_lock", lock }, []);
      return new Promise(() => undefined);
    })
    // Denied together with storage, as is the shared worker that would want to know.
    .catch(() => undefined);
}
