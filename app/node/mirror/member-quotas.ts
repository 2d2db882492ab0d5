/**
 * What each member costs a mirror, counted over restarts, and the sentence for who costs too much. Bytes that are kept count
 * for whoever brought them; what comes is counted by the day. Counts are written now and then: a crash forgets seconds.
 */
import * as v from "valibot";
import type { DocumentId } from "#core/base/ids.ts";
import type { Clock } from "#core/mesh/clock.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import type { Quotas } from "#core/mesh/quotas.ts";
import type { DocStore, StoreKey } from "#core/store/stores.ts";
import { sizeWords } from "./sizes.ts";

/** What one member may cost, or all together. */
export interface QuotaLimits {
  /** Bytes that are kept: notebooks, comments, outputs and files. */
  readonly stored: number;
  /** Bytes received in a day. */
  readonly received: number;
  /** Notebooks that a member has made and this mirror keeps. */
  readonly notebooks: number;
  /** Bytes passed on in a day to others who have no direct path. */
  readonly relayed: number;
}

/** The limits of each member, and of all. */
export interface MirrorLimits {
  readonly member: QuotaLimits;
  readonly all: QuotaLimits;
}

/** Enough for a group of people and their outputs, and little enough for a small machine. */
export const defaultMirrorLimits: MirrorLimits = {
  member: { stored: 2e9, received: 8e9, notebooks: 200, relayed: 8e9 },
  all: { stored: 20e9, received: 80e9, notebooks: 2000, relayed: 80e9 },
};

/** What one costs now. */
export interface MemberCounts {
  readonly member: string;
  readonly stored: number;
  readonly received: number;
  readonly relayed: number;
  readonly isOver: boolean;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Kept = v.object({
  stored: v.record(v.string(), count),
  day: count,
  received: count,
  relayed: count,
});

interface Counts {
  /** By notebook, and in all. */
  readonly stored: Map<string, number>;
  storedInAll: number;
  day: number;
  received: number;
  relayed: number;
  /** What was told of them last. */
  said: string | undefined;
}

export interface MemberQuotasOptions {
  readonly limits: MirrorLimits;
  readonly store: DocStore;
  readonly clock: Clock;
  /** The notebooks that are kept, and who made each. */
  readonly notebooks: () => readonly { readonly document: DocumentId; readonly creator: MemberId | undefined }[];
  /** A member is over, or is not any more; a line for a log. */
  readonly log: (line: string) => void;
}

const ROOT = "quota";
const DAY = 24 * 60 * 60 * 1000;
const WRITE_AFTER = 5000;
/** Of who sends this many times what they may in a day nothing is heard till the next. */
const PATIENCE = 4;
/** Members of whom counts are kept: those who cost least go first. */
const MOST_COUNTED = 10_000;
const LEAST_KEPT = 4096;

export class MemberQuotas implements Quotas {
  readonly #options: MemberQuotasOptions;
  readonly #counts = new Map<string, Counts>();
  readonly #dirty = new Set<string>();
  /** Of all members; what comes and is passed on, on that day. */
  readonly #all = { stored: 0, day: 0, received: 0, relayed: 0 };
  #stop: (() => void) | undefined;

  private constructor(options: MemberQuotasOptions) {
    this.#options = options;
  }

  /** With the counts that were kept. What can't be read is counted anew. */
  static async load(options: MemberQuotasOptions): Promise<MemberQuotas> {
    const quotas = new MemberQuotas(options);
    for (const [[, member = ""], bytes] of await options.store.loadRange([ROOT])) {
      try {
        const { stored, ...rest } = v.parse(Kept, JSON.parse(new TextDecoder().decode(bytes)));
        quotas.#counts.set(member, {
          ...rest,
          stored: new Map(Object.entries(stored)),
          storedInAll: Object.values(stored).reduce((sum, one) => sum + one, 0),
          said: undefined,
        });
      } catch {
        continue;
      }
    }
    for (const { storedInAll, day, received, relayed } of quotas.#counts.values()) {
      quotas.#all.stored += storedInAll;
      if (day !== quotas.#today().day) continue;
      quotas.#all.received += received;
      quotas.#all.relayed += relayed;
    }
    return quotas;
  }

  received(member: MemberId, bytes: number): void {
    this.#of(member).received += bytes;
    this.#today().received += bytes;
    this.#changed(member);
  }

  brought(member: MemberId, document: DocumentId, bytes: number): void {
    if (bytes === 0) return;
    const counts = this.#of(member);
    counts.stored.set(document, (counts.stored.get(document) ?? 0) + bytes);
    counts.storedInAll += bytes;
    this.#all.stored += bytes;
    this.#changed(member);
  }

  /** Bytes of that peer or member were passed on to another one. */
  relayed(who: string, bytes: number): void {
    this.#of(who).relayed += bytes;
    this.#today().relayed += bytes;
    this.#changed(who);
  }

  /** False when nothing more of theirs is passed on today. */
  mayRelay(who: string): boolean {
    const { member, all } = this.#options.limits;
    return this.#of(who).relayed < member.relayed && this.#today().relayed < all.relayed;
  }

  refusal(member: MemberId): string | undefined {
    const reason = this.#reason(member);
    const counts = this.#of(member);
    if ((reason === undefined) !== (counts.said === undefined))
      this.#options.log(
        `${shortName(member)} ${reason === undefined ? "is within its quota again" : "is over its quota"}`,
      );
    counts.said = reason;
    return reason;
  }

  ban(member: MemberId): string | undefined {
    const most = PATIENCE * this.#options.limits.member.received;
    return this.#of(member).received > most
      ? "This always-on machine has got far more from you today than it takes. It listens again tomorrow."
      : undefined;
  }

  refusalOfNotebook(document: DocumentId, creator: MemberId): string | undefined {
    const { member, all } = this.#options.limits;
    const others = this.#options.notebooks().filter((one) => one.document !== document && one.creator !== undefined);
    const theirs = others.filter((one) => one.creator === creator).length;
    if (others.length < all.notebooks && theirs < member.notebooks) return undefined;
    this.#options.log(`a notebook of ${shortName(creator)} is not kept: there are as many as it may have`);
    return "This always-on machine keeps as many notebooks as it may already. Another one can keep this.";
  }

  /** Those who cost something, most first. */
  get members(): readonly MemberCounts[] {
    return [...this.#counts.keys()]
      .map((member) => {
        const { storedInAll: stored, received, relayed } = this.#of(member);
        const isOver = this.#reason(member) !== undefined || !this.mayRelay(member);
        return { member: shortName(member), stored, received, relayed, isOver };
      })
      .toSorted((left, right) => right.stored - left.stored || right.received - left.received);
  }

  /** Writes what is not written. */
  async flush(): Promise<void> {
    this.#stop?.();
    this.#stop = undefined;
    // Strangers who only say hello are as many as they like, and not worth a line.
    const dirty = [...this.#dirty].filter((member) => costs(this.#of(member)) >= LEAST_KEPT);
    this.#dirty.clear();
    const put = dirty.map((member): [StoreKey, Uint8Array] => {
      const { stored, day, received, relayed } = this.#of(member);
      const text = JSON.stringify({ stored: Object.fromEntries(stored), day, received, relayed });
      return [[ROOT, member], new TextEncoder().encode(text)];
    });
    const spare = this.#counts.size <= MOST_COUNTED ? [] : this.#spare();
    for (const member of spare) {
      this.#all.stored -= this.#of(member).storedInAll;
      this.#counts.delete(member);
    }
    try {
      await this.#options.store.write({ put, remove: spare.map((member) => [ROOT, member]) });
    } catch (error) {
      for (const member of dirty) this.#dirty.add(member);
      throw error;
    }
  }

  #reason(member: string): string | undefined {
    const { limits } = this.#options;
    const counts = this.#of(member);
    const still = "What it has stays, and you get what others write. What you write goes to those who are here.";
    if (counts.storedInAll >= limits.member.stored)
      return `This always-on machine keeps ${sizeWords(limits.member.stored)} of what you bring, and has it. ${still}`;
    if (counts.received >= limits.member.received)
      return `This always-on machine takes ${sizeWords(limits.member.received)} of you in a day, and has got it. ${still}`;
    if (this.#all.stored >= limits.all.stored) return `This always-on machine is full. ${still}`;
    if (this.#today().received >= limits.all.received) return `This always-on machine takes no more today. ${still}`;
    return undefined;
  }

  #today(): { readonly day: number; received: number; relayed: number } {
    const day = Math.floor(this.#options.clock.now() / DAY);
    if (this.#all.day !== day) Object.assign(this.#all, { day, received: 0, relayed: 0 });
    return this.#all;
  }

  /** Its counts of today. */
  #of(member: string): Counts {
    const { day } = this.#today();
    const known = this.#counts.get(member);
    const counts = known ?? {
      stored: new Map<string, number>(),
      storedInAll: 0,
      day,
      received: 0,
      relayed: 0,
      said: undefined,
    };
    if (!known) this.#counts.set(member, counts);
    if (counts.day !== day) Object.assign(counts, { day, received: 0, relayed: 0 });
    return counts;
  }

  #spare(): readonly string[] {
    return [...this.#counts.keys()]
      .toSorted((left, right) => costs(this.#of(left)) - costs(this.#of(right)))
      .slice(0, this.#counts.size - MOST_COUNTED);
  }

  #changed(member: string): void {
    this.#dirty.add(member);
    // What can't be written now is written with what comes next.
    this.#stop ??= this.#options.clock.after(WRITE_AFTER, () => {
      this.#stop = undefined;
      this.flush().catch(() => undefined);
    });
  }
}

/** Enough of an id to tell members apart; it is a hash of public keys, and no secret. */
const shortName = (id: string): string => id.slice(0, 16);

const costs = ({ storedInAll, received, relayed }: Counts): number => storedInAll + received + relayed;
