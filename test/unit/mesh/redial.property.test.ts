/** Random networks, clocks and wishes: what core/mesh/redial.ts promises holds for all of them. */
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  LONGEST_WAIT_MS,
  nextTick,
  noTargets,
  PATIENCE_MS,
  PING_MS,
  type Redial,
  type RedialEffect,
  type RedialEvent,
  SHORTEST_WAIT_MS,
  step,
} from "#core/mesh/redial.ts";

const addresses = ["a", "b", "c"];

type Move =
  | {
      readonly do: "reach" | "forget" | "opened" | "joined" | "lost" | "lessened" | "alive";
      readonly address: string;
    }
  | { readonly do: "wake" }
  /** Time passes, with a tick whenever one is due. */
  | { readonly do: "pass"; readonly ms: number }
  /** The machine sleeps: time passes, and nobody ticks. */
  | { readonly do: "sleep"; readonly ms: number }
  /** How the world answers from now on. */
  | { readonly do: "world"; readonly dials: "up" | "lacking" | "down" | "refused" | "silent"; readonly pongs: boolean };

const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({
    do: fc.constantFrom("reach", "forget", "opened", "joined", "lost", "lessened", "alive"),
    address: fc.constantFrom(...addresses),
  }),
  fc.record({ do: fc.constant("wake") }),
  fc.record({ do: fc.constant("pass"), ms: fc.integer({ min: 0, max: 100_000 }) }),
  fc.record({ do: fc.constant("sleep"), ms: fc.integer({ min: 0, max: 1_000_000 }) }),
  fc.record({
    do: fc.constant("world"),
    dials: fc.constantFrom("up", "lacking", "down", "refused", "silent"),
    pongs: fc.boolean(),
  }),
);

/** A world that answers as it is told, and checks every effect. */
class World {
  redial: Redial = noTargets;
  now = 1000;
  dials: "up" | "lacking" | "down" | "refused" | "silent" = "up";
  pongs = true;
  /** What an honest adapter holds: connections that are open, attempts that are under way. */
  readonly open = new Set<string>();
  readonly attempts = new Map<number, string>();
  readonly hungUp: { readonly address: string; readonly at: number; readonly reason: string }[] = [];
  readonly dialledAt: number[] = [];
  /** When somebody who is open was heard last; sleep does not count. */
  readonly heardAt = new Map<string, number>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  on(event: RedialEvent): void {
    const { redial, effects } = step(this.redial, event, this.now, this.#random);
    this.redial = redial;
    // Answers come after all effects are seen, as from a network.
    for (const effect of effects) this.#see(effect);
    for (const effect of effects) this.#answer(effect);
  }

  #see(effect: RedialEffect): void {
    if (effect.type === "dial") {
      expect([...this.attempts.values()]).not.toContain(effect.address);
      this.attempts.set(effect.attempt, effect.address);
      this.dialledAt.push(this.now);
    } else if (effect.type === "abandon") this.attempts.delete(effect.attempt);
    else if (effect.type === "hang_up") {
      this.open.delete(effect.address);
      this.hungUp.push({ address: effect.address, at: this.now, reason: effect.reason });
    } else expect(this.open.has(effect.address) || this.phase(effect.address) === "connected").toBe(true);
  }

  #answer(effect: RedialEffect): void {
    const { address } = effect;
    if (effect.type === "ping") {
      this.open.add(address);
      if (!this.pongs) return;
      this.heardAt.set(address, this.now);
      this.on({ type: "pong", address, ping: effect.ping });
    } else if (effect.type === "dial" && this.dials !== "silent") {
      this.attempts.delete(effect.attempt);
      const answer = { address, attempt: effect.attempt };
      if (this.dials === "down" || this.dials === "refused") {
        this.on({ type: "failed", ...answer, reason: "No.", refused: this.dials === "refused" });
      } else {
        this.open.add(address);
        this.heardAt.set(address, this.now);
        this.on({ type: "dialled", ...answer, lacking: this.dials === "lacking" });
      }
    }
  }

  phase(address: string): string | undefined {
    return this.redial.targets.get(address)?.phase.is;
  }

  pass(ms: number): void {
    const end = this.now + ms;
    let ticks = 0;
    for (;;) {
      const at = nextTick(this.redial);
      if (at === undefined || at > end) break;
      this.now = Math.max(this.now, at);
      this.on({ type: "tick" });
      ticks += 1;
      // A tick that is due again at once, for ever, is a busy loop.
      expect(ticks).toBeLessThan(10 + (ms / 1000) * 10 * addresses.length);
    }
    this.now = end;
  }

  do(made: Move): void {
    switch (made.do) {
      case "world":
        this.dials = made.dials;
        this.pongs = made.pongs;
        return;
      case "pass":
        return this.pass(made.ms);
      case "sleep":
        this.now += made.ms;
        if (made.ms > 0 && nextTick(this.redial) !== undefined) this.on({ type: "tick" });
        return;
      case "wake":
        return this.on({ type: "wake" });
      case "reach":
        return this.on({ type: "reach", address: made.address });
      case "forget":
        return this.on({ type: "forget", address: made.address });
      case "opened":
        return this.on({ type: "opened", address: made.address });
      case "joined":
        return this.on({ type: "joined", address: made.address, guest: true });
      case "lost":
        this.open.delete(made.address);
        return this.on({ type: "lost", address: made.address, reason: "Gone." });
      case "lessened":
        return this.on({ type: "lessened", address: made.address, reason: "Worse." });
      case "alive":
        return this.on({ type: "alive", address: made.address });
    }
  }
}

function run(moves: readonly Move[], seed: number, check: (world: World, made: Move) => void): World {
  let state = seed >>> 0;
  const world = new World(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  });
  for (const made of moves) {
    world.do(made);
    check(world, made);
  }
  return world;
}

const moves = fc.array(move, { maxLength: 40 });
const seeds = fc.integer();

it("keeps one attempt at a time, waits within its bounds, and always has a next tick", () => {
  fc.assert(
    fc.property(moves, seeds, (made, seed) => {
      run(made, seed, (world) => {
        for (const [address, { phase, failures, guest }] of world.redial.targets) {
          const attempts = [...world.attempts.values()].filter((other) => other === address).length;
          const expected = phase.is === "dialling" || (phase.is === "connected" && phase.better?.attempt !== undefined);
          expect(attempts).toBe(expected ? 1 : 0);
          if (phase.is === "waiting") {
            expect(phase.until).toBeLessThanOrEqual(world.now + LONGEST_WAIT_MS);
            expect(failures).toBeGreaterThan(0);
          }
          if (guest) expect(["connected", "dialling"]).toContain(phase.is);
          if (phase.is !== "refused") expect(nextTick(world.redial)).toBeDefined();
        }
        // Nothing is tried for one that is not there.
        for (const address of world.attempts.values()) expect(world.redial.targets.has(address)).toBe(true);
      });
    }),
    { numRuns: 300 },
  );
});

it("comes back to every target once the network does, within the longest wait", () => {
  fc.assert(
    fc.property(moves, seeds, (made, seed) => {
      const world = run(made, seed, () => undefined);
      world.do({ do: "world", dials: "up", pongs: true });
      const kept = [...world.redial.targets].filter(([, { guest, phase }]) => !guest && phase.is !== "refused");
      world.pass(LONGEST_WAIT_MS + 31_000);
      for (const [address] of kept) expect(world.phase(address)).toBe("connected");
    }),
    { numRuns: 300 },
  );
});

it("dials at once when it wakes, and gives up nobody for a silence that nobody listened to", () => {
  fc.assert(
    fc.property(moves, seeds, fc.integer({ min: 0, max: 10_000_000 }), (made, seed, slept) => {
      const world = run(made, seed, () => undefined);
      world.do({ do: "world", dials: "up", pongs: true });
      const connected = addresses.filter((address) => world.phase(address) === "connected");
      const waiting = addresses.filter((address) => world.phase(address) === "waiting");
      const heard = [...world.redial.targets.values()].every(
        ({ phase }) => phase.is !== "connected" || phase.deadAt === undefined,
      );
      world.hungUp.length = 0;
      world.now += slept;
      world.on({ type: "wake" });
      for (const address of waiting) expect(world.phase(address)).toBe("connected");
      if (heard) {
        expect(world.hungUp).toEqual([]);
        for (const address of connected) expect(world.phase(address)).toBe("connected");
      }
    }),
    { numRuns: 300 },
  );
});

it("dials at once who waits behind a relay that is back, and once a guest that was lost", () => {
  fc.assert(
    fc.property(moves, seeds, fc.constantFrom("up", "down"), (made, seed, dials) => {
      const world = run(made, seed, () => undefined);
      world.do({ do: "world", dials, pongs: true });
      const before = new Map(addresses.map((address) => [address, world.redial.targets.get(address)]));
      const dialled = world.dialledAt.length;
      for (const address of addresses) world.do({ do: "opened", address });
      const called = [...before.values()].filter((target) => !target || target.phase.is === "waiting");
      expect(world.dialledAt.length).toBe(dialled + called.length);
      for (const [address, target] of before) {
        if (!target) expect(world.redial.targets.get(address)?.guest).toBe(dials === "up" ? true : undefined);
        else if (target.phase.is === "waiting")
          expect(world.phase(address)).toBe(dials === "up" ? "connected" : "waiting");
        else expect(world.redial.targets.get(address)).toEqual(target);
      }
    }),
    { numRuns: 300 },
  );
});

it("notices within ten seconds that someone has fallen silent, and says so", () => {
  fc.assert(
    fc.property(moves, seeds, fc.integer({ min: 0, max: 60_000 }), (made, seed, steady) => {
      const world = run(made, seed, () => undefined);
      world.do({ do: "world", dials: "up", pongs: true });
      world.on({ type: "reach", address: "a" });
      world.pass(LONGEST_WAIT_MS + steady);
      if (world.phase("a") !== "connected") return;
      world.do({ do: "world", dials: "down", pongs: false });
      const silentSince = world.now;
      world.hungUp.length = 0;
      world.pass(10_000);
      const [hungUp] = world.hungUp.filter(({ address }) => address === "a");
      expect(hungUp?.reason).toBe("It does not answer any more.");
      expect((hungUp?.at ?? Infinity) - silentSince).toBeLessThanOrEqual(PING_MS + PATIENCE_MS);
      expect(world.redial.targets.get("a")?.trouble).toBeDefined();
    }),
    { numRuns: 300 },
  );
});

it("waits longer after each failure, and not exactly as long as others do", () => {
  const waits = (seed: number) => {
    const world = run(
      [
        { do: "world", dials: "down", pongs: false },
        { do: "reach", address: "a" },
      ],
      seed,
      () => undefined,
    );
    world.pass(400_000);
    return world.dialledAt.slice(1).map((at, index) => at - (world.dialledAt[index] ?? 0));
  };
  const first = waits(1);
  for (const [index, wait] of first.entries()) {
    const longest = Math.min(LONGEST_WAIT_MS, SHORTEST_WAIT_MS * 2 ** (index + 1));
    expect(wait).toBeGreaterThanOrEqual(longest / 2);
    expect(wait).toBeLessThanOrEqual(longest);
  }
  expect(first.length).toBeGreaterThan(8);
  expect(waits(2)).not.toEqual(first);
});

it("tries to better a connection that lacks something, ever less often, and leaves it up meanwhile", () => {
  const world = run(
    [
      { do: "world", dials: "lacking", pongs: true },
      { do: "reach", address: "a" },
    ],
    1,
    () => undefined,
  );
  world.do({ do: "world", dials: "down", pongs: true });
  world.pass(3_600_000);
  expect(world.phase("a")).toBe("connected");
  const between = world.dialledAt.slice(1).map((at, index) => at - (world.dialledAt[index] ?? 0));
  expect(between.length).toBeGreaterThan(5);
  for (const [index, wait] of between.entries())
    if (index > 0) expect(wait).toBeGreaterThanOrEqual(between[index - 1] ?? 0);
  expect(world.redial.targets.get("a")?.trouble).toBe("No.");
  world.do({ do: "world", dials: "up", pongs: true });
  world.on({ type: "wake" });
  expect(world.redial.targets.get("a")?.trouble).toBeUndefined();
  const tries = world.dialledAt.length;
  world.pass(3_600_000);
  expect(world.dialledAt.length).toBe(tries);
});

it("tries ever less often what is no sooner better than it is worse again", () => {
  const world = run(
    [
      { do: "world", dials: "up", pongs: true },
      { do: "reach", address: "a" },
    ],
    1,
    () => undefined,
  );
  for (let times = 0; times < 8; times += 1) {
    const before = world.dialledAt.length;
    world.do({ do: "lessened", address: "a" });
    expect(world.redial.targets.get("a")).toMatchObject({ phase: { is: "connected" }, trouble: "Worse." });
    while (world.dialledAt.length === before) world.pass(1000);
  }
  const between = world.dialledAt.slice(1).map((at, index) => at - (world.dialledAt[index] ?? 0));
  for (const [index, wait] of between.entries()) {
    if (index > 0) expect(wait).toBeGreaterThanOrEqual(between[index - 1] ?? 0);
  }
  expect(between.at(-1)).toBeGreaterThan(500_000);
  world.pass(60_000);
  world.do({ do: "lessened", address: "a" });
  const last = world.dialledAt.length;
  world.pass(16_000);
  expect(world.dialledAt.length).toBe(last + 1);
  world.do({ do: "lessened", address: "a" });
  world.do({ do: "reach", address: "a" });
  expect(world.dialledAt.length).toBe(last + 2);
});

it("leaves one that refused alone until it is asked for again", () => {
  const world = run(
    [
      { do: "world", dials: "refused", pongs: true },
      { do: "reach", address: "a" },
    ],
    1,
    () => undefined,
  );
  world.pass(1_000_000);
  world.on({ type: "wake" });
  expect(world.dialledAt.length).toBe(1);
  expect(world.redial.targets.get("a")).toMatchObject({ phase: { is: "refused" }, trouble: "No." });
  world.do({ do: "world", dials: "up", pongs: true });
  world.on({ type: "reach", address: "a" });
  expect(world.phase("a")).toBe("connected");
});

it("is due later after a sleep in the middle of an attempt at something better, and not at once for ever", () => {
  const address = addresses[0] ?? "";
  let redial = noTargets;
  let now = 0;
  const on = (event: RedialEvent): void => {
    redial = step(redial, event, now, () => 0.5).redial;
  };
  on({ type: "reach", address });
  on({ type: "dialled", address, attempt: 1, lacking: true });
  const better = () => {
    const phase = redial.targets.get(address)?.phase;
    return phase?.is === "connected" ? phase.better?.attempt : undefined;
  };
  while (better() === undefined) {
    now = nextTick(redial) ?? now;
    on({ type: "alive", address });
    on({ type: "tick" });
  }
  now += 3_600_000;
  on({ type: "tick" });
  expect(nextTick(redial)).toBeGreaterThan(now);
});
