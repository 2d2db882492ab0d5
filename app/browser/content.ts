/** Content by its CID for the services of a page: from this browser's blocks, a notebook's people, its mirror and the settings' gateways. */
import { untrack } from "solid-js";
import { modelAddressText } from "#core/artefact/model-address.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { ContentSource } from "#core/kernel/services.ts";
import type { FilePeers } from "#core/store/fetched.ts";
import type { Artefacts } from "#kit/artefacts.ts";
import type { Network } from "#kit/network.ts";
import { noteModel } from "./notebook-models.ts";

/** The people of a notebook, for what its services fetch from the web. */
export function pagePeers(network: Network, document: DocumentId): FilePeers {
  return {
    async offered(url) {
      const offered = untrack(() => network.sharing(document))?.models ?? [];
      return [
        ...new Set(offered.flatMap(({ models }) => models.flatMap((one) => (one.address === url ? one.cid : [])))),
      ];
    },
    block: (cid) => network.modelBlock(document, cid),
    keeps: (address, cid, size) => noteModel(document, { address, cid, size }),
  };
}

/** What the page has and, unless it is offline, can get by CID for a notebook. What is fetched is kept with its models. */
export function pageContent(artefacts: Artefacts, document: DocumentId, isOffline: () => boolean): ContentSource {
  return {
    async get({ cid, path, from }, { signal, onProgress }) {
      const hints = isOffline()
        ? { from: [] }
        : { from: [...from, ...(await artefacts.sources())], notebook: document };
      const bytes = await artefacts.client().model({ cid, path }, hints, artefacts.roots(), {
        signal,
        progress: ({ bytes: here, total }) => onProgress?.(here, total ?? here),
      });
      // What a notebook that nobody trusts names is not thereby its people's.
      if (!isOffline()) {
        const address = modelAddressText({ type: "content", cid, path, from: [] });
        noteModel(document, { address, cid, size: bytes.length });
      }
      return bytes as Uint8Array<ArrayBuffer>;
    },
  };
}
