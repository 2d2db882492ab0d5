/**
 * Where everyone is in a notebook: the cell, what is chosen in it, what they run. Told while it lasts and kept nowhere.
 * A presence that has not been heard of for a while is gone, whatever became of its link.
 */
import * as v from "valibot";
import type { CellId } from "../base/ids.ts";
import type { MemberId } from "./identity.ts";
import type { Clock } from "./clock.ts";

const cellId = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,64}$/),
  v.transform((text) => text as CellId),
);
const offset = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(10_000_000));

const Presence = v.object({
  cell: v.optional(cellId),
  /** Of the cell's text, in UTF-16 code units. */
  anchor: v.optional(offset),
  head: v.optional(offset),
  running: v.optional(v.pipe(v.array(cellId), v.maxLength(50))),
});

/** What one tells of oneself. */
export type PresenceState = v.InferOutput<typeof Presence>;

/** Someone says where they are at least so often, in milliseconds. */
export const PRESENCE_EVERY = 10_000;
const GONE_AFTER = 3 * PRESENCE_EVERY;

export class Presences {
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #all = new Map<MemberId, { readonly state: PresenceState; readonly stop: () => void }>();
  /** What the person here tells. */
  mine: PresenceState | undefined;

  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** Everyone else who is there. */
  get others(): readonly (readonly [MemberId, PresenceState])[] {
    return Array.from(this.#all, ([id, { state }]) => [id, state] as const);
  }

  of(id: MemberId): PresenceState | undefined {
    return this.#all.get(id)?.state;
  }

  /** Takes in what came from a peer; false when it is not fit to be shown, or says nothing new. */
  hear(id: MemberId, state: unknown): boolean {
    if (state === undefined) return this.remove(id);
    const parsed = v.safeParse(Presence, state);
    if (!parsed.success) return false;
    const before = this.#all.get(id);
    before?.stop();
    this.#all.set(id, { state: parsed.output, stop: this.#clock.after(GONE_AFTER, () => this.remove(id)) });
    if (before && JSON.stringify(before.state) === JSON.stringify(parsed.output)) return true;
    this.#changed();
    return true;
  }

  remove(id: MemberId): boolean {
    const known = this.#all.get(id);
    if (!known) return false;
    known.stop();
    this.#all.delete(id);
    this.#changed();
    return true;
  }

  close(): void {
    for (const { stop } of this.#all.values()) stop();
    this.#all.clear();
  }
}
