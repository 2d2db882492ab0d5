/** Pins at services, kept in a document store and tried until they are done, also after the program was closed in between. */
import * as v from "valibot";
import { Emitter } from "#core/base/events.ts";
import { KromaError } from "#core/base/errors.ts";
import type { Clock } from "#core/mesh/clock.ts";
import { parseCid } from "#core/store/cid.ts";
import type { DocStore } from "#core/store/stores.ts";
import { stepPin, wantPin, type SendBlocks, type WantedPin } from "./progress.ts";
import type { PinService, PinWish } from "./service.ts";

const KEY = "remote-pins";
const schema = v.object({
  service: v.string(),
  cid: v.string(),
  name: v.exactOptional(v.string()),
  origins: v.exactOptional(v.array(v.string())),
  requestid: v.exactOptional(v.string()),
  status: v.picklist(["waiting", "queued", "pinning", "pinned", "refused"]),
  details: v.string(),
  failures: v.number(),
  polls: v.exactOptional(v.number()),
  next: v.exactOptional(v.number()),
});

export interface RemotePinsOptions {
  readonly documents: DocStore;
  readonly clock: Clock;
  /** The service at that endpoint, with its token; undefined while there is none. */
  readonly serviceOf: (endpoint: string) => Promise<PinService | undefined>;
  readonly send?: SendBlocks;
}

export class RemotePins {
  readonly #options: RemotePinsOptions;
  readonly #timers = new Map<string, () => void>();
  readonly #steps = new Map<string, AbortController>();
  readonly #changed = new Emitter<WantedPin>();
  #isClosed = false;

  constructor(options: RemotePinsOptions) {
    this.#options = options;
  }

  /** Goes on with all that is wanted. */
  async start(): Promise<void> {
    for (const pin of await this.list()) this.#plan(pin);
  }

  /** By service and CID. */
  async list(): Promise<readonly WantedPin[]> {
    return (await this.#options.documents.loadRange([KEY])).map(([, bytes]) => read(bytes));
  }

  /** Calls `listener` with each pin that changed; returns the way to stop. */
  onChange(listener: (pin: WantedPin) => void): () => void {
    return this.#changed.on(listener);
  }

  /** Wants it there; also again, after the service said no. Kept when this resolves. */
  async want(service: string, wish: PinWish): Promise<void> {
    const pin = wantPin(service, { ...wish, cid: parseCid(wish.cid).toV1().toString() }, this.#options.clock.now());
    this.#stop(idOf(pin));
    await this.#save(pin);
    this.#plan(pin);
  }

  /** Wants it there no more: the service is told; when it can't be, this rejects and the pin stays in the list. */
  async unwant(service: string, cid: string, signal?: AbortSignal): Promise<void> {
    const key = [KEY, service, parseCid(cid).toV1().toString()];
    const bytes = await this.#options.documents.load(key);
    if (!bytes) return;
    const pin = read(bytes);
    this.#stop(idOf(pin));
    const at = await this.#options.serviceOf(service);
    if (at) {
      const known = pin.requestid === undefined ? await at.find(cid, signal) : [{ requestid: pin.requestid }];
      for (const { requestid } of known) await at.remove(requestid, signal);
    }
    await this.#options.documents.write({ remove: [key] });
  }

  close(): void {
    this.#isClosed = true;
    for (const id of [...this.#timers.keys(), ...this.#steps.keys()]) this.#stop(id);
  }

  #plan(pin: WantedPin): void {
    if (pin.next === undefined || this.#isClosed) return;
    const id = idOf(pin);
    this.#timers.get(id)?.();
    const wait = Math.max(0, pin.next - this.#options.clock.now());
    this.#timers.set(
      id,
      this.#options.clock.after(wait, () => {
        this.#timers.delete(id);
        void this.#step(pin);
      }),
    );
  }

  async #step(pin: WantedPin): Promise<void> {
    const stepping = new AbortController();
    this.#steps.set(idOf(pin), stepping);
    try {
      const { clock, serviceOf, send } = this.#options;
      const service = await serviceOf(pin.service);
      const next = service
        ? await stepPin(pin, service, () => clock.now(), send, stepping.signal)
        : ({ ...pin, status: "refused", details: "There is no token for this service any more." } as const);
      if (stepping.signal.aborted) return;
      await this.#save(next);
      this.#plan(next);
    } catch (error) {
      if (!(error instanceof KromaError && error.code === "aborted")) throw error;
    } finally {
      if (this.#steps.get(idOf(pin)) === stepping) this.#steps.delete(idOf(pin));
    }
  }

  #stop(id: string): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    this.#steps.get(id)?.abort();
    this.#steps.delete(id);
  }

  async #save(pin: WantedPin): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(pin));
    await this.#options.documents.write({ put: [[[KEY, pin.service, pin.cid], bytes]] });
    this.#changed.emit(pin);
  }
}

const idOf = ({ service, cid }: WantedPin): string => `${service} ${cid}`;

function read(bytes: Uint8Array): WantedPin {
  try {
    return v.parse(schema, JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw new KromaError("corrupt", "The list of pins at services is damaged.", { cause: error });
  }
}
