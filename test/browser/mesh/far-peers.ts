/**
 * A Vite plug-in for the browser tests: far ends of links in a Node process (test/conformance/far-peer.ts), which a test
 * starts, ends and starts again by asking for addresses below /__far-peer/.
 */
import type { Plugin } from "vite";
import { type FarPeer, startFarPeer } from "../../conformance/start-far-peer.ts";

const PREFIX = "/__far-peer/";

/** `start` gives a new one; `end/SIGNAL` ends the last; `again` brings it back as the same peer at the same addresses. */
export function farPeers(): Plugin {
  let peer: FarPeer | undefined;
  const answer = async (path: string): Promise<unknown> => {
    const [verb, signal] = path.split("/");
    const last = peer;
    if (verb === "start") {
      await last?.end("SIGKILL");
      peer = await startFarPeer();
    } else if (verb === "end") {
      await last?.end(signal === "SIGTERM" ? "SIGTERM" : "SIGKILL");
    } else if (verb === "again" && last) {
      const { control, websocket, webrtcDirect, identity, certificate } = last;
      peer = await startFarPeer({ again: { control, websocket, webrtcDirect, identity, certificate } });
    } else throw new Error(`There is no far peer's verb ${path}.`);
    return peer;
  };
  return {
    name: "kroma-far-peers",
    configureServer(server) {
      server.httpServer?.on("close", () => void peer?.end("SIGKILL"));
      server.middlewares.use((request, response, next) => {
        const path = request.url ?? "";
        if (!path.startsWith(PREFIX)) return next();
        answer(path.slice(PREFIX.length)).then(
          (result) => response.setHeader("Content-Type", "application/json").end(JSON.stringify(result ?? {})),
          (error: unknown) => {
            response.statusCode = 500;
            response.end(String(error));
          },
        );
      });
    },
  };
}
