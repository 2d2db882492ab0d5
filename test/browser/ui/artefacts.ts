/** Artefacts of a page as in the app, but with the host in the page and its stores in memory. */
import { artefactFragment, type ArtefactAddress } from "#core/artefact/address.ts";
import { ArtefactClient } from "#core/artefact/client.ts";
import { ArtefactHost } from "#core/artefact/host.ts";
import type { FromArtefacts, ToArtefacts } from "#core/artefact/messages.ts";
import { channelPair } from "#core/base/channel.ts";
import { PYODIDE_VERSION } from "#kernels/python/pyodide-version.ts";
import { KromaError } from "#core/base/errors.ts";
import { memberIdOf, type Signer } from "#core/mesh/identity.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";
import { PluginHost } from "#core/plugin/facet.ts";
import type { Artefacts } from "#kit/artefacts.ts";
import { renderers } from "#kit/renderers.ts";
import { keysOfSeed } from "#plugins/identity/own-identity.ts";
import { chooseSchemes } from "#plugins/identity/schemes.ts";
import { openSignatures, signHybrid } from "#plugins/identity/signatures.ts";
import { markdown } from "#plugins/markdown/index.ts";
import { outputs } from "#plugins/outputs/index.ts";
import { artefactPage } from "#plugins/page/artefact-page.ts";

export interface TestArtefacts extends Artefacts {
  readonly blocks: MemoryBlockStore;
  readonly documents: MemoryDocStore;
  /** What was asked to be shown. */
  readonly shown: ArtefactAddress[];
  /** Gateways that are asked. */
  gateways: readonly string[];
  /** Addresses at which others would reach this browser. */
  offered: readonly string[];
  /** Bytes that the browser says it gives. */
  quota: number;
}

/** Somebody whose keys come from a seed of 32 times that byte. */
async function signerOf(byte: number, name: string): Promise<Signer> {
  const schemes = await chooseSchemes();
  const { identity, keys } = await keysOfSeed(new Uint8Array(32).fill(byte), schemes);
  const named = { ...identity, name };
  return {
    identity: named,
    id: await memberIdOf(named),
    sign: (domain, bytes) => signHybrid(schemes, keys, domain, bytes),
  };
}

/** The artefacts of one browser; its keys come from that byte. */
export function testArtefacts(byte = 1, name = "Mia Berg"): TestArtefacts {
  const [blocks, documents] = [new MemoryBlockStore(), new MemoryDocStore()];
  const pageRenderers = new PluginHost([outputs, markdown]).get(renderers);
  let client: ArtefactClient | undefined;
  const artefacts: TestArtefacts = {
    pyodide: PYODIDE_VERSION,
    blocks,
    documents,
    shown: [],
    gateways: [],
    quota: 1e9,
    offered: [],
    client() {
      if (client) return client;
      const signer = signerOf(byte, name);
      const host = new ArtefactHost({
        blocks,
        documents,
        storage: "opfs",
        signatures: openSignatures(),
        signer: () => signer,
        self: () => signer,
        now: () => Date.UTC(2026, 2, 14),
      });
      const [page, worker] = channelPair<FromArtefacts, ToArtefacts>();
      host.connect(worker);
      return (client = new ArtefactClient(page));
    },
    sources: async () => artefacts.gateways,
    storage: async () => ({ usage: 1_234_567, quota: artefacts.quota, isPersistent: true }),
    makePage: (notebook, paths, said, copy) => artefactPage(notebook, paths, said, pageRenderers, copy),
    runtimeFor: () => Promise.reject(new KromaError("unavailable", "There is no built Kroma in these tests.")),
    linux: () => Promise.resolve(undefined),
    link: (address) => `https://kroma.example/${artefactFragment(address)}`,
    show: (address) => void artefacts.shown.push(address),
    offer: () => Promise.resolve([...artefacts.offered]),
    roots: () => [],
  };
  return artefacts;
}
