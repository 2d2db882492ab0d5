/** A Link over a stream of libp2p. */
import type { Connection, Stream } from "@libp2p/interface";
import { ByteLink, type LinkEndedBy } from "#core/mesh/byte-link.ts";
import { pathOf } from "./addresses.ts";
import { sentence } from "./words.ts";

export interface StreamLinkOptions {
  readonly stream: Stream;
  readonly connection: Connection;
  /** This end's peer id. */
  readonly local: string;
  readonly dialled: boolean;
  readonly onAlive: () => void;
  readonly onPong: (ping: number) => void;
  readonly onEnd: (by: LinkEndedBy, reason: string | undefined) => void;
}

/** Makes a link of a stream that speaks our protocol. */
export function streamLink(options: StreamLinkOptions): ByteLink {
  const { stream, connection, dialled } = options;
  const link = new ByteLink({
    pipe: {
      write: (bytes) => {
        try {
          stream.send(bytes);
        } catch (error) {
          // It closed under our hands, and its own event is still to come.
          stream.abort(error instanceof Error ? error : new Error(String(error)));
        }
      },
      isReady: () => stream.writeStatus === "writable" && !stream.writableNeedsDrain,
      pause: () => stream.pause(),
      resume: () => {
        if (stream.readStatus === "paused") stream.resume();
      },
      end: () => close(stream),
      abort: (reason) => stream.abort(new Error(reason)),
    },
    path: pathOf(connection.remoteAddr, dialled),
    local: options.local,
    remote: connection.remotePeer.toString(),
    dialled,
    now: () => performance.now(),
    onAlive: options.onAlive,
    onPong: options.onPong,
    onEnd: options.onEnd,
  });
  stream.addEventListener("drain", () => link.ready());
  // Both tell that nothing more will come: the other side has closed its half, or all of it is gone.
  const otherEnded = (): void => {
    link.ended();
    void close(stream);
  };
  stream.addEventListener("remoteCloseWrite", otherEnded);
  stream.addEventListener("close", (event) => link.ended(event.error && sentence(event.error)));
  stream.addEventListener("message", ({ data }) => {
    if (data instanceof Uint8Array) link.received(data);
    else for (const part of data) link.received(part);
  });
  // The other side may have been done before anyone listened; what it had said is given out in a microtask before this one.
  if (stream.remoteWriteStatus === "closed") queueMicrotask(otherEnded);
  return link;
}

function close(stream: Stream): Promise<void> {
  return stream.close().catch((error: Error) => stream.abort(error));
}
