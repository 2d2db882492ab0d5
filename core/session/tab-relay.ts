/**
 * Two tabs, one notebook: both edit, one runs. The others send it their requests and see what it is doing. Which one
 * runs is decided outside (a lock of the browser's); nothing is sent while nobody else has the notebook open.
 */
import type { Mirror, SessionRequest } from "./operations.ts";
import type { SessionModel } from "./model.ts";
import type { CellState } from "./state.ts";

const MIRROR_MILLISECONDS = 250;
/** Outputs of a cell that runs elsewhere are shown while it runs up to this size, and in full when it has ended. */
const MIRROR_SIZE = 256 * 1024;

type RelayMessage =
  | { readonly kroma: "session"; readonly say: "request"; readonly request: SessionRequest }
  | { readonly kroma: "session"; readonly say: "mirror"; readonly mirror: Mirror }
  /** "I follow": the runner shall tell what it is doing. */
  | { readonly kroma: "session"; readonly say: "follow" }
  /** "I run": whoever follows shall say so. */
  | { readonly kroma: "session"; readonly say: "lead" };

export interface TabRelayOptions {
  readonly post: (message: unknown) => void;
  readonly state: () => SessionModel;
  readonly onRequest: (request: SessionRequest) => void;
  readonly onMirror: (mirror: Mirror) => void;
}

/** This tab's side of the talk between tabs. */
export class TabRelay {
  readonly #options: TabRelayOptions;
  #followed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: TabRelayOptions) {
    this.#options = options;
  }

  /** Tells the other tabs what this one is. Call it first and after each change of the runner. */
  announce(): void {
    this.#post({ kroma: "session", say: this.#runsHere() ? "lead" : "follow" });
  }

  request(request: SessionRequest): void {
    this.#post({ kroma: "session", say: "request", request });
  }

  /** Something changed: those who follow hear of it soon. */
  changed(): void {
    if (!this.#followed || !this.#runsHere()) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#sendMirror();
    }, MIRROR_MILLISECONDS);
  }

  take(payload: unknown): void {
    const message = payload as RelayMessage | undefined;
    if (message?.kroma !== "session") return;
    switch (message.say) {
      case "request":
        if (this.#runsHere()) this.#options.onRequest(message.request);
        return;
      case "mirror":
        if (!this.#runsHere()) this.#options.onMirror(message.mirror);
        return;
      case "follow":
        if (!this.#runsHere()) return;
        this.#followed = true;
        return this.#sendMirror();
      case "lead":
        if (!this.#runsHere()) this.#post({ kroma: "session", say: "follow" });
        return;
    }
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #sendMirror(): void {
    if (this.#runsHere()) this.#post({ kroma: "session", say: "mirror", mirror: mirrorOf(this.#options.state()) });
  }

  #runsHere(): boolean {
    return this.#options.state().runner === "here";
  }

  #post(message: RelayMessage): void {
    this.#options.post(message);
  }
}

/** What others need to know: the cells that run or wait (the others are in the document), the kernels, the queue. */
function mirrorOf(state: SessionModel): Mirror {
  const sizes = new Map([...state.runs.values()].map((run) => [run.cell, run.size]));
  const cells: Mirror["cells"][number][] = [];
  for (const [id, cell] of state.cells) {
    if (cell.progress !== "running" && cell.progress !== "queued") continue;
    const shown: CellState = (sizes.get(id) ?? 0) > MIRROR_SIZE ? { ...cell, outputs: [] } : cell;
    cells.push([id, shown]);
  }
  return { cells, kernels: [...state.kernels.values()], queue: state.queue, outlived: state.outlived };
}
