/**
 * One end of an ordered two-way pipe. Every boundary of Kroma (worker, virtual machine, tab, peer) is one.
 * Messages are plain objects told apart by `type`; a request has an `id`, all that it causes has it as `parent`.
 */
import { Emitter } from "./events.ts";

/** One end of an ordered two-way pipe: what comes in is `In`, what goes out is `Out`. */
export interface Channel<In, Out> {
  /** Queues a message for the other end; objects in `transfer` move there. After `close` it does nothing. */
  send(message: Out, transfer?: readonly Transferable[]): void;
  /** Calls `listener` for each message from now on, in order. Returns the way to stop. */
  receive(listener: (message: In) => void): () => void;
  /** Ends both directions. Idempotent. The reason is told to the other end where the pipe can carry it. */
  close(reason?: string): void;
  /** Calls `listener` once when the channel has ended, from either side, with the reason if there is one. */
  onClose(listener: (reason?: string) => void): () => void;
}

/** What `portChannel` needs: a MessagePort, a Worker, or a worker's own global scope. */
export interface PortLike {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  removeEventListener(type: "message", listener: (event: MessageEvent) => void): void;
  start?(): void;
  close?(): void;
}

/**
 * A Channel over a MessagePort-like object. Messages that arrive before the first `receive` wait for it.
 * A port has no close event everywhere, so closing one end does not tell the other: send a message first.
 */
export function portChannel<In, Out>(port: PortLike): Channel<In, Out> {
  const messages = new Emitter<In>();
  const ended = new Emitter<string | undefined>();
  let early: In[] | undefined = [];
  let open = true;
  const listener = (event: MessageEvent) => {
    if (early) early.push(event.data as In);
    else messages.emit(event.data as In);
  };
  port.addEventListener("message", listener);
  port.start?.();
  return {
    send(message, transfer = []) {
      if (open) port.postMessage(message, [...transfer]);
    },
    receive(next) {
      const stop = messages.on(next);
      if (early) {
        const waiting = early;
        early = undefined;
        for (const message of waiting) messages.emit(message);
      }
      return stop;
    },
    close(reason) {
      if (!open) return;
      open = false;
      port.removeEventListener("message", listener);
      port.close?.();
      ended.emit(reason);
    },
    onClose: (next) => ended.on(next),
  };
}

/** Two joined Channels in one thread; messages are cloned and arrive in a later microtask, as over a port. */
export function channelPair<A, B>(): [Channel<A, B>, Channel<B, A>] {
  const toLeft = new Emitter<A>();
  const toRight = new Emitter<B>();
  const ended = new Emitter<string | undefined>();
  let open = true;
  const close = (reason?: string) => {
    if (!open) return;
    open = false;
    ended.emit(reason);
  };
  const post = <M>(to: Emitter<M>, message: M, transfer: readonly Transferable[] = []) => {
    if (!open) return;
    const copy = structuredClone(message, { transfer: [...transfer] });
    queueMicrotask(() => open && to.emit(copy));
  };
  return [
    { send: (m, t) => post(toRight, m, t), receive: (l) => toLeft.on(l), close, onClose: (l) => ended.on(l) },
    { send: (m, t) => post(toLeft, m, t), receive: (l) => toRight.on(l), close, onClose: (l) => ended.on(l) },
  ];
}
