/** A gateway on loopback with an artefact behind it. */
import { createServer, request, type IncomingHttpHeaders, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createGateway, type GatewayOptions } from "#app/node/mirror/gateway.ts";
import { publishArtefact, type ArtefactParts, type Published } from "#core/artefact/publish.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { partsOf, signerOf, text } from "../artefact/kit.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Server {
  readonly url: string;
  /** Sends the target as it is; fetch would put it in order. */
  get(target: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Answer>;
  close(): Promise<void>;
}

export async function serve(listener: RequestListener): Promise<Server> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    get: (path, headers = {}, method = "GET") =>
      new Promise((resolve, reject) => {
        const sent = request({ port, host: "127.0.0.1", path, headers, method }, (response) => {
          const pieces: Buffer[] = [];
          response.on("data", (piece: Buffer) => pieces.push(piece));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) }),
          );
        });
        sent.on("error", reject);
        sent.end();
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export const BIG = new Uint8Array(2_500_000).map((_none, index) => Math.imul(index, 0x9e3779b1) >>> 24);

/** A store with one publication: a page, a notebook, and a file of several blocks. */
export async function publication(
  more: ArtefactParts["content"] = [],
): Promise<{ readonly store: MemoryBlockStore; readonly published: Published }> {
  const store = new MemoryBlockStore();
  const content = [
    { path: "index.html", content: text("<!doctype html><title>Weather</title><p>Rain") },
    { path: "notebook.ipynb", content: text('{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}\n') },
    { path: "workspace/big.bin", content: BIG },
    { path: "workspace/a b & <c>.txt", content: text("hello") },
    { path: "workspace/plain", content: text("words") },
    ...more,
  ];
  const published = await publishArtefact(partsOf({ content }), store, await signerOf(1, "Ada"));
  return { store, published };
}

/** The gateway before such a store. */
export async function gatewayOf(
  store: GatewayOptions["blocks"],
  options: Partial<GatewayOptions> = {},
): Promise<Server> {
  return serve(createGateway({ blocks: store, envelopes: async () => [], anyHost: false, ...options }));
}
