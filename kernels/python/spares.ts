/**
 * A worker per notebook with the interpreter restored before it is asked for: the first, while the notebook's files are
 * still being opened; later a second one, so that a restart has not to wait, where the host sees time and memory for
 * it. It knows nothing of the notebook until it is taken.
 */
import type { KernelHost } from "#core/kernel/kernel.ts";
import { Inside } from "./inside.ts";
import type { Starts } from "./starts.ts";
import type { SharedParts } from "./wire.ts";

interface Spare {
  readonly inside: Inside;
  /** Worth taking: it is ready, or the first, whose start has no better one. */
  ready: boolean;
}

export class Spares {
  readonly #starts: Starts;
  readonly #spares = new Map<KernelHost, Spare>();

  constructor(starts: Starts) {
    this.#starts = starts;
  }

  /** Starts one for the next restart, unless there is one, or there is no snapshot to make it from. */
  prepare(host: KernelHost): void {
    const shared = this.#starts.parts(host);
    if (shared?.pack) this.#make(host, shared);
  }

  /** Starts one for the first start. */
  prepareFirst(host: KernelHost): void {
    this.#make(host, this.#starts.parts(host), true);
  }

  #make(host: KernelHost, shared: SharedParts | undefined, ready = false): void {
    if (this.#spares.has(host) || this.#starts.isPlain(host)) return;
    const spare: Spare = {
      ready,
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
