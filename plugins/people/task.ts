/** Something that a person started and waits for: whether it goes on, and what went wrong. */
import { createSignal } from "solid-js";
import { sentenceOf } from "./words.ts";

export interface Task {
  readonly busy: () => boolean;
  /** Why the last one failed, a sentence; empty otherwise. */
  readonly trouble: () => string;
  /** Does the work; one at a time, a second is passed over while the first goes on. */
  run(work: () => Promise<void>): Promise<void>;
  clear(): void;
}

/** A task that nothing has been done of yet. */
export function createTask(): Task {
  const [busy, setBusy] = createSignal(false);
  const [trouble, setTrouble] = createSignal("");
  return {
    busy,
    trouble,
    async run(work) {
      if (busy()) return;
      setBusy(true);
      setTrouble("");
      try {
        await work();
      } catch (error) {
        setTrouble(sentenceOf(error));
      } finally {
        setBusy(false);
      }
    },
    clear: () => void setTrouble(""),
  };
}
