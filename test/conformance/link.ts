/** What any Link must do, whatever carries it. Called with a way to make two joined ends; the far one may be elsewhere. */
import { describe, expect, it } from "vitest";
import { type Link, MOST_MESSAGE_BYTES } from "#core/mesh/link.ts";
import { type FarEnd, checksum, sample } from "./link-ends.ts";

/** Two ends of one link. */
export interface LinkEnds {
  readonly near: Link;
  readonly far: FarEnd;
  /** Ends what was started to make them. */
  close(): Promise<void>;
}

const sizes = [0, 1, 3, 4, 5, 1000, 16_379, 16_380, 16_381, 16_384, 65_536, 262_144, MOST_MESSAGE_BYTES];

/** The suite. `near` and `far` are fresh for every test. */
export function describeLink(name: string, make: () => Promise<LinkEnds>): void {
  const test = (title: string, run: (ends: LinkEnds) => Promise<void>) =>
    it(title, async () => {
      const ends = await make();
      try {
        await run(ends);
      } finally {
        await ends.close();
      }
    });

  describe(`${name} as a link`, () => {
    test("names both ends, and one of them dialled", async ({ near }) => {
      expect(near.local).not.toBe("");
      expect(near.remote).not.toBe("");
      expect(near.local).not.toBe(near.remote);
      expect(near.dialled).toBe(true);
    });

    test("carries whole messages in order, of any size up to the limit", async ({ near, far }) => {
      await far.listen();
      for (const [seed, size] of sizes.entries()) near.channel.send(sample(size, seed));
      expect(await far.received(sizes.length)).toEqual(sizes.map((size, seed) => checksum(sample(size, seed))));
    });

    test("carries messages both ways at once", async ({ near, far }) => {
      await far.listen();
      const { heard, until } = listenTo(near);
      for (let seed = 0; seed < 50; seed += 1) {
        near.channel.send(sample(5000 + seed, seed));
        await far.send(7000 + seed, 100 + seed);
      }
      const numbers = Array.from({ length: 50 }, (_, seed) => seed);
      expect(await far.received(50)).toEqual(numbers.map((seed) => checksum(sample(5000 + seed, seed))));
      await until(() => heard.length >= 50);
      expect(heard).toEqual(numbers.map((seed) => checksum(sample(7000 + seed, 100 + seed))));
    });

    test("keeps what comes before anyone listens", async ({ near, far }) => {
      await far.send(100, 1);
      await far.send(200, 2);
      await far.listen();
      near.channel.send(sample(10, 3));
      await far.received(1);
      const { heard, until } = listenTo(near);
      await until(() => heard.length >= 2);
      expect(heard).toEqual([checksum(sample(100, 1)), checksum(sample(200, 2))]);
    });

    test("ends for a message that is one byte too long, and says so at both ends", async ({ near, far }) => {
      await far.listen();
      const ended = endOf(near);
      near.channel.send(sample(8, 1));
      near.channel.send(new Uint8Array(MOST_MESSAGE_BYTES + 1));
      expect(await ended).toMatch(/too long/);
      expect(await far.ended()).toMatch(/too long/);
    });

    test("tells the other end that it was closed, and why, after all that was sent", async ({ near, far }) => {
      await far.listen();
      const ended = endOf(near);
      near.channel.send(sample(300_000, 1));
      near.channel.close("The notebook was closed.");
      expect(await ended).toBe("The notebook was closed.");
      expect(await far.ended()).toBe("The notebook was closed.");
      expect(await far.received(1)).toEqual([checksum(sample(300_000, 1))]);
    });

    test("is told that the other end was closed, and why", async ({ near, far }) => {
      const ended = endOf(near);
      await far.close("You were removed.");
      expect(await ended).toBe("You were removed.");
    });

    test("carries nothing after it was closed", async ({ near, far }) => {
      await far.listen();
      const { heard } = listenTo(near);
      near.channel.close();
      near.channel.send(sample(10, 1));
      await far.send(10, 2);
      await far.ended();
      await far.send(10, 3);
      expect(await far.received(1)).toEqual([]);
      expect(heard).toEqual([]);
    });

    test("tells its end also to those who ask later", async ({ near, far }) => {
      await far.close("Too late.");
      await endOf(near);
      expect(await endOf(near)).toBe("Too late.");
    });

    test("lets those who send a lot wait for the other end", async ({ near, far }) => {
      await far.listen();
      const count = 24;
      for (let seed = 0; seed < count; seed += 1) {
        near.channel.send(sample(MOST_MESSAGE_BYTES, seed));
        await near.drained?.();
        expect(near.facts?.().queuedBytes ?? 0).toBeLessThan(MOST_MESSAGE_BYTES);
      }
      const heard = await far.received(count);
      expect(heard).toEqual(Array.from({ length: count }, (_, seed) => checksum(sample(MOST_MESSAGE_BYTES, seed))));
      expect(near.facts?.().sentBytes).toBeGreaterThanOrEqual(count * MOST_MESSAGE_BYTES);
    });

    test("ends when the other end takes nothing, in bounded memory", async ({ near, far }) => {
      const ended = endOf(near);
      let over = false;
      void ended.then(() => {
        over = true;
      });
      const message = sample(MOST_MESSAGE_BYTES, 1);
      const before = await far.memory?.();
      // Far more than all buffers on the way hold together.
      for (let count = 0; count < 200 && !over; count += 1) {
        near.channel.send(message);
        expect(near.facts?.().queuedBytes ?? 0).toBeLessThan(10 * MOST_MESSAGE_BYTES);
        await new Promise((resolve) => setTimeout(resolve));
      }
      expect(await ended).toMatch(/does not take|More was sent|ended|lost/);
      const after = await far.memory?.();
      if (before !== undefined && after !== undefined) expect(after - before).toBeLessThan(100 * 1024 * 1024);
    });
  });
}

function listenTo(link: Link): { readonly heard: readonly string[]; until(test: () => boolean): Promise<void> } {
  const heard: string[] = [];
  let look = () => {};
  link.channel.receive((message) => {
    heard.push(checksum(message));
    look();
  });
  return {
    heard,
    until: (test) =>
      new Promise((resolve) => {
        look = () => test() && resolve();
        look();
      }),
  };
}

function endOf(link: Link): Promise<string | undefined> {
  return new Promise((resolve) => {
    link.channel.onClose(resolve);
  });
}
