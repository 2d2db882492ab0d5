/** One quiet line under a cell that has run: how long it took and when; while it runs, for how long it has. */
import { Show, createMemo, createSignal, onCleanup, createEffect, type JSX } from "solid-js";
import type { Cell } from "#core/notebook/model.ts";
import type { CellState, Staleness } from "#core/session/state.ts";
import { duration, when } from "./when.ts";

const ENDINGS = {
  running: "",
  ok: "",
  error: "failed",
  aborted: "interrupted",
  lost: "",
  imported: "",
} as const;

const STALENESS: Readonly<Record<Staleness, string>> = {
  lost: "lost: the tab closed while it ran",
  restarted: "kernel restarted since: run it again",
  ended: "kernel ended since: run it again",
  edited: "edited since: run it again",
};

export function CellFooter(props: {
  readonly cell: () => Cell;
  readonly state: () => CellState | undefined;
  /** False: its language is one that Kroma does not run. */
  readonly hasKernel: () => boolean;
}): JSX.Element {
  const [now, setNow] = createSignal(Date.now());
  createEffect(() => {
    if (props.state()?.progress !== "running") return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 100);
    onCleanup(() => clearInterval(timer));
  });
  const text = createMemo(() => {
    const state = props.state();
    const run = props.cell().run;
    if (props.cell().kind !== "code") return "";
    if (!props.hasKernel())
      return `Kept, not run: there is no kernel for ${props.cell().language} here. Choose another language at the left; ARCHITECTURE.md says how a kernel is added.`;
    if (state?.progress === "queued") return "waiting";
    if (state?.progress === "running") {
      const since = state.started;
      // A flash of "1 ms" under each quick cell says nothing.
      return since !== undefined && now() - since > 400 ? `running for ${duration(now() - since)}` : "";
    }
    const parts: string[] = [];
    const ms = state?.ms ?? run?.ms;
    const started = state?.started ?? run?.started;
    if (ms !== undefined) parts.push(duration(ms));
    if (started !== undefined) parts.push(when(started));
    const ending = run && run.id === state?.run ? ENDINGS[run.status] : "";
    if (ending) parts.push(ending);
    if (state?.staleness) parts.push(STALENESS[state.staleness]);
    return parts.join(" · ");
  });
  return (
    <Show when={text()}>
      <div class="cell-footer quiet">{text()}</div>
    </Show>
  );
}
