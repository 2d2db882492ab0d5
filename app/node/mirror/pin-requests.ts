/**
 * What holders of tokens asked a mirror to pin: a list that outlives the process. Blocks that are not here are fetched from
 * where the request says they are, again and again for a day, each checked; nothing more is kept than a holder may keep.
 */
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { randomId } from "#core/base/ids.ts";
import type { Clock } from "#core/mesh/clock.ts";
import { parseCid } from "#core/store/cid.ts";
import type { BlockSource, DocStore } from "#core/store/stores.ts";

/** What is asked for, in the words of the Pinning Service API. */
export const pinSchema = v.object({
  cid: v.pipe(v.string(), v.maxLength(512)),
  name: v.optional(v.pipe(v.string(), v.maxLength(255))),
  origins: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(512))), v.maxLength(20))),
  meta: v.optional(
    v.pipe(
      v.record(v.string(), v.pipe(v.string(), v.maxLength(1000))),
      v.check((meta) => Object.keys(meta).length <= 100, "too much"),
    ),
  ),
});
export type PinAsked = v.InferOutput<typeof pinSchema>;

const requestSchema = v.object({
  requestid: v.string(),
  holder: v.string(),
  status: v.picklist(["queued", "pinning", "pinned", "failed"]),
  /** Unix time in milliseconds. */
  created: v.number(),
  pin: pinSchema,
  /** Bytes of all blocks, once they are here. */
  size: v.number(),
  tries: v.number(),
  /** Why it is not pinned yet, for a person. */
  details: v.string(),
});
export type PinRequest = Readonly<v.InferOutput<typeof requestSchema>>;

/** What the list needs of the mirror. */
export interface PinKeeping {
  /** Brings everything under the CID here, at most so many bytes in all; gives how many they are. */
  bring(cid: string, source: BlockSource | undefined, most: number, signal: AbortSignal): Promise<number>;
  /** Somewhere to fetch from; undefined where nobody of the origins can be asked. */
  sourceOf(origins: readonly string[]): BlockSource | undefined;
  pin(cid: string, name: string | undefined): Promise<void>;
  unpin(cid: string): Promise<void>;
  /** Bytes that the holder sent and has not pinned. */
  waitingBytes(holder: string): Promise<number>;
  /** Bytes that the holder may keep; 0 for one whose token is gone. */
  quotaOf(holder: string): Promise<number>;
}

const KEY = "pin-requests";
/** Milliseconds until it is tried again, each time longer. */
const PAUSES = [1_000, 5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000];
const PATIENCE = 24 * 3_600_000;
const MOST_REQUESTS = 10_000;

export class PinRequests {
  readonly #documents: DocStore;
  readonly #keeping: PinKeeping;
  readonly #clock: Clock;
  readonly #running = new Map<string, AbortController>();
  readonly #waiting = new Map<string, () => void>();
  #isClosed = false;

  constructor(documents: DocStore, keeping: PinKeeping, clock: Clock) {
    this.#documents = documents;
    this.#keeping = keeping;
    this.#clock = clock;
  }

  /** Goes on with what was under way when the process ended. */
  async start(): Promise<void> {
    for (const request of await this.#all())
      if (request.status === "queued" || request.status === "pinning") this.#go(request.requestid);
  }

  /** The requests of that holder, latest first. */
  async list(holder: string): Promise<readonly PinRequest[]> {
    return (await this.#all()).filter((request) => request.holder === holder).sort((a, b) => b.created - a.created);
  }

  async get(holder: string, requestid: string): Promise<PinRequest | undefined> {
    const request = await this.#load(requestid);
    return request?.holder === holder ? request : undefined;
  }

  /** Bytes that the holder keeps here. */
  async usage(holder: string): Promise<number> {
    const sizes = new Map<string, number>();
    for (const { pin, size } of await this.list(holder)) sizes.set(keyOf(pin.cid), size);
    let sum = await this.#keeping.waitingBytes(holder);
    for (const size of sizes.values()) sum += size;
    return sum;
  }

  /** A request, which is under way when this resolves. `invalid` for no CID, `exhausted` for too many. */
  async add(holder: string, pin: PinAsked): Promise<PinRequest> {
    parseCid(pin.cid);
    const known = (await this.list(holder)).length;
    if (known >= MOST_REQUESTS) throw new KromaError("exhausted", `You keep ${known} things here; no more are taken.`);
    const created = this.#clock.now();
    const request: PinRequest = {
      requestid: `${created.toString(36)}-${randomId()}`,
      holder,
      status: "queued",
      created,
      pin,
      size: 0,
      tries: 0,
      details: "",
    };
    await this.#save(request);
    // Pinned before it is here: what comes of it must not be taken for garbage.
    await this.#keeping.pin(pin.cid, pin.name);
    this.#go(request.requestid);
    return request;
  }

  /** False when the holder has no such request. The pin is kept while another request is for the same. */
  async remove(holder: string, requestid: string): Promise<boolean> {
    const request = await this.get(holder, requestid);
    if (!request) return false;
    this.#stop(requestid);
    await this.#documents.write({ remove: [[KEY, requestid]] });
    await this.#letGo(request.pin.cid);
    return true;
  }

  /** Blocks came: what waits for its next turn is tried now. */
  wake(): void {
    const waiting = Array.from(this.#waiting);
    this.#waiting.clear();
    for (const [requestid, callOff] of waiting) {
      callOff();
      this.#go(requestid);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const requestid of [...this.#running.keys(), ...this.#waiting.keys()]) this.#stop(requestid);
  }

  #go(requestid: string): void {
    const running = new AbortController();
    this.#running.set(requestid, running);
    void this.#try(requestid, running.signal).finally(() => {
      if (this.#running.get(requestid) === running) this.#running.delete(requestid);
    });
  }

  async #try(requestid: string, signal: AbortSignal): Promise<void> {
    const request = await this.#load(requestid);
    if (!request || signal.aborted) return;
    const { pin, holder, created } = request;
    const tries = request.tries + 1;
    await this.#save({ ...request, status: "pinning", tries });
    try {
      const left = (await this.#keeping.quotaOf(holder)) - (await this.usage(holder));
      const size = await this.#keeping.bring(
        pin.cid,
        this.#keeping.sourceOf(pin.origins ?? []),
        Math.max(0, left),
        signal,
      );
      if (!signal.aborted) await this.#save({ ...request, status: "pinned", tries, size, details: "" });
    } catch (error) {
      if (signal.aborted || this.#isClosed) return;
      const details = error instanceof KromaError ? error.message : "The mirror failed.";
      const isFinal = error instanceof KromaError && (error.code === "exhausted" || error.code === "invalid");
      const pause = PAUSES[Math.min(tries, PAUSES.length) - 1] as number;
      if (isFinal || this.#clock.now() + pause > created + PATIENCE) {
        await this.#save({ ...request, status: "failed", tries, details });
        await this.#letGo(pin.cid);
        return;
      }
      await this.#save({ ...request, status: "queued", tries, details });
      this.#waiting.set(
        requestid,
        this.#clock.after(pause, () => {
          this.#waiting.delete(requestid);
          this.#go(requestid);
        }),
      );
    }
  }

  /** Unpins it unless another request is for the same. */
  async #letGo(cid: string): Promise<void> {
    const isWanted = (await this.#all()).some(
      ({ pin, status }) => status !== "failed" && keyOf(pin.cid) === keyOf(cid),
    );
    if (!isWanted) await this.#keeping.unpin(cid);
  }

  #stop(requestid: string): void {
    this.#running.get(requestid)?.abort();
    this.#waiting.get(requestid)?.();
    this.#waiting.delete(requestid);
  }

  async #all(): Promise<readonly PinRequest[]> {
    return (await this.#documents.loadRange([KEY])).map(([, bytes]) => readRequest(bytes));
  }

  async #load(requestid: string): Promise<PinRequest | undefined> {
    const bytes = await this.#documents.load([KEY, requestid]);
    return bytes && readRequest(bytes);
  }

  async #save(request: PinRequest): Promise<void> {
    if (this.#isClosed) return;
    const bytes = new TextEncoder().encode(JSON.stringify(request));
    await this.#documents.write({ put: [[[KEY, request.requestid], bytes]] });
  }
}

const keyOf = (cid: string): string => parseCid(cid).toV1().toString();

function readRequest(bytes: Uint8Array): PinRequest {
  try {
    return v.parse(requestSchema, JSON.parse(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw new KromaError("corrupt", "The list of what was asked to be pinned is damaged.", { cause: error });
  }
}
