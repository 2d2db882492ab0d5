/** When a worker that does not answer counts as silent, and when nothing may be concluded. */
import { expect, test } from "vitest";
import { Watch } from "#core/kernel/watch.ts";

const EVERY = 1000;

/** A watch whose beats the test gives, and a worker that answers while `answers` is true. */
function watched() {
  const told: boolean[] = [];
  const worker = { answers: true, asked: 0 };
  const watch = new Watch({
    ask: () => {
      worker.asked += 1;
      if (worker.answers) watch.heard();
    },
    tell: (responding) => told.push(responding),
    beat: EVERY,
  });
  let now = 0;
  const beat = (times: number, late = 0): void => {
    for (let index = 0; index < times; index++) watch.beat((now += EVERY + late));
  };
  return { told, worker, watch, beat };
}

test("a worker that answers is asked at each beat and never silent", () => {
  const { told, worker, beat } = watched();
  beat(50);
  expect(worker.asked).toBe(50);
  expect(told).toEqual([]);
});

test("one that does not is asked once, silent after a few beats, and said once", () => {
  const { told, worker, watch, beat } = watched();
  worker.answers = false;
  beat(4);
  expect(told).toEqual([]);
  beat(50);
  expect(told).toEqual([false]);
  expect(watch.silent).toBe(true);
  expect(worker.asked).toBe(1);
});

test("it may come back, and fall silent again", () => {
  const { told, worker, watch, beat } = watched();
  worker.answers = false;
  beat(10);
  watch.heard();
  expect(told).toEqual([false, true]);
  beat(10);
  expect(told).toEqual([false, true, false]);
});

test("late beats prove nothing, however many there are", () => {
  const { told, worker, beat } = watched();
  worker.answers = false;
  beat(100, EVERY);
  expect(told).toEqual([]);
  for (let index = 0; index < 20; index++) {
    beat(3);
    beat(1, 60 * EVERY);
  }
  expect(told).toEqual([]);
});

test("neither does silence while the worker has something to do", () => {
  const { told, worker, watch, beat } = watched();
  worker.answers = false;
  for (let index = 0; index < 50; index++) {
    watch.pause();
    beat(1);
  }
  expect(told).toEqual([]);
  beat(4);
  watch.pause();
  expect(told).toEqual([false, true]);
});
