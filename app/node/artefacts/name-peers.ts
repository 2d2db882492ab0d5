/** Peers that the command line asks for names: those at the addresses that were named, by a peer that lives as long as the verb. */
import type { Libp2p } from "@libp2p/interface";
import type { AskPeers } from "#plugins/names/names.ts";

/** The way to them. Nothing starts before there is somebody to ask. */
export function openNamePeers(named: readonly string[]): { readonly ask: AskPeers; close(): Promise<void> } {
  let starting: Promise<{ readonly node: Libp2p; close(): Promise<void> }> | undefined;
  return {
    async ask(name, asked) {
      const addresses = [...named, ...asked.addresses];
      if (addresses.length === 0) return { refused: [], missed: [] };
      starting ??= startNode();
      const { askPeers } = await import("#plugins/names/peers.ts");
      return askPeers((await starting).node, name, { ...asked, peers: [], addresses });
    },
    async close() {
      await (await starting)?.close();
    },
  };
}

async function startNode(): Promise<{ readonly node: Libp2p; close(): Promise<void> }> {
  const { startLibp2p } = await import("#plugins/libp2p/index.ts");
  let node: Libp2p | undefined;
  const running = await startLibp2p({
    targets: [],
    iceServers: [],
    listen: [],
    onState: () => undefined,
    beside: async (started) => {
      node = started;
      return { close: async () => undefined };
    },
  });
  if (!node) throw new Error("libp2p started without what runs beside it");
  return { node, close: () => running.close() };
}
