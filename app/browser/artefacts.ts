/**
 * Published notebooks, as the page has them: the worker that holds their blocks, whom to ask for more, how one is opened as a
 * notebook of the library, and how its files come into that notebook's workspace.
 */
import { type ArtefactAddress, artefactFragment } from "#core/artefact/address.ts";
import { ArtefactClient, type AskPeers } from "#core/artefact/client.ts";
import type { ArtefactSummary, FromArtefacts, ToArtefacts } from "#core/artefact/messages.ts";
import { NOTEBOOK_PATH } from "#core/artefact/manifest.ts";
import { forkMetadata } from "#core/artefact/notebook-facts.ts";
import { WORKSPACE_FOLDER } from "#core/artefact/notebook-parts.ts";
import { portChannel } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { LibraryClient } from "#core/notebook/client.ts";
import { readFile } from "#core/notebook/formats.ts";
import type { LibraryEntry } from "#core/notebook/messages.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { Artefacts } from "#kit/artefacts.ts";
import { renderers } from "#kit/renderers.ts";
import type { Exchange } from "#plugins/ipfs/bitswap.ts";
import type { PageNetwork } from "./network.ts";
import { findGateway } from "./mirror-gateway.ts";
import { host } from "./plugins.ts";
import { readSettings } from "./settings.ts";

/** What is told when the worker can't be loaded. */
const LOST = "What this browser keeps of published notebooks can't be reached. Reload the page.";

/** A peer that a link names is waited for so long, in milliseconds. */
const REACH = 30_000;

/** One per page. The worker starts when something is asked of it. */
export function createArtefacts(
  library: Pick<LibraryClient, "entries">,
  show: (address: ArtefactAddress) => void,
  network: Pick<PageNetwork, "exchange" | "addresses">,
): Artefacts {
  let client: ArtefactClient | undefined;
  let mirror: Promise<string | undefined> | undefined;
  const reached = new Map<string, Promise<void>>();
  /** Others are given every artefact's blocks that are here: who asks must know the CID. */
  const exchange = (): Promise<Exchange> => {
    const get = (cid: string): Promise<Uint8Array | undefined> => artefacts.client().block(cid);
    return network.exchange({ get, has: async (cid) => (await get(cid)) !== undefined });
  };
  const askPeers: AskPeers = async (cid, from) => {
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
      const given = readSettings().gateways.filter((address) => /^https?:$/.test(URL.parse(address)?.protocol ?? ""));
      return [...new Set([...(own === undefined ? [] : [own]), ...given])];
    },
    async storage() {
      if (!("storage" in navigator)) return { usage: undefined, quota: undefined, isPersistent: false };
      const { usage, quota } = await navigator.storage.estimate();
      return { usage, quota, isPersistent: (await navigator.storage.persist?.()) ?? false };
    },
    async makePage(notebook, paths, said) {
      const { artefactPage } = await import("#plugins/page/artefact-page.ts");
      return artefactPage(notebook, paths, said, host.get(renderers));
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

/**
 * The notebook of an artefact, all of which is here: as it was published, once, or a fork, which is one's own. It is foreign
 * until somebody trusts it, a fork too, for its code is another's.
 */
export async function openAsNotebook(
  artefact: Pick<ArtefactSummary, "root" | "title" | "signed">,
  isFork: boolean,
  { library, artefacts }: { readonly library: LibraryClient; readonly artefacts: Artefacts },
): Promise<DocumentId> {
  const { root, title } = artefact;
  await library.listed;
  const known = library.entries.find((entry) => entry.artefact?.root === root && !entry.artefact.isFork);
  if (!isFork && known) return known.document;
  const bytes = await artefacts.client().read(root, NOTEBOOK_PATH);
  const isOwn = artefact.signed.some(({ standing }) => standing === "you");
  const { document } = await library.import(NOTEBOOK_PATH, bytes, {
    artefact: { root, isFork },
    foreign: !isOwn,
    ...(isFork ? {} : { origin: `ipfs://${root}`, once: true }),
  });
  const { notebook } = readFile(NOTEBOOK_PATH, bytes);
  await library.change(document, [
    { type: "set_title", title: isFork ? `${title} (fork)` : title },
    ...(isFork ? [{ type: "set_metadata", metadata: forkMetadata(notebook, root) } as const] : []),
  ]);
  return document;
}

/**
 * Puts the files that were published with a notebook into its workspace, but for those that are there. Once is enough: what a
 * person deleted later stays deleted.
 */
export async function prepareArtefactFiles(
  entry: Pick<LibraryEntry, "artefact">,
  workspace: Workspace | undefined,
  artefacts: Artefacts,
): Promise<void> {
  const root = entry.artefact?.root;
  if (root === undefined || !workspace || (await workspace.stat(DONE))) return;
  const client = artefacts.client();
  const { files } = await client.open(root, { from: [] });
  for (const { path } of files) {
    if (!path.startsWith(WORKSPACE_FOLDER)) continue;
    const place = path.slice(WORKSPACE_FOLDER.length);
    if (place.split("/", 1)[0] === KROMA_FOLDER || (await workspace.stat(place))) continue;
    await workspace.write(place, await client.read(root, path));
  }
  await workspace.write(DONE, new TextEncoder().encode(root));
}

/** The folder of a workspace that is Kroma's own. */
const KROMA_FOLDER = ".kroma";
/** Says that the files came already. */
const DONE = `${KROMA_FOLDER}/artefact`;
