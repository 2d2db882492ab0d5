/**
 * One job at a time, and nobody waits for all that another has put in line: whoever has waited gets one job done in turn.
 * Jobs of one asker keep their order.
 */

interface Waiting {
  readonly begin: () => Promise<void>;
  readonly giveUp: () => void;
  readonly signal: AbortSignal;
}

export class FairQueue {
  /** Jobs by who asked; the asker whose turn is next stands first. */
  readonly #waiting = new Map<string, Waiting[]>();
  readonly #breathe: () => Promise<void>;
  #busy = false;

  /** `breathe` lets messages in between two jobs: one of them may take a waiting job back. */
  constructor(breathe: () => Promise<void>) {
    this.#breathe = breathe;
  }

  /** Jobs that wait. */
  get length(): number {
    return [...this.#waiting.values()].reduce((sum, jobs) => sum + jobs.length, 0);
  }

  /** Runs `work` in its turn. Rejects with the signal's reason if that comes first; a job that runs is not ended. */
  run<T>(asker: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const begin = (): Promise<void> => work().then(resolve, reject);
      const giveUp = (): void => reject(signal.reason);
      const jobs = this.#waiting.get(asker);
      const job: Waiting = { begin, giveUp, signal };
      if (jobs) jobs.push(job);
      else this.#waiting.set(asker, [job]);
      if (!this.#busy) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let job = this.#next(); job; job = this.#next()) {
      if (job.signal.aborted) {
        job.giveUp();
        continue;
      }
      await job.begin();
      if (this.#waiting.size > 0) await this.#breathe();
    }
    this.#busy = false;
  }

  #next(): Waiting | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    const [asker, jobs] = first;
    const job = jobs.shift();
    this.#waiting.delete(asker);
    if (jobs.length > 0) this.#waiting.set(asker, jobs);
    return job;
  }
}
