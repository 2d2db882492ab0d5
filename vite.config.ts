/** How the page is built: one app under any path, workers as modules, nothing from outside. */
import { resolve } from "node:path";
import { defineConfig } from "vite";
import solid from "vite-plugin-solid";

/** Headers that give the page SharedArrayBuffer; the same ones `kroma serve` sends. */
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "credentialless",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [solid()],
  worker: { format: "es" },
  build: {
    outDir: resolve(import.meta.dirname, "dist/site"),
    emptyOutDir: false,
    assetsDir: "app",
    target: "es2023",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4096,
  },
  server: { headers: isolation },
  preview: { headers: isolation },
});
