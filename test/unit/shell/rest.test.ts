/** The emulator rests only when nobody uses the machine and nothing runs in it. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Rest } from "#kernels/shell/rest.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function machine(quiet: () => boolean) {
  const log: string[] = [];
  const rest = new Rest({
    pause: async () => void log.push("pause"),
    resume: async () => void log.push("resume"),
    isQuiet: async () => quiet(),
  });
  return { log, rest };
}

test("an unused machine is stopped, and goes on before the next use", async () => {
  const { log, rest } = machine(() => true);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(log).toEqual(["pause"]);
  expect(rest.paused).toBe(true);
  await rest.during(async () => void log.push("work"));
  expect(log).toEqual(["pause", "resume", "work"]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(log.at(-1)).toBe("pause");
});

test("a machine in use is never stopped, however long it takes", async () => {
  const { log, rest } = machine(() => true);
  let end = () => undefined as void;
  const work = rest.during(() => new Promise<void>((resolve) => (end = resolve)));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(log).toEqual([]);
  end();
  await work;
});

test("programs left in the machine keep it awake until they end", async () => {
  let quiet = false;
  const { log } = machine(() => quiet);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(log).toEqual([]);
  quiet = true;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(log).toEqual(["pause"]);
});

test("a short use while the machine is asked counts: what it began is looked at again", async () => {
  const log: string[] = [];
  const answers: ((quiet: boolean) => void)[] = [];
  const rest = new Rest({
    pause: async () => void log.push("pause"),
    resume: async () => void log.push("resume"),
    isQuiet: () => new Promise((resolve) => answers.push(resolve)),
  });
  await vi.advanceTimersByTimeAsync(2000);
  await rest.during(async () => void log.push("typed"));
  answers.shift()?.(true);
  await vi.advanceTimersByTimeAsync(1000);
  expect(log).toEqual(["typed"]);
  await vi.advanceTimersByTimeAsync(1000);
  answers.shift()?.(true);
  await vi.advanceTimersByTimeAsync(10);
  expect(log).toEqual(["typed", "pause"]);
});
