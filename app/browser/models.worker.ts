/** The worker in which models run and are kept: the engine, on the browser's private file system. */
import type { HubToken } from "#core/store/fetched.ts";
import { ModelStore } from "#plugins/models/model-store.ts";
import { opfsFiles } from "#plugins/models/opfs-files.ts";
import { tokenFor, withTokens } from "#plugins/models/tokens.ts";
import { startPageEngine } from "#plugins/onnx/page-engine.ts";

/** WebAssembly has no room for more. */
const LARGEST = 4 * 1024 ** 3;

// Private windows of some browsers have no such file system: then models are fetched each time.
const canKeep = "getDirectory" in navigator.storage && "locks" in navigator;
let tokens: readonly HubToken[] = [];
startPageEngine(
  canKeep
    ? new ModelStore({
        files: opfsFiles,
        fetch: withTokens(
          (url, init) => fetch(url, { ...init, credentials: "omit", cache: "no-store" }),
          () => tokens,
        ),
        hasToken: (url) => tokenFor(url, tokens) !== undefined,
        now: () => Date.now(),
        largest: LARGEST,
      })
    : undefined,
  (next) => (tokens = next),
);
