/**
 * Serves dist/site and a few pages of the benchmark's own on loopback, from one process, so that Kroma and the bare
 * page it is compared with get their bytes in the same way.
 */
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const site = join(import.meta.dirname, "../../dist/site");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
  ".svg": "image/svg+xml",
};

/** The least that Python in a browser costs: a page whose worker loads Pyodide and runs 1+1. */
const BARE: Readonly<Record<string, string>> = {
  "/bare.html": `<!doctype html><title>bare</title><link rel="icon" href="data:,"><output></output><script>
const worker = new Worker("/bare-worker.mjs", { type: "module" });
worker.onmessage = (event) => { document.querySelector("output").textContent = event.data; window.finished = performance.now(); };
</script>`,
  "/bare-worker.mjs": `import { loadPyodide } from "/assets/pyodide/pyodide.mjs";
const pyodide = await loadPyodide({ indexURL: "/assets/pyodide/" });
globalThis.restartable = pyodide;
postMessage(String(pyodide.runPython("1+1")));
onmessage = (event) => {
  let last = 0;
  pyodide.setStdout({ batched: () => { last = performance.now(); } });
  const started = performance.now();
  pyodide.runPython(event.data);
  postMessage({ ms: performance.now() - started });
};`,
};

export interface BenchServer {
  readonly url: string;
  /** Path to its text: more pages to serve, notebooks for example. */
  readonly pages: Map<string, string>;
  /** Requests answered since the start. */
  requests(): number;
  close(): Promise<void>;
}

/** Starts the server on a free port of 127.0.0.1. */
export async function startServer(): Promise<BenchServer> {
  const pages = new Map(Object.entries(BARE));
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://x").pathname);
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "credentialless");
    response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
    response.setHeader(
      "Content-Type",
      TYPES[extname(path)] ?? (path === "/" ? "text/html" : "application/octet-stream"),
    );
    response.setHeader(
      "Cache-Control",
      path.startsWith("/app/") || path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    );
    const page = pages.get(path);
    if (page !== undefined) {
      response.end(page);
      return;
    }
    const file = join(site, normalize(path === "/" ? "/index.html" : path));
    if (!file.startsWith(site) || !existsSync(file) || statSync(file).isDirectory()) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader("Content-Length", statSync(file).size);
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    pages,
    requests: () => requests,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

/** An .ipynb of one cell per source; a source that starts with %% is of that language. */
export function notebookOf(sources: readonly string[]): string {
  return JSON.stringify({
    cells: sources.map((source, index) => ({
      cell_type: "code",
      execution_count: null,
      id: `cell-${index}`,
      metadata: {},
      outputs: [],
      source,
    })),
    metadata: {
      kernelspec: { display_name: "Python 3", language: "python", name: "python3" },
      language_info: { name: "python" },
    },
    nbformat: 4,
    nbformat_minor: 5,
  });
}
