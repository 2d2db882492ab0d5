/** The models that this user keeps in their cache, for the threads that run them. */
import type { HubToken } from "#core/store/fetched.ts";
import { folderFiles } from "#plugins/models/folder-files.node.ts";
import { followingHub } from "#plugins/models/hub.ts";
import { ModelStore } from "#plugins/models/model-store.ts";
import { tokenFor, withTokens } from "#plugins/models/tokens.ts";

const LARGEST = 16 * 1024 ** 3;

export interface KeptModels {
  readonly models: ModelStore;
  /** Hears what to sign in to hubs with. */
  readonly onTokens: (tokens: readonly HubToken[]) => void;
}

/** Models in the cache folder of which kernel-thread.ts tells its thread. */
export function keptModels(): KeptModels {
  const { kromaCacheDirectory } = globalThis as unknown as { readonly kromaCacheDirectory: string };
  let tokens: readonly HubToken[] = [];
  const models = new ModelStore({
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
  });
  return { models, onTokens: (next) => void (tokens = next) };
}
