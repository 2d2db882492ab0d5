/**
 * How connections are kept up: who is dialled when, who is pinged, and when someone who is silent is given up. All moves
 * are here, as a function of what was, what happened, the time and a random number; a transport performs the effects and
 * calls `step` again with `tick` when `nextTick` is due.
 *
 * A target is dialled until it is forgotten. Between attempts it waits, longer each time, and not all wait alike (a relay
 * that comes back is not to be met by everyone at once). A guest came by itself: it is pinged like a target, and dropped
 * when it is gone. When a relay is back, whoever waits behind it is dialled at once, and so is, once, a guest that was lost:
 * both ends come back to the relay at different times, and whoever does so second finds the other.
 *
 * Times are milliseconds of a clock that only grows. A tick that comes much too late tells that the machine slept or was
 * busy: nobody is given up for a silence that nobody listened to.
 */

/** Someone who is silent is asked for a sign of life this often. */
export const PING_MS = 5000;
/** Who gives none for so long after being asked is gone. With PING_MS, a dead relay is noticed within 10 seconds. */
export const PATIENCE_MS = 4000;
/** The bounds of the wait between two attempts. */
export const SHORTEST_WAIT_MS = 1000;
export const LONGEST_WAIT_MS = 30_000;
/** An attempt that takes longer is given up. */
export const DIAL_MS = 30_000;
/** A connection that was up so long makes earlier failures forgotten. */
const STEADY_MS = 10_000;
/** An attempt that is older is begun again when the network may have changed. */
const STALE_DIAL_MS = 2000;
/** A tick that comes so late was not waited for. */
const LATE_MS = 2000;
/** The bounds of the time between attempts to make a connection better (a direct path instead of a relay). */
const SHORTEST_BETTER_MS = 15_000;
const LONGEST_BETTER_MS = 600_000;

/** One that is kept up, or came by itself. */
export interface Target {
  /** True for one that came by itself. */
  readonly guest: boolean;
  /** Attempts that failed in a row. */
  readonly failures: number;
  /** Why the last attempt failed, or the last connection ended. */
  readonly trouble: string | undefined;
  readonly phase: Phase;
}

export type Phase =
  | { readonly is: "dialling"; readonly attempt: number; readonly since: number }
  | ConnectedPhase
  | { readonly is: "waiting"; readonly until: number }
  | { readonly is: "refused" };

export interface ConnectedPhase {
  readonly is: "connected";
  readonly since: number;
  /** When the next ping is due. */
  readonly pingAt: number;
  /** The last ping; without an answer or any other sign of life by `deadAt` it is gone. */
  readonly ping: number | undefined;
  readonly deadAt: number | undefined;
  /** Absent when the connection is as good as it can be. */
  readonly better: Better | undefined;
  /** The last time it became as good as it can be, and the attempts that this had taken. */
  readonly bettered: { readonly at: number; readonly tries: number } | undefined;
}

/** Attempts to make a connection better than it is. */
interface Better {
  readonly at: number;
  readonly tries: number;
  /** The attempt that is under way. */
  readonly attempt: number | undefined;
}

/** Everything that is kept up, by address; and the last number that was given to an attempt or a ping. */
export interface Redial {
  readonly targets: ReadonlyMap<string, Target>;
  readonly lastId: number;
}

/** What happened. An attempt's or a ping's number tells it from older ones, whose answers no longer count. */
export type RedialEvent =
  /** It is wanted, now: also one that waits, was refused or lacks something is dialled at once. */
  | { readonly type: "reach"; readonly address: string }
  | { readonly type: "forget"; readonly address: string }
  /** The way there is open again: whoever waits is dialled now. Who is no target is a guest that was lost. */
  | { readonly type: "opened"; readonly address: string }
  /** A connection came by itself, or is there without having been dialled for this address. */
  | { readonly type: "joined"; readonly address: string; readonly guest: boolean }
  /** It is up. `lacking`: it could be better, and `dial` may be tried again while it is up. */
  | { readonly type: "dialled"; readonly address: string; readonly attempt: number; readonly lacking: boolean }
  /** `refused`: trying again is of no use. */
  | {
      readonly type: "failed";
      readonly address: string;
      readonly attempt: number;
      readonly reason: string;
      readonly refused: boolean;
    }
  /** It is up, but not as good as it was. */
  | { readonly type: "lessened"; readonly address: string; readonly reason: string }
  | { readonly type: "pong"; readonly address: string; readonly ping: number }
  /** Any other sign of life. */
  | { readonly type: "alive"; readonly address: string }
  | { readonly type: "lost"; readonly address: string; readonly reason: string }
  | { readonly type: "tick" }
  /** The network may have changed, or the machine slept. */
  | { readonly type: "wake" };

/** What is to be done. */
export type RedialEffect =
  /** Make a connection, or a better one; answer with `dialled` or `failed`. */
  | { readonly type: "dial"; readonly address: string; readonly attempt: number }
  /** Give up this attempt. */
  | { readonly type: "abandon"; readonly address: string; readonly attempt: number }
  | { readonly type: "ping"; readonly address: string; readonly ping: number }
  /** End the connection; no `lost` is awaited. */
  | { readonly type: "hang_up"; readonly address: string; readonly reason: string };

/** Nobody is kept up yet. */
export const noTargets: Redial = { targets: new Map(), lastId: 0 };

/** What someone who is silent is told to have been. */
const SILENT = "It does not answer any more.";

/** The next state and what is to be done. `random` is from 0 to 1. */
export function step(
  redial: Redial,
  event: RedialEvent,
  now: number,
  random: () => number,
): { readonly redial: Redial; readonly effects: readonly RedialEffect[] } {
  const moves = new Moves(redial, now, random);
  moves.on(event);
  return { redial: moves.result(), effects: moves.effects };
}

/** When the next tick is due; undefined while nothing is. */
export function nextTick(redial: Redial): number | undefined {
  let first: number | undefined;
  for (const target of redial.targets.values()) {
    const at = dueAt(target.phase);
    if (at !== undefined && (first === undefined || at < first)) first = at;
  }
  return first;
}

function dueAt(phase: Phase): number | undefined {
  switch (phase.is) {
    case "dialling":
      return phase.since + DIAL_MS;
    case "waiting":
      return phase.until;
    case "refused":
      return undefined;
    case "connected": {
      const better = phase.better && phase.better.at;
      return Math.min(phase.pingAt, phase.deadAt ?? phase.pingAt, better ?? phase.pingAt);
    }
  }
}

/** One step under way. */
class Moves {
  readonly effects: RedialEffect[] = [];
  readonly #before: Redial;
  readonly #targets: Map<string, Target>;
  readonly #now: number;
  readonly #random: () => number;
  #lastId: number;

  constructor(redial: Redial, now: number, random: () => number) {
    this.#before = redial;
    this.#targets = new Map(redial.targets);
    this.#lastId = redial.lastId;
    this.#now = now;
    this.#random = random;
  }

  result(): Redial {
    return { targets: this.#targets, lastId: this.#lastId };
  }

  on(event: RedialEvent): void {
    if (event.type === "tick") return this.#tick();
    if (event.type === "wake") return this.#wake();
    const { address } = event;
    const target = this.#targets.get(address);
    if (event.type === "reach") return this.#reach(address, target);
    if (event.type === "opened") return this.#opened(address, target);
    if (event.type === "joined") return this.#joined(address, target, event.guest);
    if (!target) return;
    const { phase } = target;
    switch (event.type) {
      case "forget":
        this.#targets.delete(address);
        this.#abandon(address, phase);
        if (phase.is === "connected")
          this.effects.push({ type: "hang_up", address, reason: "It is no longer wanted." });
        return;
      case "dialled":
        if (phase.is === "dialling" && phase.attempt === event.attempt) {
          this.#connected(address, target, event.lacking);
        } else if (phase.is === "connected" && phase.better?.attempt === event.attempt) {
          this.#bettered(address, target, phase, event.lacking, target.trouble);
        }
        return;
      case "failed":
        if (phase.is === "dialling" && phase.attempt === event.attempt) {
          if (event.refused && !target.guest) this.#put(address, target, { is: "refused" }, event.reason);
          else this.#wait(address, target, event.reason);
        } else if (phase.is === "connected" && phase.better?.attempt === event.attempt) {
          this.#bettered(address, target, phase, true, event.reason);
        }
        return;
      case "lessened":
        if (phase.is !== "connected") return;
        this.#bettered(address, target, phase, true, event.reason);
        return;
      case "pong":
        if (phase.is === "connected" && phase.ping === event.ping) this.#heard(address, target, phase);
        return;
      case "alive":
        if (phase.is === "connected" && phase.deadAt !== undefined) this.#heard(address, target, phase);
        return;
      case "lost":
        if (phase.is === "connected") this.#lost(address, target, phase, event.reason);
    }
  }

  #reach(address: string, target: Target | undefined): void {
    if (!target) {
      this.#dial(address, { guest: false, failures: 0, trouble: undefined });
      return;
    }
    const { phase } = target;
    if (phase.is === "refused" || phase.is === "waiting") {
      this.#dial(address, { ...target, failures: 0 });
    } else if (phase.is === "connected" && phase.better && phase.better.attempt === undefined) {
      const next = this.#tryBetter(address, phase, { ...phase.better, tries: 0 });
      this.#targets.set(address, { ...target, guest: false, phase: next });
    } else if (target.guest) {
      this.#targets.set(address, { ...target, guest: false });
    }
  }

  #opened(address: string, target: Target | undefined): void {
    if (!target) this.#dial(address, { guest: true, failures: 0, trouble: undefined });
    else if (target.phase.is === "waiting") this.#dial(address, { ...target, failures: 0 });
  }

  #joined(address: string, target: Target | undefined, guest: boolean): void {
    if (!target && !guest) return;
    if (target?.phase.is === "connected") return;
    if (target) this.#abandon(address, target.phase);
    this.#connected(address, target ?? { guest, failures: 0, trouble: undefined }, false);
  }

  #tick(): void {
    const due = nextTick(this.#before);
    if (due !== undefined && this.#now - due > LATE_MS) return this.#wake();
    for (const [address, target] of this.#targets) {
      const { phase } = target;
      if (phase.is === "waiting" && phase.until <= this.#now) {
        this.#dial(address, target);
      } else if (phase.is === "dialling" && phase.since + DIAL_MS <= this.#now) {
        this.#abandon(address, phase);
        this.#wait(address, target, "It took too long to answer.");
      } else if (phase.is === "connected") {
        this.#look(address, target, phase);
      }
    }
  }

  #look(address: string, target: Target, phase: ConnectedPhase): void {
    if (phase.deadAt !== undefined && phase.deadAt <= this.#now) {
      this.effects.push({ type: "hang_up", address, reason: SILENT });
      this.#lost(address, target, phase, SILENT);
      return;
    }
    let next = phase;
    if (next.pingAt <= this.#now) next = this.#pinged(address, next);
    if (next.better && next.better.at <= this.#now) next = this.#tryBetter(address, next, next.better);
    if (next !== phase) this.#put(address, target, next, target.trouble);
  }

  /** All are asked for a sign of life, and dialled, now. */
  #wake(): void {
    for (const [address, target] of this.#targets) {
      const { phase } = target;
      if (phase.is === "waiting") {
        this.#dial(address, { ...target, failures: 0 });
      } else if (phase.is === "dialling" && phase.since + STALE_DIAL_MS <= this.#now) {
        this.#abandon(address, phase);
        this.#dial(address, { ...target, failures: 0 });
      } else if (phase.is === "connected") {
        // A deadline that has passed was passed while nobody listened; one that is still to come stands.
        const stands = phase.deadAt !== undefined && phase.deadAt > this.#now;
        let next = stands ? phase : this.#pinged(address, { ...phase, ping: undefined, deadAt: undefined });
        // One that is under way goes on, unless its time passed meanwhile: it would be due for ever.
        if (next.better && (next.better.attempt === undefined || next.better.at <= this.#now)) {
          next = this.#tryBetter(address, next, { ...next.better, tries: 0 });
        }
        this.#put(address, target, next, target.trouble);
      }
    }
  }

  #dial(address: string, target: Omit<Target, "phase">): void {
    const attempt = this.#id();
    this.#targets.set(address, { ...target, phase: { is: "dialling", attempt, since: this.#now } });
    this.effects.push({ type: "dial", address, attempt });
  }

  /** Up: the first ping goes out at once, for the panel shows the round trip and a dead one is found soon. */
  #connected(address: string, target: Omit<Target, "phase">, lacking: boolean): void {
    const phase: ConnectedPhase = {
      is: "connected",
      since: this.#now,
      pingAt: this.#now,
      ping: undefined,
      deadAt: undefined,
      better: lacking ? { at: this.#now + SHORTEST_BETTER_MS, tries: 0, attempt: undefined } : undefined,
      bettered: undefined,
    };
    this.#targets.set(address, { ...target, trouble: undefined, phase: this.#pinged(address, phase) });
  }

  #pinged(address: string, phase: ConnectedPhase): ConnectedPhase {
    const ping = this.#id();
    this.effects.push({ type: "ping", address, ping });
    return { ...phase, ping, pingAt: this.#now + PING_MS, deadAt: phase.deadAt ?? this.#now + PATIENCE_MS };
  }

  #heard(address: string, target: Target, phase: ConnectedPhase): void {
    const steady = this.#now - phase.since >= STEADY_MS;
    const next: ConnectedPhase = { ...phase, deadAt: undefined };
    this.#targets.set(address, { ...target, failures: steady ? 0 : target.failures, phase: next });
  }

  #tryBetter(address: string, phase: ConnectedPhase, better: Better): ConnectedPhase {
    if (better.attempt !== undefined) {
      // It took too long; the next one is later.
      this.effects.push({ type: "abandon", address, attempt: better.attempt });
      return {
        ...phase,
        better: { at: this.#now + betterWait(better.tries), tries: better.tries, attempt: undefined },
      };
    }
    const attempt = this.#id();
    this.effects.push({ type: "dial", address, attempt });
    return { ...phase, better: { at: this.#now + DIAL_MS, tries: better.tries + 1, attempt } };
  }

  #bettered(
    address: string,
    target: Target,
    phase: ConnectedPhase,
    lacking: boolean,
    trouble: string | undefined,
  ): void {
    // What is no sooner good than it is bad again is tried ever less often.
    const lately = phase.bettered && this.#now - phase.bettered.at < STEADY_MS ? phase.bettered.tries : 0;
    const tries = phase.better?.tries ?? lately;
    const bettered = lacking ? phase.bettered : { at: this.#now, tries };
    const better = lacking ? { at: this.#now + betterWait(tries), tries, attempt: undefined } : undefined;
    if (lacking && phase.better?.attempt !== undefined) {
      // Whether this is its answer or the connection got worse meanwhile, the attempt is over.
      this.effects.push({ type: "abandon", address, attempt: phase.better.attempt });
    }
    this.#put(address, target, { ...phase, better, bettered }, lacking ? trouble : undefined);
  }

  #lost(address: string, target: Target, phase: ConnectedPhase, reason: string): void {
    if (phase.better?.attempt !== undefined) {
      this.effects.push({ type: "abandon", address, attempt: phase.better.attempt });
    }
    const steady = this.#now - phase.since >= STEADY_MS;
    this.#wait(address, { ...target, failures: steady ? 0 : target.failures }, reason);
  }

  /** It is tried again later. A guest knows itself when to come. */
  #wait(address: string, target: Target, trouble: string): void {
    if (target.guest) {
      this.#targets.delete(address);
      return;
    }
    const failures = target.failures + 1;
    // From half of the longest wait to all of it, which doubles with each failure.
    const longest = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** Math.min(failures, 16));
    const until = this.#now + longest * (0.5 + this.#random() / 2);
    this.#targets.set(address, { ...target, failures, trouble, phase: { is: "waiting", until } });
  }

  #put(address: string, target: Target, phase: Phase, trouble: string | undefined): void {
    this.#targets.set(address, { ...target, phase, trouble });
  }

  #abandon(address: string, phase: Phase): void {
    const attempt =
      phase.is === "dialling" ? phase.attempt : phase.is === "connected" ? phase.better?.attempt : undefined;
    if (attempt !== undefined) this.effects.push({ type: "abandon", address, attempt });
  }

  #id(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}

function betterWait(tries: number): number {
  return Math.min(LONGEST_BETTER_MS, SHORTEST_BETTER_MS * 2 ** Math.min(tries, 10));
}
