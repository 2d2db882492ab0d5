/**
 * Puts DuckDB into the site: the engine, and one program for pages and Node that drives it. What a page loads is
 * duckdb-wasm's own program for browsers, which no import can reach by name, with the Arrow it wants bundled into it.
 */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

/** Fills `<assets>/duckdb`. */
export async function buildSqlAssets(modules: string, assets: string): Promise<void> {
  const [from, to] = [join(modules, "@duckdb/duckdb-wasm/dist"), join(assets, "duckdb")];
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  await build({
    configFile: false,
    root: from,
    logLevel: "error",
    publicDir: false,
    build: {
      outDir: to,
      emptyOutDir: true,
      target: "es2023",
      modulePreload: false,
      reportCompressedSize: false,
      chunkSizeWarningLimit: 4096,
      rolldownOptions: {
        input: { duckdb: join(from, "duckdb-browser-blocking.mjs") },
        preserveEntrySignatures: "strict",
        output: { format: "es", entryFileNames: "[name].js", codeSplitting: false },
      },
    },
  });
  cpSync(join(from, "duckdb-eh.wasm"), join(to, "duckdb-eh.wasm"));
}
