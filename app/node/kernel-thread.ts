/**
 * The first program of every kernel's Node thread: gives the worker program the part of a browser worker's global scope
 * that it was written for, then loads it. `workerData` is a KernelThreadData.
 */
import { constants, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

/** What a kernel's thread is told when it is made. */
export interface KernelThreadData {
  /** URL of the worker program. */
  readonly program: string;
  /** Folder for what the kernel may want to find again next time. */
  readonly cacheDirectory: string;
  /** The folders (file: URLs ending in "/") that `fetch` may read: what cells want of the disk is in the workspace. */
  readonly readable: readonly string[];
  /** It runs under Node's permission model. */
  readonly isConfined: boolean;
}

const port = parentPort;
if (!port) throw new Error("This program runs in a thread of Node only.");
const data = workerData as KernelThreadData;

if (data.isConfined) {
  // Emscripten reads the numbers of flags in this old way, which the permission model refuses. They are no secret.
  Reflect.set(process, "binding", (name: string) => {
    if (name !== "constants") throw new Error(`There is no process.binding("${name}") here.`);
    return { fs: { ...constants } };
  });
}

type TransferList = Parameters<typeof port.postMessage>[1];
type Listener = (event: { readonly type: string; readonly data: unknown }) => void;
const wrapped = new Map<Listener, (value: unknown) => void>();
const networkFetch = globalThis.fetch;

Object.assign(globalThis, {
  self: globalThis,
  kromaReadSync: (url: string): Uint8Array => new Uint8Array(readFileSync(readablePath(new URL(url)))),
  kromaCacheDirectory: data.cacheDirectory,
  postMessage: (message: unknown, transfer: TransferList | { readonly transfer?: TransferList } = []) => {
    port.postMessage(message, Array.isArray(transfer) ? transfer : (transfer as { transfer?: TransferList }).transfer);
  },
  // Messages wait in the port until the first listener is there, as in a browser.
  addEventListener: (type: string, listener: Listener) => {
    if ((type !== "message" && type !== "messageerror") || wrapped.has(listener)) return;
    const forward = (value: unknown) => listener({ type, data: value });
    wrapped.set(listener, forward);
    port.on(type, forward);
  },
  removeEventListener: (type: string, listener: Listener) => {
    const forward = wrapped.get(listener);
    if (!forward) return;
    wrapped.delete(listener);
    port.off(type, forward);
  },
  close: () => process.exit(0),
  fetch: (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input);
    return url.protocol === "file:" ? fetchFile(url) : networkFetch(input, init);
  },
});

const contentTypes: Readonly<Record<string, string>> = {
  wasm: "application/wasm",
  js: "text/javascript",
  mjs: "text/javascript",
  json: "application/json",
  txt: "text/plain",
  whl: "application/zip",
  zip: "application/zip",
};

function readablePath(url: URL): string {
  if (!data.readable.some((folder) => url.href.startsWith(folder))) {
    throw new TypeError("fetch failed", { cause: new Error("cells read files through the workspace") });
  }
  return fileURLToPath(url);
}

async function fetchFile(url: URL): Promise<Response> {
  const path = readablePath(url);
  try {
    const bytes = await readFile(path);
    const type = contentTypes[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    const response = new Response(bytes, {
      headers: { "content-type": type, "content-length": String(bytes.byteLength) },
    });
    // A made Response has no address, and loaders resolve against it.
    Object.defineProperty(response, "url", { value: url.href });
    return response;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "EISDIR" || code === "ENOTDIR") {
      return new Response(undefined, { status: 404, statusText: "Not Found" });
    }
    throw new TypeError("fetch failed", { cause: error });
  }
}

await import(data.program);
