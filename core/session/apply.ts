/** The session as a function: what happens next, and what must be done about it. Pure: same input, same output. */
import type { SessionEffect } from "./effects.ts";
import type { SessionModel } from "./model.ts";
import type { SessionOperation } from "./operations.ts";

/** The next state and what the runner must do. */
export interface Applied {
  readonly state: SessionModel;
  readonly effects: readonly SessionEffect[];
}

/** Applies one operation at a time `now` (Unix ms); undefined when it makes no sense any more, which is not an error. */
export declare function apply(state: SessionModel, operation: SessionOperation, now: number): Applied | undefined;
