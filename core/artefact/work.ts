/** A request of a page that is being answered: how it is asked for more, told how far it is, and stopped. */
import type { Channel } from "../base/channel.ts";
import type { FromArtefacts, ToArtefacts } from "./messages.ts";
import type { Asking } from "./page-source.ts";

/** Progress is told so often at most, in milliseconds. */
const TELL_EVERY = 100;

/** The request, by its id, and the page that made it. */
export interface Work {
  readonly channel: Channel<ToArtefacts, FromArtefacts>;
  readonly id: string;
  readonly stop: AbortController;
}

/** What a question to the page of a request needs. */
export const askingOf = ({ id, channel, stop }: Work): Asking => ({
  parent: id,
  signal: stop.signal,
  send: (message: FromArtefacts) => channel.send(message),
});

/** Calls at most every so often. */
export function throttled<A extends readonly unknown[]>(call: (...given: A) => void): (...given: A) => void {
  let last = -Infinity;
  return (...given) => {
    const time = performance.now();
    if (time - last < TELL_EVERY) return;
    last = time;
    call(...given);
  };
}
