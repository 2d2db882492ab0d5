/**
 * The document worker: one for all tabs. Holds every notebook, Automerge and storage. It answers as soon as it can:
 * Automerge's WebAssembly loads in the background, and the host says by itself what has to wait for it.
 */
import { initializeWasm } from "@automerge/automerge/slim";
import automergeWasm from "@automerge/automerge/automerge.wasm?url";
import { portChannel, type PortLike } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import { DocumentHost } from "#core/notebook/host.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";
import { removeOpfsMachine, removeOpfsWorkspace } from "#plugins/opfs/opfs.ts";
import { IndexedDbBlockStore, IndexedDbDocStore } from "#plugins/indexeddb/stores.ts";

const host = new DocumentHost({
  store: new IndexedDbDocStore("kroma"),
  blocks: new IndexedDbBlockStore("kroma"),
  async purging(document) {
    const gone = [await removeOpfsWorkspace(document), await removeOpfsMachine(document)];
    if (gone.includes(false)) throw new KromaError("unavailable", "a tab still has its files open");
  },
  // A Response is taken and compiled while it streams; the published types do not say so.
  automerge: initializeWasm(fetch(new URL(automergeWasm, import.meta.url)) as unknown as Promise<Uint8Array>),
});

function connect(port: PortLike): void {
  const channel = portChannel<ToDocument, FromDocument>(port);
  // A port does not tell when its page dies; the lock that the page holds for as long as it lives does.
  port.addEventListener("message", (event: MessageEvent<{ readonly type?: unknown; readonly lock?: unknown }>) => {
    const { type, lock } = event.data;
    if (type === "page_lock" && typeof lock === "string") void navigator.locks.request(lock, () => channel.close());
  });
  host.connect(channel);
}

if ("onconnect" in self) {
  self.addEventListener("connect", (event) => {
    for (const port of (event as MessageEvent).ports) connect(port);
  });
} else connect(self as unknown as PortLike);
