/** Between the service and the worker of one training. The worker hears a TrainingInit first. */
import type { WireError } from "#core/base/errors.ts";
import type { Point, StartRequest } from "./request.ts";

export interface TrainingInit {
  readonly type: "init";
  readonly workspace: SharedArrayBuffer | undefined;
  /** Its number there, by which the service lets go of what it had open. */
  readonly owner: number;
  readonly request: StartRequest;
  /** Elements of `request.tensors`, and the digest of each. */
  readonly buffers: readonly ArrayBuffer[];
  readonly digests: readonly string[];
}

export type ToTraining =
  | TrainingInit
  /** It is to write its checkpoint and say that it has stopped. */
  | { readonly type: "stop" };

/** Where a training is: epochs that are over, and steps of the next that are. */
export interface Place {
  readonly epoch: number;
  readonly step: number;
}

/** A trained layer; its weights and its bias are the next two buffers. */
export interface TrainedLayer {
  readonly shape: readonly number[];
  readonly activation?: string | undefined;
}

export type FromTraining =
  /** The data are good, and it has begun, or goes on from a checkpoint. */
  | { readonly type: "started"; readonly resumed: Place | undefined; readonly history: readonly Point[] }
  /** Points of the history, in the place of those from `at` on. */
  | { readonly type: "history"; readonly at: number; readonly points: readonly Point[] }
  /** It has stopped before its end, and can go on from there if it has a checkpoint. */
  | { readonly type: "stopped"; readonly place: Place }
  /** It has come to its end: the layers' arrays, and the network as ONNX behind them. */
  | { readonly type: "trained"; readonly layers: readonly TrainedLayer[]; readonly buffers: readonly ArrayBuffer[] }
  | { readonly type: "failed"; readonly error: WireError };
