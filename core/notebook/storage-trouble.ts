/** Whether what is written stays, and the sentence for a person when it does not. */
import { KromaError } from "../base/errors.ts";

export interface Storage {
  readonly state: "ok" | "memory" | "full";
  readonly message: string;
}

/** All is well. */
export const STORED: Storage = { state: "ok", message: "" };

/** What a write that failed means for a person's work. */
export function storageTrouble(error: unknown): Storage {
  if (error instanceof KromaError && error.code === "exhausted") {
    return {
      state: "full",
      message: "The storage is full. Your changes are kept in memory only: download the notebook or make room.",
    };
  }
  return {
    state: "memory",
    message: "The storage can't be used. Your changes are kept in memory only: download the notebook before you leave.",
  };
}
