/** Says run results to screen readers, politely: one sentence per cell that ends, at most one a second. */
import { createEffect, on, onCleanup } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Progress } from "#core/session/state.ts";
import type { PageView } from "./notebook/view.ts";

/** Follows a notebook's runs until its owner ends. */
export function announceRuns(view: PageView, announce: (text: string) => void): void {
  let before = new Map<CellId, Progress>();
  let waiting: string[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    timer = undefined;
    const [first, ...rest] = waiting;
    waiting = [];
    if (first)
      announce(rest.length > 2 ? `${rest.length + 1} cells ended. ${rest.at(-1)}` : [first, ...rest].join(". "));
  };
  createEffect(
    on(view.session$, (state) => {
      const now = new Map<CellId, Progress>();
      for (const [id, cell] of state.cells) {
        now.set(id, cell.progress);
        const was = before.get(id);
        if (was === cell.progress || (was !== "running" && was !== "queued")) continue;
        const name = `Cell ${view.indexOf(id) + 1}`;
        if (cell.progress === "done") waiting.push(`${name} done`);
        else if (cell.progress === "failed") {
          const error = cell.outputs.find((output) => output.output_type === "error");
          waiting.push(error ? `${name} failed: ${error.ename}: ${error.evalue.split("\n", 1)[0]}` : `${name} failed`);
        }
      }
      before = now;
      if (waiting.length > 0) timer ??= setTimeout(flush, 1000);
    }),
  );
  onCleanup(() => clearTimeout(timer));
}
