/**
 * What runs next. One queue for each kernel, in the order asked for; besides, a cell waits for every cell that was asked
 * for earlier, stands above it and has not ended, whatever its kernel. A cell waits only for earlier ones: no deadlock.
 */
import type { Draft } from "./draft.ts";
import { startKernel } from "./kernel-life.ts";
import { beginNested } from "./nested.ts";
import { beginRun, endUnstarted } from "./runs.ts";
import type { QueuedRun } from "./state.ts";

/** Starts all that can start now, and the kernels that what waits will need. */
export function pump(draft: Draft): void {
  for (const nested of draft.nested) {
    if (nested.sent) continue;
    if (!ensureKernel(draft, nested.language)) continue;
    if (draft.link(nested.language).current === undefined) beginNested(draft, nested);
  }
  for (let next = nextRun(draft); next; next = nextRun(draft)) {
    if (isEmpty(draft, next)) endUnstarted(draft, next, undefined);
    else beginRun(draft, next);
  }
}

/** The first queued cell that may run now, if there is one. */
function nextRun(draft: Draft): QueuedRun | undefined {
  const heads = new Set<string>();
  let highest = Infinity;
  for (const { cell } of draft.runs.value.values()) highest = Math.min(highest, draft.position(cell) ?? Infinity);
  for (const queued of draft.queue) {
    const position = draft.position(queued.cell) ?? Infinity;
    const isHead = !heads.has(queued.language);
    heads.add(queued.language);
    const mayRun = isHead && position < highest;
    highest = Math.min(highest, position);
    if (isEmpty(draft, queued)) {
      if (mayRun) return queued;
      continue;
    }
    const ready = ensureKernel(draft, queued.language);
    if (mayRun && ready && draft.link(queued.language).current === undefined) return queued;
  }
  return undefined;
}

/** True when the kernel takes requests; one that is off or dead is started. */
function ensureKernel(draft: Draft, language: string): boolean {
  const status = draft.kernels.get(language)?.status;
  if (status === "off" || status === "dead") startKernel(draft, language);
  return draft.link(language).ready;
}

function isEmpty(draft: Draft, { cell }: QueuedRun): boolean {
  return draft.cell(cell)?.source.trim() === "";
}
