/** What a mirror keeps of what was published, in a fresh folder, behind a real server on loopback. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PeerBlocks } from "#app/node/mirror/origins.ts";
import { openPublished, type Published } from "#app/node/mirror/published.ts";
import { createPublishedServer } from "#app/node/mirror/published-server.ts";
import { realClock, type Clock } from "#core/mesh/clock.ts";
import { serve, type Server } from "./gateway-kit.ts";

export interface PublishedMirror extends Server {
  readonly folder: string;
  readonly published: Published;
  /** Ends the server and its store; the folder stays until `remove`. */
  remove(): Promise<void>;
}

export async function publishedMirror(
  options: {
    readonly folder?: string;
    readonly clock?: Clock;
    readonly isOpen?: boolean;
    readonly peers?: PeerBlocks;
  } = {},
): Promise<PublishedMirror> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "kroma-published-")));
  const clock = options.clock ?? realClock;
  const failures: unknown[] = [];
  const published = await openPublished({
    folder,
    clock,
    isOpen: options.isOpen ?? false,
    peers: () => options.peers,
    onFailure: (error) => failures.push(error),
  });
  const server = await serve(
    createPublishedServer({
      published,
      now: () => clock.now(),
      anyHost: false,
      delegates: () => ["/ip4/127.0.0.1/tcp/1/ws"],
    }),
  );
  const close = async (): Promise<void> => {
    await server.close();
    await published.close();
    if (failures.length > 0) throw failures[0];
  };
  return {
    ...server,
    folder,
    published,
    close,
    remove: async () => {
      await close();
      await rm(folder, { recursive: true });
    },
  };
}
