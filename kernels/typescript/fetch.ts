/**
 * fetch as cells have it: an address without a scheme is a file of the workspace, as it is for an import, and what could
 * not be reached is called by its name, at the line that asked.
 */
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { workspacePath } from "./files.ts";

const TYPES: Readonly<Record<string, string>> = {
  css: "text/css",
  csv: "text/csv",
  gif: "image/gif",
  html: "text/html",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript",
  json: "application/json",
  geojson: "application/geo+json",
  md: "text/markdown",
  mjs: "text/javascript",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  tsv: "text/tab-separated-values",
  txt: "text/plain",
  wasm: "application/wasm",
  webp: "image/webp",
  xml: "application/xml",
};

/** The workspace's path in an address; undefined if the address leads elsewhere. */
function pathIn(address: string): string | undefined {
  const given = /^file:\/\/(\/.*)$/.exec(address)?.[1] ?? address;
  if (/^[a-z][a-z\d+.-]*:/i.test(given) || given.startsWith("//")) return undefined;
  if (given.startsWith("/") && !given.startsWith("/workspace/")) return undefined;
  return decodeURI(given.replace(/[?#].*$/, ""));
}

function fromWorkspace(files: SyncFs, path: string, method: string): Response {
  if (method !== "GET" && method !== "HEAD")
    throw new TypeError(`Files of the workspace can be fetched, not sent to: use kroma.files.write("${path}", …)`);
  const inside = workspacePath(path);
  if (!files.exists(inside)) throw new TypeError(`Cannot reach ${path}: there is no file /workspace/${inside}`);
  const ending = inside.slice(inside.lastIndexOf(".") + 1).toLowerCase();
  const headers = { "content-type": TYPES[ending] ?? "application/octet-stream" };
  const bytes = files.readFile(inside);
  return new Response(method === "HEAD" ? undefined : bytes, {
    headers: { ...headers, "content-length": String(bytes.byteLength) },
  });
}

/** What is known of why a request failed; browsers do not say. */
function reasonOf(error: Error): string {
  const { cause } = error;
  if (cause instanceof Error && cause.message !== "") return cause.message;
  return /^(?:Failed to fetch|fetch failed|NetworkError|Load failed)/.test(error.message)
    ? "there is no network, no such server, or it does not let pages of other sites read it (CORS)"
    : error.message;
}

/** fetch over the host's own. */
export function makeFetch(fetch: typeof globalThis.fetch, connect: () => SyncFs): typeof globalThis.fetch {
  return async (input, init) => {
    const frames = new Error("for its stack").stack?.replace(/^.*\n/, "");
    const address = input instanceof Request ? input.url : String(input);
    const path = pathIn(address);
    if (path !== undefined) {
      const given = init?.method ?? (input instanceof Request ? input.method : "GET");
      return fromWorkspace(connect(), path, given.toUpperCase());
    }
    try {
      return await fetch(input, init);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const message = `Cannot reach ${address}: ${reasonOf(error)}`;
      const failure = new TypeError(message, { cause: error.cause ?? error });
      throw Object.assign(failure, { stack: `TypeError: ${message}\n${frames}` });
    }
  };
}
