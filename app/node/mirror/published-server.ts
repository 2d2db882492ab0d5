/** All that a mirror says over HTTP of what was published, on one port: the gateway, pinning, and names. */
import type { RequestListener } from "node:http";
import { isOwnName } from "../http-facts.ts";
import { createGateway } from "./gateway.ts";
import { answerNames } from "./names-api.ts";
import { answerPinning } from "./pinning-api.ts";
import type { Published } from "./published.ts";

export interface PublishedServerOptions {
  readonly published: Published;
  readonly now: () => number;
  /** False: only requests addressed to this machine's own names are answered. */
  readonly anyHost: boolean;
  /** Addresses of the mirror's peer. */
  readonly delegates: () => readonly string[];
  /** Where the page of the mirror is. */
  readonly app?: string;
}

/** A request handler for node:http. */
export function createPublishedServer(options: PublishedServerOptions): RequestListener {
  const { published, now, anyHost, delegates, app } = options;
  const { blocks, envelopes, names, isDenied } = published;
  const gateway = createGateway({
    blocks,
    envelopes: (root) => envelopes.of(root),
    resolve: async (name) => {
      const record = await names.newest(name, now());
      return record && { value: record.value, record: record.bytes, seconds: record.seconds };
    },
    isDenied,
    app,
    anyHost,
  });
  return (request, response) => {
    // The gateway itself tells the others that they are at the wrong address.
    const isMeant = anyHost || isOwnName(request.headers.host);
    if (isMeant && answerPinning(request, response, published, delegates)) return;
    if (isMeant && answerNames(request, response, names, now)) return;
    gateway(request, response);
  };
}
