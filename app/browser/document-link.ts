/**
 * The page's connection to the document worker: a SharedWorker, so that tabs share one truth; a dedicated worker where
 * there is none. The worker starts loading when this is called; what is sent before waits in its port.
 */
import { portChannel, type Channel, type PortLike } from "#core/base/channel.ts";
import { randomId } from "#core/base/ids.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";

/** Opens the connection. `onError` hears when the worker cannot be loaded. */
export function connectDocuments(onError: (message: string) => void): Channel<FromDocument, ToDocument> {
  const hear = (event: Event): void =>
    onError(event instanceof ErrorEvent && event.message ? event.message : "it did not load");
  if (typeof SharedWorker === "function") {
    try {
      const worker = new SharedWorker(new URL("./document.worker.ts", import.meta.url), {
        type: "module",
        name: "kroma-documents",
      });
      worker.addEventListener("error", hear);
      showLife(worker.port);
      return portChannel<FromDocument, ToDocument>(worker.port);
    } catch {
      // Refused (a sandboxed frame, some private modes): a worker of our own does the same for one tab.
    }
  }
  const worker = new Worker(new URL("./document.worker.ts", import.meta.url), {
    type: "module",
    name: "kroma-documents",
  });
  worker.addEventListener("error", hear);
  return portChannel<FromDocument, ToDocument>(worker);
}

/** Holds a lock for as long as the page lives and tells the worker its name: when it is free, the page is gone. */
function showLife(port: PortLike): void {
  if (!("locks" in navigator)) return;
  const lock = `kroma-page:${randomId()}`;
  void navigator.locks.request(lock, () => {
    port.postMessage({ type: "page_lock", lock }, []);
    return new Promise(() => undefined);
  });
}
