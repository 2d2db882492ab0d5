/**
 * The page's network: other people's Kromas, reached by links that are lent to the mesh in the document worker. One tab
 * of a browser does it (a Web Lock says which), also for the others; when that tab goes the next takes over. Nothing
 * starts, and nothing of it is loaded, before a notebook is shared or a link to one is opened.
 */
import { createRoot, createSignal } from "solid-js";
import type { Connection, Libp2p } from "@libp2p/interface";
import * as v from "valibot";
import type { Channel } from "#core/base/channel.ts";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { InvitationLink } from "#core/mesh/invitation.ts";
import type { Link } from "#core/mesh/link.ts";
import type { ShownRun } from "#core/mesh/live-runs.ts";
import { type GiveBlock, MeshClient } from "#core/mesh/mesh-client.ts";
import type { FromMesh, ToMesh } from "#core/mesh/messages.ts";
import type { NetworkTabs } from "#core/mesh/network-tabs.ts";
import type { TransportState } from "#core/mesh/transport.ts";
import type { Network } from "#kit/network.ts";
import type { Exchange, ExchangeOptions } from "#plugins/ipfs/bitswap.ts";
import type { AskPeers } from "#plugins/names/names.ts";
import { peersOfNotebooks, peersOfSettings } from "./name-peers.ts";
import { readSettings } from "./settings.ts";
import { placeFor } from "#plugins/indexeddb/place.ts";

const NAME_KEY = "kroma-name";
const ADDRESSES_KEY = "kroma-addresses";
/** Addresses of people and mirrors that are kept for the next visit. */
const MOST_KEPT = 16;
/** In a link, which has to fit into a message and a QR code. */
const MOST_IN_LINK = 3;

const Addresses = v.fallback(v.pipe(v.array(v.pipe(v.string(), v.maxLength(512))), v.maxLength(MOST_KEPT)), []);

export interface PageNetwork extends Network {
  /**
   * Starts the exchange of blocks with peers, and the network if need be; `blocks` are what others are given. `unavailable`
   * when another tab of this browser does the network.
   */
  exchange(blocks: ExchangeOptions["blocks"]): Promise<Exchange>;
  /** Addresses at which others reach this browser; none before the network has found any. */
  addresses(): Promise<readonly string[]>;
  /** Says where blocks of such models are. */
  giveModels(give: GiveBlock): void;
  /** Asks those for a name who share a notebook, are named in the settings or are at the addresses; rejects as `exchange` does. */
  readonly askNames: AskPeers;
  /** Says which record of a name others are given; `isKnown` of those who share a notebook. */
  giveNames(give: GiveName): void;
  /** Takes up what is shared already. Called once, when the page has nothing more urgent to do. */
  begin(): void;
  /**
   * Loads and starts what joining a notebook takes, while the person reads what the link is for. Nobody is contacted yet but
   * the machine that the page came from, if it is a mirror.
   */
  prepare(): void;
}

/** The record of a name for somebody who asks; undefined when they are given none. */
export type GiveName = (name: string, isKnown: boolean) => Promise<Uint8Array | undefined>;

interface RunningNetwork {
  reach(address: string): void;
}

/** `titleOf` gives a notebook's title, for those who get a link to it. */
export function createNetwork(
  openMesh: () => Channel<FromMesh, ToMesh>,
  titleOf: (document: DocumentId) => string | undefined,
): PageNetwork {
  return createRoot(() => {
    const [client, setClient] = createSignal<MeshClient>();
    const [version, setVersion] = createSignal(0);
    const [transport, setTransport] = createSignal<TransportState>();
    const [elsewhere, setElsewhere] = createSignal(false);
    /** What the tab says that does the network. */
    const [others, setOthers] = createSignal<TransportState>();
    const [name, setName] = createSignal(readText(NAME_KEY));
    let give: GiveBlock | undefined;
    let giveName: GiveName | undefined;
    let running: Promise<RunningNetwork> | undefined;
    let started: Promise<RunningNetwork> | undefined;
    let tabs: Promise<NetworkTabs | undefined> | undefined;
    /** Links that came while nothing is shared and the person still reads a link: they wait for the answer. */
    let early: Set<Link> | undefined = new Set();
    let node: Libp2p | undefined;
    let exchange: Promise<Exchange> | undefined;

    const mesh = (): MeshClient => {
      const known = client();
      if (known) return known;
      const made = new MeshClient(openMesh(), async (document, cid) => give?.(document, cid));
      made.onChanged(() => {
        setVersion((count) => count + 1);
        if (made.documents.length > 0) void start();
      });
      setClient(made);
      return made;
    };
    const otherTabs = (): Promise<NetworkTabs | undefined> => {
      // They lack nothing where they can't be spoken to, but each other's news.
      tabs ??= openTabs().catch(() => undefined);
      return tabs;
    };
    /** Starts the network once this tab may do it, and reaches only the machine that the page came from. */
    const run = (): Promise<RunningNetwork> => {
      running ??= new Promise((resolve, reject) => {
        setElsewhere(true);
        void otherTabs().then((opened) => opened?.onState(setOthers));
        const work = async (): Promise<never> => {
          setElsewhere(false);
          try {
            const [{ startLibp2p }, { transportIdentity }, { findMirror }, { answerNames }] = await loadParts();
            const [identity, mirror, told] = await Promise.all([
              transportIdentity(),
              findMirror(location.origin),
              otherTabs(),
            ]);
            const network = await startLibp2p({
              listen: ["/webrtc"],
              identity,
              targets: mirror === undefined ? [] : [mirror],
              iceServers: readSettings().iceServers.map((urls) => ({ urls })),
              onLink(link) {
                if (!early) return lend(link);
                early.add(link);
                link.channel.onClose(() => early?.delete(link));
              },
              onState(state) {
                setTransport(state);
                told?.tell(state);
              },
              beside: async (begun) => {
                node = begun;
                const names = await answerNames(begun, async (asked, peer) =>
                  giveName?.(
                    asked,
                    peersOfNotebooks(mesh()).some((known) => known.peer === peer),
                  ),
                );
                return { close: async () => void (await Promise.all([names.close(), (await exchange)?.close()])) };
              },
            });
            told?.onReach((addresses) => reachAll(network, addresses));
            resolve(network);
          } catch (error) {
            running = undefined;
            reject(error instanceof Error ? error : new Error(String(error)));
          }
          // The lock is held for as long as the page lives.
          return await new Promise<never>(() => undefined);
        };
        if (navigator.locks)
          Promise.resolve(placeFor("-network"))
            .then((lock) => navigator.locks.request(lock, work))
            .catch(reject);
        else void work();
      });
      return running;
    };
    /** Starts the network, and reaches whom the settings name and who was reached before. */
    const start = (): Promise<RunningNetwork> => {
      const waiting = early ?? [];
      early = undefined;
      for (const link of waiting) lend(link);
      started ??= run().then((network) => {
        reachAll(network, [...readSettings().relays, ...keptAddresses()]);
        return network;
      });
      started.catch(() => (started = undefined));
      return started;
    };
    /** The network as it is, in this tab or another. */
    const transportHere = (): TransportState | undefined => (elsewhere() ? others() : transport());
    const keepName = (given: string): void => {
      setName(given.trim());
      writeText(NAME_KEY, given.trim());
    };
    const lend = (link: Link): void => mesh().addLink(link);
    const givenName = (what: string): string => {
      if (name() === "") throw new KromaError("invalid", `Say who you are first: others see your name ${what}.`);
      return name();
    };
    /** Where this browser can be reached: first those that lead to a direct link. */
    const ownAddresses = (): readonly string[] => {
      const own = transportHere()?.addresses ?? [];
      return [...own.filter((address) => address.includes("/webrtc/")), ...own];
    };
    /** Resolves when others can reach this browser, or it does not seem that they ever will. */
    const untilReached = async (): Promise<void> => {
      const isReached = (): boolean => ownAddresses()[0]?.includes("/webrtc/") ?? false;
      await until(isReached, START_PATIENCE);
      // A relay that is there may take its time with a place for this browser.
      const relays = transportHere()?.targets ?? [];
      if (relays.some(({ status }) => status === "connected")) await until(isReached, RELAY_PATIENCE);
    };
    /** For a link: oneself, and the machines that are always on, of which one may have the notebook when oneself has gone. */
    const addressesForLink = (): readonly string[] => {
      const servers = (transportHere()?.targets ?? []).map(({ address }) => address);
      const always = servers.filter((address) => !address.includes("/p2p-circuit"));
      // One for each relay: two ways to one peer by one relay would only race each other.
      const own = [
        ...new Map(
          ownAddresses()
            .toReversed()
            .map((address) => [relayOf(address), address]),
        ).values(),
      ];
      return [...new Set([...own.toReversed().slice(0, 2), ...always])].slice(0, MOST_IN_LINK);
    };
    /** Rejects when this tab may not do the network soon. */
    const startHere = async (): Promise<void> => {
      const late = new Promise<never>((_, reject) =>
        setTimeout(
          () =>
            reject(new KromaError("unavailable", "Another tab of Kroma has the network. Close it, or do this there.")),
          START_PATIENCE,
        ),
      );
      await Promise.race([start(), late]);
    };
    return {
      begin: () => void mesh(),
      prepare() {
        // What could not be loaded now is loaded again when it is needed, and then somebody hears of a failure.
        mesh()
          .ask({ type: "prepare" })
          .catch(() => undefined);
        run().catch(() => undefined);
      },
      exchange(blocks) {
        exchange ??= startHere().then(async () => {
          const { startBitswap } = await import("#plugins/ipfs/index.ts");
          if (!node) throw new Error("the network runs");
          const on = node;
          const dial = (address: string, signal: AbortSignal | undefined) => dialPeer(on, address, signal);
          return startBitswap(on, { blocks, dial });
        });
        exchange.catch(() => (exchange = undefined));
        return exchange;
      },
      async askNames(asked, options) {
        if (mesh().documents.length === 0 && options.addresses.length === 0) return { refused: [], missed: [] };
        await startHere();
        const { askPeers } = await import("#plugins/names/peers.ts");
        if (!node) throw new Error("the network runs");
        const peers = [...peersOfNotebooks(mesh()), ...peersOfSettings(readSettings().relays)];
        const on = node;
        const dial = (address: string, signal: AbortSignal) => dialPeer(on, address, signal);
        return askPeers(on, asked, { ...options, peers, dial });
      },
      giveNames: (given) => (giveName = given),
      async addresses() {
        await untilReached();
        return addressesForLink();
      },
      async modelBlock(document, cid) {
        const offered = client()?.sharing(document)?.models ?? [];
        return offered.length > 0 ? mesh().modelBlock(document, cid) : undefined;
      },
      offerModels: (document, models) => mesh().offerModels(document, models),
      giveModels: (given) => (give = given),
      sharing: (document) => (version(), client()?.sharing(document)),
      runs: (document) => (version(), client()?.runs(document) ?? NO_RUNS),
      links: () => (
        version(),
        client()?.links ?? {
          peers: [],
          troubles: [],
        }
      ),
      keys: () => (version(), client()?.keys),
      recoveryFile: (passphrase) => mesh().recoveryFile(passphrase),
      async recover(file, passphrase) {
        keepName(await mesh().recover(file, passphrase));
      },
      transport: transportHere,
      elsewhere,
      name,
      setName: keepName,
      async share(document) {
        await mesh().ask({
          type: "share",
          document,
          name: givenName("beside what you write"),
        });
        void start();
      },
      async invite(document, invitation) {
        await mesh().ask({
          type: "share",
          document,
          name: givenName("in the invitation"),
        });
        const {
          genesis,
          invitation: entry,
          secret,
        } = await mesh().invite({
          document,
          ...invitation,
        });
        await Promise.race([start(), until(() => others() !== undefined, START_PATIENCE)]);
        await untilReached();
        const { makeInvitationFragment } = await import("#core/mesh/invitation.ts");
        const title = titleOf(document);
        const fragment = makeInvitationFragment({
          notebook: document,
          genesis,
          invitation: entry,
          secret,
          role: invitation.role,
          expires: invitation.expires,
          addresses: addressesForLink(),
          ...(title === undefined ? {} : { title }),
        });
        return `${location.origin}${location.pathname}${fragment}`;
      },
      revokeInvitation: (document, invitation) =>
        mesh().ask({
          type: "revoke_invitation",
          document,
          invitation,
        }),
      async join(link: InvitationLink) {
        const { notebook, genesis, invitation, secret } = link;
        const terms = {
          document: notebook,
          genesis,
          invitation,
          secret,
        };
        const joined = mesh().ask({
          type: "join",
          terms,
          name: givenName("in the notebook"),
        });
        keepAddresses(link.addresses);
        // The way to the others is found while the keys are made, by the tab that has the network.
        const begun = start();
        begun.then(
          (network) => reachAll(network, link.addresses),
          () => undefined,
        );
        void otherTabs().then((opened) => opened?.reach(link.addresses));
        await Promise.all([joined, Promise.race([begun, until(() => others() !== undefined, START_PATIENCE)])]);
      },
      setRole: (document, member, role) =>
        mesh().ask({
          type: "set_role",
          document,
          member,
          role,
        }),
      remove: (document, member) =>
        mesh().ask({
          type: "remove_member",
          document,
          member,
        }),
      leave: (document: DocumentId) =>
        mesh().ask({
          type: "leave",
          document,
        }),
      setPresence: (document, state) => client()?.setPresence(document, state),
      async offer() {
        const { makeOffer } = await import("#plugins/manual-link/index.ts");
        const offer = await makeOffer();
        return {
          text: offer.text,
          accept: async (answer) => lend(await offer.accept(answer)),
          cancel: () => offer.close(),
        };
      },
      async answer(offer) {
        const { answerOffer } = await import("#plugins/manual-link/index.ts");
        const { text, link } = await answerOffer(offer);
        link.then(lend, () => undefined);
        return text;
      },
    };
  });
}

/** The parts of the network that are loaded when it starts. */
const loadParts = () =>
  Promise.all([
    import("#plugins/libp2p/index.ts"),
    import("./transport-identity.ts"),
    import("#plugins/libp2p/mirror-address.ts"),
    import("#plugins/names/peers.ts"),
  ]);

/** The way to the other tabs of this browser, as far as they are of this Kroma. */
async function openTabs(): Promise<NetworkTabs> {
  const [{ NetworkTabs }, place] = await Promise.all([import("#core/mesh/network-tabs.ts"), placeFor("-network")]);
  return new NetworkTabs(new BroadcastChannel(place));
}

function reachAll(network: RunningNetwork, addresses: readonly string[]): void {
  for (const address of new Set(addresses)) network.reach(address);
}

async function dialPeer(node: Libp2p, address: string, signal?: AbortSignal): Promise<Connection> {
  const libp2p = await import("#plugins/libp2p/index.ts");
  return libp2p.dialPeer(node, address, signal);
}

const NO_RUNS: readonly ShownRun[] = [];

/** The peer id of the relay in an address through one. */
const relayOf = (address: string): string => /\/p2p\/([^/]+)\/p2p-circuit/.exec(address)?.[1] ?? address;

/** So long a link waits for addresses to put into it. */
const START_PATIENCE = 8000;
const RELAY_PATIENCE = 30_000;

function until(holds: () => boolean, patience: number): Promise<void> {
  return new Promise((resolve) => {
    const end = performance.now() + patience;
    const look = (): void => {
      if (holds() || performance.now() > end) resolve();
      else setTimeout(look, 50);
    };
    look();
  });
}

function keptAddresses(): readonly string[] {
  try {
    return v.parse(Addresses, JSON.parse(readText(ADDRESSES_KEY) || "[]"));
  } catch {
    return [];
  }
}

function keepAddresses(addresses: readonly string[]): void {
  writeText(ADDRESSES_KEY, JSON.stringify([...new Set([...addresses, ...keptAddresses()])].slice(0, MOST_KEPT)));
}

function readText(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

function writeText(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // Storage is denied or full: it lasts until the page closes.
  }
}
