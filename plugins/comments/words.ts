/** How times and failures are said beside comments. */

const near = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const far = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const whole = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "short" });
const HALF_A_YEAR = 182 * 24 * 60 * 60 * 1000;

/** A moment, as short as it can be told apart. */
export function timeWords(time: number, now: number): string {
  if (time === 0) return "at some time";
  return Math.abs(now - time) < HALF_A_YEAR ? near.format(time) : far.format(time);
}

/** The same moment, in full. */
export const wholeTime = (time: number): string => (time === 0 ? "" : whole.format(time));

/** What an error says to a person. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
