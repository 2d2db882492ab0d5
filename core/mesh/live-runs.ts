/**
 * Outputs of runs under way, as the others see them (SPEC.md, R1 to R4): told while the run lasts and kept nowhere. What
 * counts is what the notebook says of the run once it has ended; until then its latest outputs are shown.
 */
import * as v from "valibot";
import { canonicalJson } from "../base/canonical-json.ts";
import type { CellId, RunId } from "../base/ids.ts";
import type { Output, Run } from "../notebook/model.ts";
import { parseRunContent } from "../notebook/run-body.ts";
import type { Clock } from "./clock.ts";
import type { MemberId } from "./identity.ts";

/** What is told of a run at once, as JSON. */
export const MOST_LIVE_BYTES = 64 << 10;
/** So many characters of a run's outputs are told: the last ones. */
const MOST_CHARACTERS = 16 << 10;
const MOST_OUTPUTS = 100;
/** With room for the rest of the message. */
const MOST_RUN_BYTES = 32 << 10;
const encoder = new TextEncoder();
/** A run is told at most so often, in milliseconds; one with much to tell less often. */
const TELL_EVERY = 300;
const TELL_MUCH_EVERY = 1000;
const MUCH = 4096;
/** A run of which nothing is heard for so long is gone, whatever became of its link. */
const GONE_AFTER = 30_000;
/** After its end the last outputs are left to those to whom the notebook comes later. */
const END_AFTER = 3000;
/** Cells that one member runs at once. */
const MOST_RUNS = 50;

const LiveRunRecord = v.object({
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  started: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8.64e15)),
  outputs: v.pipe(v.array(v.unknown()), v.maxLength(MOST_OUTPUTS)),
  /** Outputs, or their beginning, are left out. */
  cut: v.optional(v.literal(true)),
});

/** A run under way. */
export interface LiveRun {
  readonly id: RunId;
  readonly started: number;
  readonly outputs: readonly Output[];
  readonly cut: boolean;
}

/** A run of somebody else's. */
export interface ShownRun extends LiveRun {
  readonly member: MemberId;
  readonly cell: CellId;
}

/** What goes over a link. */
export type LiveRunMessage = v.InferOutput<typeof LiveRunRecord>;

interface Mine {
  run: LiveRunMessage | undefined;
  told: number;
  stop: (() => void) | undefined;
}

export interface LiveRunsOptions {
  readonly clock: Clock;
  /** Tells everyone of a run of oneself; without one it has ended. */
  readonly tell: (cell: CellId, run: LiveRunMessage | undefined) => void;
  /** Runs of others have changed. */
  readonly changed: () => void;
}

export class LiveRuns {
  readonly #options: LiveRunsOptions;
  readonly #mine = new Map<CellId, Mine>();
  readonly #others = new Map<MemberId, Map<CellId, { readonly run: LiveRunMessage; readonly stop: () => void }>>();

  constructor(options: LiveRunsOptions) {
    this.#options = options;
  }

  /** One's own, as they were last told. */
  get mine(): readonly (readonly [CellId, LiveRunMessage])[] {
    return [...this.#mine].flatMap(([cell, { run }]) => (run ? [[cell, run] as const] : []));
  }

  /** Those of others, as they were last heard. */
  get heard(): readonly (readonly [MemberId, CellId, LiveRunMessage])[] {
    return [...this.#others].flatMap(([id, runs]) => [...runs].map(([cell, { run }]) => [id, cell, run] as const));
  }

  /** Those of others, to be shown. */
  get others(): readonly ShownRun[] {
    return this.heard.map(([member, cell, run]) => ({ member, cell, ...read(run) }));
  }

  /** Oneself runs a cell, and this is what there is of it; undefined when it has ended. */
  set(cell: CellId, run: Run | undefined): void {
    const { clock, tell } = this.#options;
    const mine = this.#mine.get(cell) ?? { run: undefined, told: -Infinity, stop: undefined };
    if (run) {
      this.#mine.set(cell, mine);
      const isOther = mine.run?.id !== run.id;
      mine.run = shorten(run);
      const pause = sizeOf(mine.run.outputs) > MUCH ? TELL_MUCH_EVERY : TELL_EVERY;
      if (isOther) mine.stop?.();
      if (isOther) mine.stop = undefined;
      mine.stop ??= clock.after(Math.max(0, mine.told + pause - clock.now()), () => {
        mine.stop = undefined;
        mine.told = clock.now();
        if (mine.run) tell(cell, mine.run);
      });
    } else if (mine.run) {
      const { id } = mine.run;
      mine.stop?.();
      mine.stop = clock.after(END_AFTER, () => {
        if (mine.run?.id !== id) return;
        this.#mine.delete(cell);
        tell(cell, undefined);
      });
    }
  }

  /** Takes in what came of somebody's run; false when it is not fit to be shown. */
  hear(member: MemberId, cell: CellId, told: unknown): boolean {
    const runs = this.#others.get(member) ?? new Map<CellId, { run: LiveRunMessage; stop: () => void }>();
    const before = runs.get(cell);
    if (told === undefined) {
      if (!before) return true;
      before.stop();
      runs.delete(cell);
      this.#options.changed();
      return true;
    }
    const parsed = v.safeParse(LiveRunRecord, told);
    if (!parsed.success || (!before && runs.size >= MOST_RUNS)) return false;
    before?.stop();
    const stop = this.#options.clock.after(GONE_AFTER, () => void this.hear(member, cell, undefined));
    this.#others.set(member, runs.set(cell, { run: parsed.output, stop }));
    this.#options.changed();
    return true;
  }

  /** A member is gone, and with them what they ran. */
  remove(member: MemberId): void {
    for (const { stop } of this.#others.get(member)?.values() ?? []) stop();
    if (this.#others.delete(member)) this.#options.changed();
  }

  close(): void {
    for (const { stop } of this.#mine.values()) stop?.();
    for (const member of this.#others.keys()) this.remove(member);
  }
}

const sizeOf = (outputs: readonly unknown[]): number => canonicalJson(outputs).length;

function read({ id, started, outputs, cut }: LiveRunMessage): LiveRun {
  const known = parseRunContent(JSON.stringify({ outputs }))?.outputs ?? [];
  return { id: id as RunId, started, outputs: known, cut: cut === true };
}

/** The run with as much of its latest outputs as can be told, whatever their characters come to as bytes. */
function shorten(run: Run): LiveRunMessage {
  for (let room = MOST_CHARACTERS; ; room = Math.floor(room / 2)) {
    const message = withLatest(run, room);
    if (room === 0 || encoder.encode(JSON.stringify(message)).length <= MOST_RUN_BYTES) return message;
  }
}

function withLatest({ id, started = 0, outputs }: Run, characters: number): LiveRunMessage {
  const kept: Output[] = [];
  let room = characters;
  let isCut = outputs.length > MOST_OUTPUTS;
  for (const output of outputs.slice(-MOST_OUTPUTS).toReversed()) {
    if (output.output_type === "stream" && output.text.length > room) {
      // From the beginning of a line on, where there is one.
      const text = output.text.slice(output.text.length - room);
      kept.push({ ...output, text: text.slice(text.indexOf("\n") + 1).toWellFormed() });
      isCut = true;
      break;
    }
    const size = sizeOf([output]);
    if (size > room) {
      isCut = true;
      break;
    }
    kept.push(output);
    room -= size;
  }
  return { id, started, outputs: kept.toReversed(), ...(isCut ? { cut: true as const } : {}) };
}
