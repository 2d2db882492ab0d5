/** The worker in which pipelines run: their models are kept with all others, on the browser's private file system. */
import type { HubToken } from "#core/store/fetched.ts";
import { ModelStore } from "#plugins/models/model-store.ts";
import { opfsFiles } from "#plugins/models/opfs-files.ts";
import { tokenFor, withTokens } from "#plugins/models/tokens.ts";
import { startPagePipelines } from "#plugins/transformers/page-pipelines.ts";
import { unkeptFiles } from "#plugins/transformers/unkept-files.ts";

/** WebAssembly has no room for more. */
const LARGEST = 4 * 1024 ** 3;

const canKeep = "getDirectory" in navigator.storage && "locks" in navigator;
let tokens: readonly HubToken[] = [];
startPagePipelines(
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
    : unkeptFiles((url, init) => fetch(url, { ...init, credentials: "omit" })),
  (next) => (tokens = next),
);
