/**
 * A second worker per notebook with the interpreter restored, so that a restart has not to wait for one. It knows
 * nothing of the notebook until it is taken. Made only where the host sees time and memory for it.
 */
import type { KernelHost } from "#core/kernel/kernel.ts";
import { Inside } from "./inside.ts";
import type { Starts } from "./starts.ts";

interface Spare {
  readonly inside: Inside;
  ready: boolean;
}

export class Spares {
  readonly #starts: Starts;
  readonly #spares = new Map<KernelHost, Spare>();

  constructor(starts: Starts) {
    this.#starts = starts;
  }

  /** Starts one, unless there is one, or there is no snapshot to make it from. */
  prepare(host: KernelHost): void {
    const shared = this.#starts.parts(host);
    if (!shared?.pack || this.#spares.has(host) || this.#starts.isPlain(host)) return;
    const spare: Spare = {
      ready: false,
      inside: new Inside(host, {
        hear: (message) => {
          if (message.type === "prepared") spare.ready = true;
          else if (message.type === "restore_failed") this.drop(host);
        },
        failed: () => this.drop(host),
      }),
    };
    this.#spares.set(host, spare);
    try {
      spare.inside.prepare(shared);
    } catch {
      // The compiled module can't be shared here, so there would be nothing to win.
      this.drop(host);
    }
  }

  /** The spare, if it is ready: from now on it is the caller's. One that is not would be no faster than a new worker. */
  take(host: KernelHost): Inside | undefined {
    const spare = this.#spares.get(host);
    if (!spare) return undefined;
    if (!spare.ready) {
      this.drop(host);
      return undefined;
    }
    this.#spares.delete(host);
    return spare.inside;
  }

  drop(host: KernelHost): void {
    this.#spares.get(host)?.inside.stop();
    this.#spares.delete(host);
  }
}
