/** A link's channel over a MessagePort, from the page that has the link to the worker that has the documents. */
import type { Channel } from "../base/channel.ts";
import { Emitter } from "../base/events.ts";
import type { Link } from "./link.ts";

interface Ended {
  readonly closed: string | undefined;
}

/** What the page knows of the link, and the worker does not: told when it has changed. */
interface Facts {
  readonly roundTrip: number;
}

/** The link is asked for it so often, in milliseconds. */
const LOOK_EVERY = 2000;

const isFacts = (data: unknown): data is Facts => typeof data === "object" && data !== null && "roundTrip" in data;
const isEnded = (data: unknown): data is Ended => typeof data === "object" && data !== null && "closed" in data;

/** A link's channel over a port, and what was told of the link. */
export interface PortChannel extends Channel<Uint8Array, Uint8Array> {
  /** Milliseconds of the last ping, as far as it is known. */
  roundTrip(): number | undefined;
}

/** The worker's end: what comes over the port, as a channel that can be closed from either side. */
export function channelOfPort(port: MessagePort): PortChannel {
  const messages = new Emitter<Uint8Array>();
  const ended = new Emitter<string | undefined>();
  let early: Uint8Array[] | undefined = [];
  let open = true;
  let roundTrip: number | undefined;
  const end = (reason: string | undefined): void => {
    if (!open) return;
    open = false;
    // What was posted before must still go, so the port is closed behind it.
    setTimeout(() => port.close(), 1000);
    ended.emit(reason);
  };
  port.addEventListener("message", ({ data }: MessageEvent<Uint8Array | Ended | Facts>) => {
    if (isEnded(data)) end(data.closed);
    else if (isFacts(data)) ({ roundTrip } = data);
    else if (open && early) early.push(data);
    else if (open) messages.emit(data);
  });
  port.start();
  return {
    send(message) {
      if (open) port.postMessage(message);
    },
    receive(listener) {
      const stop = messages.on(listener);
      const waiting = early ?? [];
      early = undefined;
      for (const message of waiting) messages.emit(message);
      return stop;
    },
    close() {
      if (open) port.postMessage({ closed: undefined } satisfies Ended);
      end(undefined);
    },
    onClose: (listener) => ended.on(listener),
    roundTrip: () => roundTrip,
  };
}

/** The page's end: joins a link's channel to a new port, and gives the other end of it. */
export function portOfLink({ channel, facts }: Pick<Link, "channel" | "facts">): MessagePort {
  const { port1, port2 } = new MessageChannel();
  const inner = channelOfPort(port1);
  inner.receive((message) => channel.send(message));
  inner.onClose(() => channel.close());
  channel.receive((message) => inner.send(message));
  let told: number | undefined;
  const looking = setInterval(() => {
    const roundTrip = facts?.().roundTrip;
    if (roundTrip !== undefined && roundTrip !== told) port1.postMessage({ roundTrip } satisfies Facts);
    told = roundTrip;
  }, LOOK_EVERY);
  channel.onClose((reason) => {
    clearInterval(looking);
    port1.postMessage({ closed: reason } satisfies Ended);
  });
  return port2;
}
