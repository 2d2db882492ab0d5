/** How the page is built: one app under any path, workers as modules, nothing from outside. */
import { resolve } from "node:path";
import { defaultClientConditions, defineConfig, type Plugin } from "vite";
import solid from "vite-plugin-solid";

/** Headers that give the page SharedArrayBuffer; the same ones `kroma serve` sends. */
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "credentialless",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/**
 * SQLite runs in the worker that reads a file, from a copy in its memory: the further workers that its program would start for
 * files in the browser's private file system stay out of the build.
 */
const sqliteAlone: Plugin = {
  name: "sqlite-alone",
  transform(code, id) {
    if (!id.includes("@sqlite.org/sqlite-wasm/dist/index.mjs")) return undefined;
    return code.replaceAll(
      /new URL\("sqlite3-(?:opfs-async-proxy\.js|worker1\.mjs)", import\.meta\.url\)/g,
      "undefined",
    );
  },
};

export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [solid()],
  resolve: {
    // Its WebAssembly is one of the site's assets, not a second copy in the bundle.
    conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions],
    // Transformers.js asks for the one with WebGPU, whose WebAssembly is another and is not served.
    alias: { "onnxruntime-web/webgpu": "onnxruntime-web/wasm" },
  },
  worker: { format: "es", plugins: () => [sqliteAlone] },
  build: {
    outDir: resolve(import.meta.dirname, "dist/site"),
    emptyOutDir: false,
    assetsDir: "app",
    target: "es2023",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4096,
    rolldownOptions: {
      input: {
        index: resolve(import.meta.dirname, "index.html"),
        "service-worker": resolve(import.meta.dirname, "app/browser/service.worker.ts"),
      },
      // A service worker governs what is below its own address, so it stands at the root and under a lasting name.
      output: { entryFileNames: ({ name }) => (name === "service-worker" ? "[name].js" : "app/[name]-[hash].js") },
    },
  },
  server: { headers: isolation },
  preview: { headers: isolation },
});
