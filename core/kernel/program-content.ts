/** How a service's worker program asks its outside part for content by CID: the stores and the network of blocks are there. */
import type { Channel } from "../base/channel.ts";
import { fromWireError } from "../base/errors.ts";
import type { FromProgram, ToProgram } from "./service-program.ts";
import type { ContentSource } from "./services.ts";

interface Waiting {
  readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: ((bytes: number, total: number) => void) | undefined;
}

/** Content from the other end of the channel. */
export function contentOver(channel: Channel<ToProgram, FromProgram>): ContentSource {
  const waiting = new Map<string, Waiting>();
  let count = 0;
  channel.receive((message) => {
    if (message.type === "content_progress")
      return waiting.get(message.parent)?.onProgress?.(message.bytes, message.total);
    if (message.type !== "content") return undefined;
    const asker = waiting.get(message.parent);
    waiting.delete(message.parent);
    if (message.bytes) asker?.resolve(message.bytes);
    else if (message.error) asker?.reject(fromWireError(message.error));
    return undefined;
  });
  return {
    get: (asked, { signal, onProgress }) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const id = `content-${++count}`;
        const stop = (): void => {
          if (waiting.delete(id)) channel.send({ type: "content_cancel", request: id });
          reject(signal.reason);
        };
        const ended = <T>(settle: (value: T) => void) => {
          return (value: T): void => {
            signal.removeEventListener("abort", stop);
            settle(value);
          };
        };
        signal.addEventListener("abort", stop, { once: true });
        waiting.set(id, { resolve: ended(resolve), reject: ended(reject), onProgress });
        channel.send({ type: "content_request", id, asked });
      }),
  };
}
