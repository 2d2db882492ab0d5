/** The thread in which pipelines run: their models are kept with all others. kernel-thread.ts loads it. */
import { folderFiles } from "#plugins/models/folder-files.node.ts";
import { followingHub } from "#plugins/models/hub.ts";
import type { HubToken } from "#core/store/fetched.ts";
import { ModelStore } from "#plugins/models/model-store.ts";
import { tokenFor, withTokens } from "#plugins/models/tokens.ts";
import { startThreadPipelines } from "#plugins/transformers/thread-pipelines.node.ts";

const LARGEST = 16 * 1024 ** 3;

const { kromaCacheDirectory } = globalThis as unknown as { readonly kromaCacheDirectory: string };
let tokens: readonly HubToken[] = [];
startThreadPipelines(
  new ModelStore({
    files: folderFiles(kromaCacheDirectory),
    fetch: followingHub(
      withTokens(
        (url, init) => fetch(url, init),
        () => tokens,
      ),
    ),
    hasToken: (url) => tokenFor(url, tokens) !== undefined,
    now: () => Date.now(),
    largest: LARGEST,
  }),
  (next) => (tokens = next),
);
