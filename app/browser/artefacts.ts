/** Published notebooks, as the page has them: the worker that holds their blocks, and whom to ask for more. */
import { type ArtefactAddress, artefactFragment, readAddress } from "#core/artefact/address.ts";
import { ArtefactClient, type AskPeers } from "#core/artefact/client.ts";
import type { FromArtefacts, ToArtefacts } from "#core/artefact/messages.ts";
import { portChannel } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { LibraryClient } from "#core/notebook/client.ts";
import { PYODIDE_VERSION } from "#kernels/python/pyodide-version.ts";
import type { Artefacts } from "#kit/artefacts.ts";
import { renderers } from "#kit/renderers.ts";
import type { Exchange } from "#plugins/ipfs/bitswap.ts";
import type { PageNetwork } from "./network.ts";
import { findGateway } from "./mirror-gateway.ts";
import { host } from "./plugins.ts";
import { isWebAddress, readSettings } from "./settings.ts";

/** What is told when the worker can't be loaded. */
const LOST = "What this browser keeps of published notebooks can't be reached. Reload the page.";

/** A peer that a link names is waited for so long, in milliseconds. */
const REACH = 30_000;

/** One per page. The worker starts when something is asked of it. */
export function createArtefacts(
  library: Pick<LibraryClient, "entries">,
  show: (address: ArtefactAddress) => void,
  network: Pick<PageNetwork, "exchange" | "addresses" | "modelBlock">,
): Artefacts {
  let client: ArtefactClient | undefined;
  let mirror: Promise<string | undefined> | undefined;
  const reached = new Map<string, Promise<void>>();
  /** Others are given every artefact's blocks that are here: who asks must know the CID. */
  const exchange = (): Promise<Exchange> => {
    const get = (cid: string): Promise<Uint8Array | undefined> => artefacts.client().block(cid);
    return network.exchange({ get, has: async (cid) => (await get(cid)) !== undefined });
  };
  const askPeers: AskPeers = async (cid, where) => {
    if ("notebook" in where) return network.modelBlock(where.notebook as DocumentId, cid);
    const { from } = where;
    const { source, connect } = await exchange();
    const reach = (address: string): Promise<void> => {
      const attempt = reached.get(address) ?? connect(address, AbortSignal.timeout(REACH));
      reached.set(address, attempt);
      attempt.catch(() => reached.delete(address));
      return attempt;
    };
    await Promise.any(from.map(reach)).catch(() => {
      throw new KromaError("unavailable", "Nobody answers at the addresses that the link names.");
    });
    return source.get(cid);
  };
  const artefacts: Artefacts = {
    pyodide: PYODIDE_VERSION,
    client() {
      if (client) return client;
      const worker = new Worker(new URL("./artefact.worker.ts", import.meta.url), {
        type: "module",
        name: "kroma-artefacts",
      });
      const made = new ArtefactClient(portChannel<FromArtefacts, ToArtefacts>(worker), askPeers);
      worker.addEventListener("error", () => {
        made.fail(LOST);
        if (client === made) client = undefined;
      });
      client = made;
      return made;
    },
    async sources() {
      mirror ??= findGateway(location.origin);
      const own = await mirror;
      const given = readSettings().gateways.filter(isWebAddress);
      return [...new Set([...(own === undefined ? [] : [own]), ...given])];
    },
    async storage() {
      if (!("storage" in navigator)) return { usage: undefined, quota: undefined, isPersistent: false };
      const { usage, quota } = await navigator.storage.estimate();
      return { usage, quota, isPersistent: (await navigator.storage.persist?.()) ?? false };
    },
    async makePage(notebook, paths, said, copy) {
      const { artefactPage } = await import("#plugins/page/artefact-page.ts");
      return artefactPage(notebook, paths, said, host.get(renderers), copy);
    },
    async runtimeFor(notebook) {
      const [{ fetchRuntime, findBuild }, { runtimeFiles }] = await Promise.all([
        import("#core/artefact/runtime-folder.ts"),
        import("#core/artefact/runtime.ts"),
      ]);
      const base = new URL("./", document.baseURI).href;
      const build = await findBuild(fetchRuntime(base));
      return { base, files: runtimeFiles(build, notebook) };
    },
    async linux() {
      const named = readSettings().linuxImage;
      if (named !== "") {
        const cid = readAddress(named)?.cid;
        return cid === undefined ? undefined : { base: undefined, cid, files: [] };
      }
      const base = new URL("assets/vm/", document.baseURI).href;
      const { IMAGE_LIST, readImageList } = await import("#core/artefact/linux-note.ts");
      try {
        const response = await fetch(new URL(IMAGE_LIST, base));
        return response.ok ? { base, ...readImageList(await response.text()) } : undefined;
      } catch {
        // A host of plain files has none, or another file under this name: then no image is named.
        return undefined;
      }
    },
    link: (address) => `${location.origin}${location.pathname}${artefactFragment(address)}`,
    show,
    async offer() {
      await exchange();
      return network.addresses();
    },
    roots: () => library.entries.flatMap(({ artefact }) => (artefact ? [artefact.root] : [])),
  };
  return artefacts;
}
