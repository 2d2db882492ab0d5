/**
 * What is known of names, kept: the newest record of each, and the version that its reader has agreed to. A newer one is shown as
 * newer; it never takes the place of the other by itself.
 */
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import type { DocStore } from "#core/store/stores.ts";
import { isNewer, parseName, readRecord, type NameRecord } from "./record.ts";

/** A name that somebody follows. */
export interface FollowedName {
  readonly name: string;
  /** `/ipfs/…` that was agreed to last; undefined before the first time. */
  readonly accepted: string | undefined;
  /** Addresses of mirrors and peers that the link named by which it is followed. */
  readonly from: readonly string[];
  /** What the newest record says, undefined while none is known that is good. */
  readonly newest: NameRecord | undefined;
  /** True when the newest is another than the one agreed to. */
  readonly hasNews: boolean;
}

const RECORDS = "names";
const ACCEPTED = "followed-names";
const acceptedSchema = v.strictObject({ value: v.string(), from: v.optional(v.array(v.string()), []) });

export class NameBook {
  readonly #documents: DocStore;
  readonly #most: number;
  /** One offer after the other, so that an older record can't overtake a newer one. */
  #turn: Promise<unknown> = Promise.resolve();

  /** A book in that store, of at most so many names. */
  constructor(documents: DocStore, most = 10_000) {
    this.#documents = documents;
    this.#most = most;
  }

  /** The newest record that is good; undefined when there is none. */
  async newest(name: string, now: number): Promise<NameRecord | undefined> {
    const bytes = await this.#documents.load([RECORDS, parseName(name)]);
    if (!bytes) return undefined;
    try {
      return await readRecord(name, bytes, now);
    } catch (error) {
      if (error instanceof KromaError && error.code === "unavailable") return undefined;
      throw error;
    }
  }

  /** The newest record there ever was, also one whose time is over. */
  latest(name: string): Promise<NameRecord | undefined> {
    return this.#known(parseName(name));
  }

  /** Its number. */
  async sequence(name: string): Promise<bigint | undefined> {
    return (await this.latest(name))?.sequence;
  }

  /** The names that are followed, in their order. */
  async names(): Promise<readonly string[]> {
    return (await this.#documents.loadRange([ACCEPTED])).map(([key]) => key[1] as string);
  }

  /** Follows the name no more. What is known of it stays, so that nobody can come with an older record. */
  async forget(name: string): Promise<void> {
    await this.#documents.write({ remove: [[ACCEPTED, parseName(name)]] });
  }

  /**
   * Keeps the record if it is newer than what is known, and says whether it did. `corrupt` or `unavailable` for one that is not
   * to be believed, `exhausted` when the book is full.
   */
  offer(name: string, bytes: Uint8Array, now: number): Promise<boolean> {
    const offered = this.#turn.then(() => this.#take(name, bytes, now));
    this.#turn = offered.catch(() => undefined);
    return offered;
  }

  /** How a followed name stands. */
  async followed(name: string, now: number): Promise<FollowedName> {
    const known = parseName(name);
    const { value: accepted, from = [] } = { ...(await this.#accepted(known)) };
    const newest = await this.newest(known, now);
    return { name: known, accepted, from, newest, hasNews: newest !== undefined && newest.value !== accepted };
  }

  /** From now on this is the version that the reader means by the name; who may know of newer ones stays as it was without `from`. */
  async accept(name: string, value: string, from?: readonly string[]): Promise<void> {
    const known = parseName(name);
    const kept = from ?? (await this.#accepted(known))?.from ?? [];
    const bytes = new TextEncoder().encode(JSON.stringify({ value, from: kept }));
    await this.#documents.write({ put: [[[ACCEPTED, known], bytes]] });
  }

  async #accepted(name: string): Promise<v.InferOutput<typeof acceptedSchema> | undefined> {
    const bytes = await this.#documents.load([ACCEPTED, name]);
    const parsed = bytes && v.safeParse(acceptedSchema, JSON.parse(new TextDecoder().decode(bytes)));
    return parsed?.success ? parsed.output : undefined;
  }

  async #take(name: string, bytes: Uint8Array, now: number): Promise<boolean> {
    const next = await readRecord(name, bytes, now);
    const known = await this.#known(next.name);
    if (known && !isNewer(next, known)) return false;
    if (!known && (await this.#documents.loadRange([RECORDS])).length >= this.#most)
      throw new KromaError("exhausted", "No more names are kept here.");
    await this.#documents.write({ put: [[[RECORDS, next.name], next.bytes]] });
    return true;
  }

  /** Also one whose time is over: an older record must not come after it. */
  async #known(name: string): Promise<NameRecord | undefined> {
    const bytes = await this.#documents.load([RECORDS, name]);
    return bytes && readRecord(name, bytes, 0);
  }
}
