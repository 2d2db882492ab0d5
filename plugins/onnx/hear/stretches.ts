/**
 * Where there is speech, from how likely it is frame by frame: it begins where that passes a threshold, and ends where it
 * stays well below for as long as a pause (the rule of Silero's own get_speech_timestamps,
 * https://github.com/snakers4/silero-vad).
 */

/** A stretch of speech, in seconds from the beginning. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  /** Mean likelihood. */
  readonly score: number;
}

/** How stretches are told from one another. */
export interface Rule {
  /** Speech begins at this likelihood, and ends below one that is 0.15 less. */
  readonly threshold: number;
  /** Seconds of silence that end a stretch; shorter ones are part of it. */
  readonly pause: number;
}

const HYSTERESIS = 0.15;
const LEAST_THRESHOLD = 0.01;
/** Seconds: what is shorter is a click, and some of a word's soft beginning and end lie outside of the likely frames. */
const SHORTEST = 0.25;
const PADDING = 0.03;

/** The stretches, in order; they do not overlap. `frame` is a frame's length and `duration` the sound's, in seconds. */
export function stretchesOf(
  probabilities: ArrayLike<number>,
  frame: number,
  duration: number,
  { threshold, pause }: Rule,
): readonly Stretch[] {
  const low = Math.max(LEAST_THRESHOLD, threshold - HYSTERESIS);
  const found: { from: number; to: number }[] = [];
  let from: number | undefined;
  let quiet: number | undefined;
  for (let index = 0; index < probabilities.length; index++) {
    const value = probabilities[index] ?? 0;
    if (value >= threshold) {
      from ??= index;
      quiet = undefined;
    }
    if (value >= low || from === undefined) continue;
    quiet ??= index;
    if ((index - quiet) * frame < pause) continue;
    found.push({ from, to: quiet });
    from = quiet = undefined;
  }
  if (from !== undefined) found.push({ from, to: quiet ?? probabilities.length });
  const long = found.filter((each) => (each.to - each.from) * frame >= SHORTEST);
  return long.map((each, index) => {
    const before = long[index - 1]?.to ?? -Infinity;
    const after = long[index + 1]?.from ?? Infinity;
    // Between two that are close each gets half of what lies between them.
    const start = Math.max(0, each.from * frame - PADDING, ((before + each.from) / 2) * frame);
    const end = Math.min(duration, each.to * frame + PADDING, ((each.to + after) / 2) * frame);
    return { start: rounded(start), end: rounded(end), score: mean(probabilities, each.from, each.to) };
  });
}

function mean(values: ArrayLike<number>, from: number, to: number): number {
  let sum = 0;
  for (let index = from; index < to; index++) sum += values[index] ?? 0;
  return rounded(sum / (to - from));
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;
