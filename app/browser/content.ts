/** Content by its CID for the services of a page: from this browser's blocks, its mirror and the gateways of the settings. */
import type { ContentSource } from "#core/kernel/services.ts";
import type { Artefacts } from "#kit/artefacts.ts";

/** What the page has and, unless it is offline, can get by CID. What is fetched is kept with its models. */
export function pageContent(artefacts: Artefacts, isOffline: () => boolean): ContentSource {
  return {
    async get({ cid, path, from }, { signal, onProgress }) {
      const hints = { from: isOffline() ? [] : [...from, ...(await artefacts.sources())] };
      const bytes = await artefacts.client().model({ cid, path }, hints, artefacts.roots(), {
        signal,
        progress: ({ bytes: here, total }) => onProgress?.(here, total ?? here),
      });
      return bytes as Uint8Array<ArrayBuffer>;
    },
  };
}
