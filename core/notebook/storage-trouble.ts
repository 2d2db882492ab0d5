/** Whether what is written stays, and the sentence for a person when it does not. */
import { KromaError } from "../base/errors.ts";

export interface Storage {
  readonly state: "ok" | "memory" | "full";
  readonly message: string;
}

/** All is well. */
const STORED: Storage = { state: "ok", message: "" };

/** What a write that failed means for a person's work. */
function storageTrouble(error: unknown): Storage {
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

/** Which notebooks, or the list of them, could not be stored when it was last tried. */
export class StorageTroubles {
  readonly #changed: (storage: Storage) => void;
  readonly #troubles = new Map<string, Storage>();
  #present = STORED;

  /** `changed` is called with how things stand as a whole, whenever that is another. */
  constructor(changed: (storage: Storage) => void) {
    this.#changed = changed;
  }

  get present(): Storage {
    return this.#present;
  }

  /** A write of this succeeded, or failed. One that can be stored again says nothing about another that cannot. */
  note(what: string, error: unknown): void {
    if (error === undefined) this.#troubles.delete(what);
    else this.#troubles.set(what, storageTrouble(error));
    const [next = STORED] = this.#troubles.values();
    if (next.state === this.#present.state) return;
    this.#present = next;
    this.#changed(next);
  }
}
