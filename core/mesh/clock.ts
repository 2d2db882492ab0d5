/** Time, passed in to whatever waits, so that a simulator can make it. */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Calls `work` after so many milliseconds; returns the way to call it off. */
  after(milliseconds: number, work: () => void): () => void;
}

/** The time of this machine. */
export const realClock: Clock = {
  now: Date.now,
  after(milliseconds, work) {
    const timer = setTimeout(work, milliseconds);
    return () => clearTimeout(timer);
  },
};
