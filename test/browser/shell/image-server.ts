/** A Vite plug-in for the browser tests: serves the built Linux image at /assets/vm/, as `kroma serve` does. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Plugin } from "vite";
import { cacheFolder } from "#app/node/paths.ts";
import { findImage } from "#vm-images/exchange/ensure.ts";

const PREFIX = "/assets/vm/";

/** Serves the image of the present recipe; 404 while there is none. */
export function linuxImage(): Plugin {
  return {
    name: "kroma-linux-image",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const path = (request.url ?? "").split("?")[0] ?? "";
        if (!path.startsWith(PREFIX) || path.includes("..")) return next();
        void findImage(cacheFolder())
          .then((folder) => readFile(join(folder ?? "/nonexistent", path.slice(PREFIX.length))))
          .then(
            (bytes) => {
              response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
              response.end(bytes);
            },
            () => {
              response.statusCode = 404;
              response.end();
            },
          );
      });
    },
  };
}
