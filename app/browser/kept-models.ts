/** The models that this browser keeps, for the workers that run them. */
import type { HubToken } from "#core/store/fetched.ts";
import { ModelStore } from "#plugins/models/model-store.ts";
import { opfsFiles } from "#plugins/models/opfs-files.ts";
import { tokenFor, withTokens } from "#plugins/models/tokens.ts";

/** WebAssembly has no room for more. */
const LARGEST = 4 * 1024 ** 3;

export interface KeptModels {
  /** Absent in private windows of browsers that give those no files: models are fetched each time then. */
  readonly models: ModelStore | undefined;
  /** Hears what to sign in to hubs with. */
  readonly onTokens: (tokens: readonly HubToken[]) => void;
}

/** Models on the browser's private file system. */
export function keptModels(): KeptModels {
  let tokens: readonly HubToken[] = [];
  const onTokens = (next: readonly HubToken[]): void => void (tokens = next);
  if (!("getDirectory" in navigator.storage && "locks" in navigator)) return { models: undefined, onTokens };
  const models = new ModelStore({
    files: opfsFiles,
    fetch: withTokens(
      (url, init) => fetch(url, { ...init, credentials: "omit", cache: "no-store" }),
      () => tokens,
    ),
    hasToken: (url) => tokenFor(url, tokens) !== undefined,
    now: () => Date.now(),
    largest: LARGEST,
  });
  return { models, onTokens };
}
