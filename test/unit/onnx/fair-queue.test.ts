/** Turns: nobody waits for all that another has put in line, and what is taken back in time is not done. */
import { expect, test } from "vitest";
import { FairQueue } from "#core/base/fair-queue.ts";

const never = new AbortController().signal;
const breathe = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("askers take turns, and each keeps the order of its own jobs", async () => {
  const queue = new FairQueue(breathe);
  const done: string[] = [];
  const add = (asker: string, job: string): Promise<void> =>
    queue.run(asker, never, async () => {
      await breathe();
      done.push(job);
    });
  await Promise.all([add("a", "a1"), add("a", "a2"), add("a", "a3"), add("b", "b1"), add("b", "b2"), add("c", "c1")]);
  expect(done).toEqual(["a1", "a2", "b1", "c1", "a3", "b2"]);
});

test("one at a time", async () => {
  const queue = new FairQueue(breathe);
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      queue.run(String(index % 3), never, async () => {
        most = Math.max(most, ++running);
        await breathe();
        running--;
      }),
    ),
  );
  expect(most).toBe(1);
});

test("a job that was taken back while it waited is not begun, and the next one is", async () => {
  const queue = new FairQueue(breathe);
  const abort = new AbortController();
  const done: string[] = [];
  const first = queue.run("a", never, async () => {
    abort.abort(new Error("not wanted"));
    done.push("first");
  });
  const second = queue.run("a", abort.signal, async () => void done.push("second"));
  const third = queue.run("a", never, async () => void done.push("third"));
  await expect(second).rejects.toThrow("not wanted");
  await Promise.all([first, third]);
  expect(done).toEqual(["first", "third"]);
});

test("a job that fails tells its asker, and the rest go on", async () => {
  const queue = new FairQueue(breathe);
  const fails = queue.run("a", never, () => Promise.reject(new Error("no")));
  const works = queue.run("a", never, () => Promise.resolve(1));
  await expect(fails).rejects.toThrow("no");
  expect(await works).toBe(1);
});
