/** A browser's artefacts without the browser: host and client over a pair of channels, and gateways that speak HTTP. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { channelPair } from "#core/base/channel.ts";
import { ArtefactClient, type AskPeers } from "#core/artefact/client.ts";
import { ArtefactHost, type ArtefactHostOptions } from "#core/artefact/host.ts";
import type { Draft, FromArtefacts, ToArtefacts } from "#core/artefact/messages.ts";
import type { Signer } from "#core/mesh/identity.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { signerOf, text } from "./kit.ts";

export interface Browser {
  readonly client: ArtefactClient;
  readonly blocks: MemoryBlockStore;
  readonly documents: MemoryDocStore;
}

/** A browser of somebody who has keys, with the stores of an earlier one. */
export async function browserOf(
  byte: number,
  name: string,
  before?: Omit<Browser, "client">,
  others?: ArtefactHostOptions["others"],
  askPeers?: AskPeers,
): Promise<Browser> {
  const blocks = before?.blocks ?? new MemoryBlockStore();
  const documents = before?.documents ?? new MemoryDocStore();
  const signer: Signer = await signerOf(byte, name);
  let time = 1000;
  const host = new ArtefactHost({
    blocks,
    documents,
    storage: "memory",
    signatures: openSignatures(),
    signer: async () => signer,
    self: async () => signer,
    now: () => (time += 1000),
    gateway: { stall: 700 },
    ...(others ? { others } : {}),
  });
  const [page, worker] = channelPair<FromArtefacts, ToArtefacts>();
  host.connect(worker);
  return { client: new ArtefactClient(page, askPeers), blocks, documents };
}

export const NOTEBOOK = text('{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}\n');

/** The files that are made of a notebook, in the order of their paths. */
export const madeOf = (notebook: Uint8Array): Draft["made"] => [
  { path: "index.html", bytes: text("<!doctype html><title>Weather</title>") },
  { path: "notebook.ipynb", bytes: notebook },
];

/** A draft of a notebook with one file of so many bytes. */
export function draftOf(size: number, change: Partial<Draft> = {}): Draft {
  return {
    document: "document-1",
    name: "weather",
    version: "1.0.0",
    title: "Weather",
    authors: [{ name: "Ada" }],
    licence: "CC-BY-4.0",
    environment: { packages: [], npm: [] },
    capabilities: [],
    parents: [],
    made: madeOf(NOTEBOOK),
    files: size === 0 ? [] : [{ path: "data/numbers.bin", size, modified: 1 }],
    signAs: "Ada",
    ...change,
  };
}

/** Bytes that say where they stand, so that no two blocks are the same. */
export async function readPattern(_path: string, offset: number, length: number): Promise<Uint8Array> {
  const piece = new Uint8Array(length);
  for (let index = 0; index < length; index++) piece[index] = ((offset + index) * 2_654_435_761) >>> 24;
  return piece;
}

export interface Gateway {
  readonly address: string;
  /** CIDs that were asked for, in order. */
  readonly asked: string[];
}

const servers = new Set<Server>();

/** A gateway over a block store; `answer` can answer instead of it, and says so. */
export async function gatewayOf(
  blocks: BlockStore,
  answer: (cid: string, response: ServerResponse) => boolean = () => false,
): Promise<Gateway> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const cid = /^\/ipfs\/([^/?]+)\?format=raw$/.exec(request.url ?? "")?.[1];
    if (cid === undefined) {
      response.writeHead(404).end();
      return;
    }
    asked.push(cid);
    if (answer(cid, response)) return;
    void blocks.get(cid).then((bytes) => (bytes ? response.end(bytes) : response.writeHead(404).end()));
  });
  servers.add(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** Ends all gateways. */
export async function closeGateways(): Promise<void> {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  servers.clear();
}
