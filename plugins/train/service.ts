/**
 * The service "train": a worker for each training, outside of the kernels, so that a restart does not end it and one that can't be
 * stopped kindly is ended with its worker. A training with a checkpoint is known by that file: who asks for the same one again, in a
 * kernel that is new, hears of the one that runs. One without is over when nobody can hear of it any more.
 */
import { type Channel, portChannel } from "#core/base/channel.ts";
import { fromWireError, KromaError } from "#core/base/errors.ts";
import type { KernelWorker } from "#core/kernel/kernel.ts";
import type { RunningService, ServiceAnswer, ServiceCall, ServicePlace } from "#core/kernel/services.ts";
import { newOwner, releaseOwner } from "#core/workspace/protocol.ts";
import type { FromTraining, Place, ToTraining } from "./messages.ts";
import { digestOf } from "./digest.ts";
import { workspacePath } from "./path.ts";
import { followOf, type Point, startOf, type StartRequest, stopOf } from "./request.ts";

/** The name under which hosts know the worker program. */
const PROGRAM = "train";
/** Each has memory of its own, and cores are few. */
const MOST_TRAININGS = 4;
/** A step of a very large network can take so long that its worker hears nothing; then it is ended. */
const PATIENCE = 20_000;

/** Starts the service; a worker comes with each training. `patience`: milliseconds that a stopped one may take. */
export const startTrainings = (place: ServicePlace, patience = PATIENCE): Promise<RunningService> =>
  Promise.resolve(new Trainings(place, patience));

type Ending =
  | { readonly answer: ServiceAnswer; readonly error?: undefined }
  | { readonly answer?: undefined; readonly error: KromaError };

/** One training. */
interface Job {
  readonly id: string;
  /** Tells its request and data from others. */
  readonly key: string;
  readonly checkpoint: string | undefined;
  readonly worker: KernelWorker;
  /** The worker's number at the workspace. */
  readonly owner: number;
  readonly channel: Channel<FromTraining, ToTraining>;
  /** Who has asked for it and lives. */
  readonly clients: Set<string>;
  readonly listeners: Set<() => void>;
  readonly history: Point[];
  /** Counts what was told of the history, for those who wait for more. */
  told: number;
  started: { readonly resumed: Place | undefined } | undefined;
  stopping: ReturnType<typeof setTimeout> | undefined;
  ending: Ending | undefined;
}

class Trainings implements RunningService {
  readonly #place: ServicePlace;
  readonly #patience: number;
  readonly #jobs = new Map<string, Job>();
  #count = 0;

  constructor(place: ServicePlace, patience: number) {
    this.#place = place;
    this.#patience = patience;
  }

  call(call: ServiceCall): Promise<ServiceAnswer> {
    if (call.method === "start") return this.#start(call);
    if (call.method === "follow") return this.#follow(call);
    if (call.method === "stop") return this.#stopAsked(call);
    return Promise.reject(new KromaError("invalid", `Trainings can't be asked for "${call.method}".`));
  }

  leave(client: string): void {
    for (const job of this.#jobs.values()) {
      job.clients.delete(client);
      if (job.clients.size > 0) continue;
      if (job.checkpoint === undefined) this.#end(job, new KromaError("aborted", "Nobody waits for it any more."));
      if (job.ending) this.#jobs.delete(job.id);
    }
  }

  close(): void {
    for (const job of this.#jobs.values()) this.#end(job, new KromaError("aborted", "The notebook was closed."));
    this.#jobs.clear();
  }

  async #start({ client, value, buffers, signal }: ServiceCall): Promise<ServiceAnswer> {
    const asked = startOf(value);
    const checkpoint = asked.checkpoint === undefined ? undefined : workspacePath(asked.checkpoint);
    const request: StartRequest = { ...asked, checkpoint };
    const digests = await Promise.all(buffers.map((buffer) => digestOf(buffer)));
    const key = JSON.stringify([request, digests]);
    let job = this.#running(checkpoint);
    // Another training that writes this checkpoint is stopped first.
    while (job && (job.key !== key || job.stopping !== undefined)) {
      await this.#stop(job);
      job = this.#running(checkpoint);
    }
    signal.throwIfAborted();
    job ??= this.#begin(request, buffers, digests, key);
    job.clients.add(client);
    const begun = job;
    await this.#until(begun, client, signal, () => begun.started !== undefined);
    return { value: { training: begun.id, resumed: begun.started?.resumed } };
  }

  /** The training that writes this checkpoint. */
  #running(checkpoint: string | undefined): Job | undefined {
    if (checkpoint === undefined) return undefined;
    return [...this.#jobs.values()].find((job) => job.checkpoint === checkpoint && !job.ending);
  }

  #begin(request: StartRequest, buffers: readonly ArrayBuffer[], digests: readonly string[], key: string): Job {
    const running = [...this.#jobs.values()].filter(({ ending }) => !ending).length;
    if (running >= MOST_TRAININGS)
      throw new KromaError("exhausted", `${running} trainings run already. Interrupt one, or wait for its end.`);
    const worker = this.#place.spawn(PROGRAM);
    const channel = portChannel<FromTraining, ToTraining>(worker.port);
    const job: Job = {
      id: `training-${++this.#count}`,
      key,
      checkpoint: request.checkpoint,
      worker,
      owner: newOwner(),
      channel,
      clients: new Set(),
      listeners: new Set(),
      history: [],
      told: 0,
      started: undefined,
      stopping: undefined,
      ending: undefined,
    };
    this.#jobs.set(job.id, job);
    worker.onError((reason) =>
      this.#end(job, new KromaError("unavailable", `The worker of the training has failed: ${reason}`)),
    );
    channel.receive((message) => this.#hear(job, message));
    const { workspace } = this.#place;
    channel.send({ type: "init", workspace, owner: job.owner, request, buffers, digests }, buffers);
    return job;
  }

  async #follow({ client, value, signal, onProgress }: ServiceCall): Promise<ServiceAnswer> {
    const { training, told, have, soon } = followOf(value);
    const job = this.#jobs.get(training);
    if (!job) throw new KromaError("missing", "This training is over.");
    job.clients.add(client);
    let [shown, count] = [told, have];
    /** What the asker has not seen; its last point may have more to it now. */
    const news = (): object => {
      const at = Math.max(0, Math.min(count, job.history.length) - 1);
      [shown, count] = [job.told, job.history.length];
      return { at, points: job.history.slice(at), told: shown };
    };
    const look = (): boolean => {
      if (soon) return job.told > told;
      if (job.told > shown) onProgress?.(news());
      return false;
    };
    const end = await this.#until(job, client, signal, look);
    if (!end) return { value: { ...news(), isOver: false } };
    if (job.clients.size <= 1) this.#jobs.delete(job.id);
    return {
      value: { ...news(), isOver: true, ...(end.value as object) },
      buffers: (end.buffers ?? []).map((buffer) => buffer.slice(0)),
    };
  }

  async #stopAsked({ value }: ServiceCall): Promise<ServiceAnswer> {
    const job = this.#jobs.get(stopOf(value));
    if (job) await this.#stop(job);
    return { value: undefined };
  }

  /**
   * Resolves with the answer once the training has come to its end, or with nothing as soon as what is waited for is there. Rejects
   * when it has ended otherwise. It is stopped when a client that lives gives up waiting.
   */
  #until(job: Job, client: string, signal: AbortSignal, isReady: () => boolean): Promise<ServiceAnswer | undefined> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (job.ending?.error) {
          this.#jobs.delete(job.id);
          reject(job.ending.error);
        } else if (isReady()) resolve(undefined);
        else if (job.ending) resolve(job.ending.answer);
        else return;
        done();
      };
      const abort = (): void => {
        done();
        reject(signal.reason);
        // One whose client has ended goes on: R3 of services.
        if (job.clients.has(client)) void this.#stop(job).then(() => this.#jobs.delete(job.id));
      };
      const done = (): void => {
        job.listeners.delete(look);
        signal.removeEventListener("abort", abort);
      };
      job.listeners.add(look);
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      else look();
    });
  }

  /** Resolves when it has written its checkpoint and ended; if it does not within the time it has, it is ended. */
  #stop(job: Job): Promise<void> {
    if (job.ending) return Promise.resolve();
    if (job.stopping === undefined) {
      job.stopping = setTimeout(
        () => this.#end(job, new KromaError("aborted", `The training was ended. ${laterOf(job)}`)),
        this.#patience,
      );
      job.channel.send({ type: "stop" });
    }
    return new Promise((resolve) => {
      const look = (): void => {
        if (!job.ending) return;
        job.listeners.delete(look);
        resolve();
      };
      job.listeners.add(look);
      look();
    });
  }

  #hear(job: Job, message: FromTraining): void {
    switch (message.type) {
      case "started":
        job.started = { resumed: message.resumed };
        job.history.push(...message.history);
        job.told = job.history.length;
        break;
      case "history":
        job.history.splice(message.at, Infinity, ...message.points);
        job.told += 1;
        break;
      case "stopped":
        return this.#end(job, new KromaError("aborted", `The training was stopped. ${laterOf(job)}`));
      case "failed":
        return this.#end(job, fromWireError(message.error));
      case "trained":
        return this.#end(job, { value: { layers: message.layers }, buffers: message.buffers });
    }
    this.#tell(job);
  }

  #end(job: Job, how: ServiceAnswer | KromaError): void {
    if (job.ending) return;
    job.ending = how instanceof KromaError ? { error: how } : { answer: how };
    clearTimeout(job.stopping);
    job.channel.close();
    job.worker.terminate();
    if (this.#place.workspace) releaseOwner(this.#place.workspace, job.owner);
    this.#tell(job);
    // Nobody lives who could ask for it.
    if (job.clients.size === 0) this.#jobs.delete(job.id);
  }

  #tell(job: Job): void {
    for (const look of job.listeners) look();
  }
}

const laterOf = ({ checkpoint }: Job): string =>
  checkpoint === undefined
    ? "Without a checkpoint it begins anew next time."
    : `It goes on from ${checkpoint} when it is asked for again.`;
