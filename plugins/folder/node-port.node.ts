/** Node's threads and ports with the face of a browser's, as channels want it. */
import type { MessagePort, Transferable as NodeTransferable, Worker } from "node:worker_threads";
import type { PortLike } from "#core/base/channel.ts";

/** A PortLike over a worker thread, or over `parentPort` inside one. */
export function nodePort(port: Worker | MessagePort): PortLike {
  const listeners = new Map<(event: MessageEvent) => void, (data: unknown) => void>();
  return {
    postMessage: (message, transfer) => port.postMessage(message, transfer as unknown as NodeTransferable[]),
    addEventListener(_, listener) {
      const told = (data: unknown) => listener({ data } as MessageEvent);
      listeners.set(listener, told);
      port.on("message", told);
    },
    removeEventListener(_, listener) {
      const told = listeners.get(listener);
      if (told) port.off("message", told);
      listeners.delete(listener);
    },
  };
}
