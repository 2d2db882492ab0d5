/** A document host over IndexedDB in a worker of its own, as the app runs one. */
import * as Automerge from "@automerge/automerge/slim";
import wasmUrl from "@automerge/automerge/automerge.wasm?url";
import { portChannel } from "#core/base/channel.ts";
import { DocumentHost } from "#core/notebook/host.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";
import { IndexedDbBlockStore, IndexedDbDocStore } from "#plugins/indexeddb/stores.ts";

const name = new URL(self.location.href).searchParams.get("database") ?? "kroma-test";
const host = new DocumentHost({
  store: new IndexedDbDocStore(name),
  blocks: new IndexedDbBlockStore(name),
  fileBlocks: new IndexedDbBlockStore("kroma-files"),
  automerge: Automerge.initializeWasm(wasmUrl),
});

self.addEventListener("message", (event: MessageEvent<MessagePort>) => {
  host.connect(portChannel<ToDocument, FromDocument>(event.data));
});
