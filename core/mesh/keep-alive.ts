/** Pings for a link that nobody redials: ends it within ten seconds of the other side falling silent. */
import type { ByteLink } from "./byte-link.ts";
import { nextTick, noTargets, type RedialEvent, step } from "./redial.ts";

/** What keeps a link honest; `alive` and `pong` are what its pipe told, `wake` looks now. */
export interface KeepAlive {
  alive(): void;
  pong(ping: number): void;
  wake(): void;
  stop(): void;
}

const LINK = "link";

/** Begins to ping; stops by itself when the link has ended. */
export function keepAlive(link: ByteLink, now: () => number): KeepAlive {
  let redial = noTargets;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  const on = (event: RedialEvent) => {
    if (stopped) return;
    const next = step(redial, event, now(), Math.random);
    ({ redial } = next);
    for (const effect of next.effects) {
      if (effect.type === "ping") link.ping(effect.ping);
      else if (effect.type === "hang_up") link.fail(effect.reason);
    }
    clearTimeout(timer);
    const at = nextTick(redial);
    if (at !== undefined && !stopped) timer = setTimeout(() => on({ type: "tick" }), Math.max(0, at - now()));
  };
  const stop = () => {
    stopped = true;
    clearTimeout(timer);
  };
  link.link.channel.onClose(stop);
  on({ type: "joined", address: LINK, guest: true });
  return {
    alive: () => on({ type: "alive", address: LINK }),
    pong: (ping) => on({ type: "pong", address: LINK, ping }),
    wake: () => on({ type: "wake" }),
    stop,
  };
}
