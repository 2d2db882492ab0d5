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
import type { MeshHost } from "#core/mesh/mesh-host.ts";
import type { FromMesh, ToMesh } from "#core/mesh/messages.ts";
import { removeOpfsMachine, removeOpfsWorkspace } from "#plugins/opfs/opfs.ts";
import { IndexedDbBlockStore, IndexedDbDocStore } from "#plugins/indexeddb/stores.ts";
import { placeFor, storagePlace } from "#plugins/indexeddb/place.ts";

const store = new IndexedDbDocStore(storagePlace());
const host = new DocumentHost({
  store,
  blocks: new IndexedDbBlockStore(storagePlace()),
  fileBlocks: new IndexedDbBlockStore(placeFor("-files")),
  async purging(document) {
    const root = await storagePlace();
    const gone = [await removeOpfsWorkspace(document, root), await removeOpfsMachine(document, root)];
    if (gone.includes(false)) throw new KromaError("unavailable", "a tab still has its files open");
  },
  async mayReseed(document, isAsked) {
    if ((await store.load(["share", document])) === undefined) return;
    const shared = (await meshHost)?.mesh?.notebook(document);
    if (!shared) throw new KromaError("unavailable", "This notebook is shared, and the others can't be asked yet.");
    await shared.mayReseed(isAsked);
  },
  // A Response is taken and compiled while it streams; the published types do not say so.
  automerge: initializeWasm(fetch(new URL(automergeWasm, import.meta.url)) as unknown as Promise<Uint8Array>),
});

let meshHost: Promise<MeshHost> | undefined;

/** What a page says to the worker itself. */
interface Aside {
  readonly type?: unknown;
  readonly lock?: unknown;
  readonly port?: unknown;
}

function connect(port: PortLike): void {
  const channel = portChannel<ToDocument, FromDocument>(port);
  let lives = true;
  const ended: (() => void)[] = [];
  channel.onClose(() => {
    lives = false;
    for (const end of ended) end();
  });
  /** Loads the mesh when something is shared already, or as soon as the page asks for anything. */
  const openMesh = async (meshPort: MessagePort): Promise<void> => {
    const asked = new Promise((resolve) => meshPort.addEventListener("message", resolve, { once: true }));
    const pageChannel = portChannel<ToMesh, FromMesh>(meshPort);
    ended.push(() => pageChannel.close());
    const isShared = store.loadRange(["share"]).then(
      (shares) => (shares.length > 0 ? true : asked),
      () => asked,
    );
    await Promise.race([isShared, asked]);
    meshHost ??= import("./mesh-host.worker.ts").then(({ startMeshHost }) => startMeshHost(host, store));
    const started = await meshHost;
    if (lives) started.connect(pageChannel);
  };
  port.addEventListener("message", ({ data: { type, lock, port: other } }: MessageEvent<Aside>) => {
    // A port does not tell when its page dies; the lock that the page holds for as long as it lives does.
    if (type === "page_lock" && typeof lock === "string") void navigator.locks.request(lock, () => channel.close());
    if (type === "mesh_port" && other instanceof MessagePort) void openMesh(other);
  });
  host.connect(channel);
}

if ("onconnect" in self) {
  self.addEventListener("connect", (event) => {
    for (const port of (event as MessageEvent).ports) connect(port);
  });
} else connect(self as unknown as PortLike);
