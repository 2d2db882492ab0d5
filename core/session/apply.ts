/**
 * The session as a function: what happens next, and what must be done about it. Pure: same input, same output.
 * Time comes in as an argument and ids are counted, so a log of operations replays to the same state.
 */
import type { CellId, Language, RunId } from "../base/ids.ts";
import type { NotebookOperation } from "../notebook/model.ts";
import { Draft } from "./draft.ts";
import type { SessionEffect } from "./effects.ts";
import { dismissKernelNotice, kernelDied, restartKernel, startKernel } from "./kernel-life.ts";
import { endAborted, takeMessage } from "./kernel-messages.ts";
import { type Overlay, type SessionModel, kernelOff, readDependencies } from "./model.ts";
import { endNested, rootRun } from "./nested.ts";
import { emptyOutputs } from "./outputs.ts";
import type { Mirror, SessionOperation, SessionRequest } from "./operations.ts";
import { pump } from "./queue.ts";
import { dropQueue } from "./runs.ts";
import type { QueuedRun } from "./state.ts";

/** The next state and what the runner must do. */
export interface Applied {
  readonly state: SessionModel;
  readonly effects: readonly SessionEffect[];
}

/** Applies one operation at a time `now` (Unix ms); undefined when it makes no sense any more, which is not an error. */
export function apply(state: SessionModel, operation: SessionOperation, now: number): Applied | undefined {
  if (state.runner === "elsewhere" && isRelayed(operation)) {
    return { state, effects: [{ type: "relay", request: operation }] };
  }
  const draft = new Draft(state, now);
  if (!step(draft, operation)) return undefined;
  if (draft.runner === "here") pump(draft);
  return { state: draft.finish(), effects: draft.effects };
}

/** False when the operation makes no sense any more. */
function step(draft: Draft, operation: SessionOperation): boolean {
  switch (operation.type) {
    case "run_cells":
      return runCells(draft, operation.cells);
    case "interrupt":
      return interrupt(draft, operation.language);
    case "restart":
      return restart(draft, operation.language);
    case "start_kernel":
      return warmUp(draft, operation.language);
    case "input_reply":
      return replyInput(draft, operation.cell, operation.value);
    case "clear_outputs":
      return clearOutputs(draft, operation.cells);
    case "dismiss_notice":
      return dismissNotice(draft, operation.id);
    case "kernel_messages":
      return takeMessages(draft, operation);
    case "kernel_closed":
      if (draft.links.get(operation.language)?.generation !== operation.generation) return false;
      kernelDied(draft, operation.language, operation.reason ?? "it stopped without saying why.");
      return true;
    case "aborted_settled": {
      const run = draft.runs.get(operation.run);
      if (run?.aborted) endAborted(draft, run);
      return run?.aborted ?? false;
    }
    case "notebook_changed":
      return takeNotebook(draft, operation);
    case "runner_changed":
      return changeRunner(draft, operation.runner);
    case "mirrored":
      return takeMirror(draft, operation.mirror);
    case "noticed":
      draft.notice(operation.id, operation.level, operation.text);
      return true;
  }
}

function isRelayed(operation: SessionOperation): operation is SessionRequest {
  switch (operation.type) {
    case "run_cells":
    case "interrupt":
    case "restart":
    case "start_kernel":
    case "input_reply":
    case "clear_outputs":
      return true;
    default:
      return false;
  }
}

function runCells(draft: Draft, ids: readonly CellId[]): boolean {
  const wanted = new Set(ids);
  const taken = new Set([...draft.queue, ...draft.runs.value.values()].map(({ cell }) => cell));
  const added: QueuedRun[] = [];
  for (const cell of draft.notebook.cells) {
    if (!wanted.has(cell.id) || taken.has(cell.id)) continue;
    if (cell.kind !== "code" || !draft.kernels.get(cell.language)) continue;
    added.push({ cell: cell.id, language: cell.language, run: draft.nextId() as RunId });
  }
  if (added.length === 0) return false;
  draft.setQueue([...draft.queue, ...added]);
  return true;
}

function interrupt(draft: Draft, language: Language | undefined): boolean {
  const concerns = (other: Language): boolean => language === undefined || other === language;
  const kernels = new Set<Language>();
  for (const run of draft.runs.value.values()) {
    const serves = draft.nested.some((nested) => nested.root === run.id && concerns(nested.language));
    if (!concerns(run.language) && !serves) continue;
    draft.setRun({ ...run, interrupted: true, input: undefined });
    if (concerns(run.language)) kernels.add(run.language);
    for (const nested of draft.nested.filter(({ root }) => root === run.id)) {
      if (nested.sent) kernels.add(nested.language);
      else endNested(draft, nested, "aborted");
    }
  }
  // What a terminal or a background job had a kernel do belongs to no run that goes on.
  for (const nested of draft.nested) {
    if (rootRun(draft, nested) || nested.orphan || !concerns(nested.language)) continue;
    if (nested.sent) kernels.add(nested.language);
    else endNested(draft, nested, "aborted");
  }
  const silent = [...draft.kernels.value.values()].filter((kernel) => kernel.silent && concerns(kernel.language));
  if (kernels.size === 0 && silent.length === 0 && draft.queue.length === 0) return false;
  dropQueue(draft);
  for (const kernel of kernels) draft.setLink(kernel, { interrupted: true });
  for (const { language: kernel } of silent) kernels.add(kernel);
  for (const kernel of kernels) {
    const message = { type: "interrupt_request", id: draft.nextId() } as const;
    draft.effects.push({ type: "send", language: kernel, generation: draft.link(kernel).generation, message });
  }
  return true;
}

function restart(draft: Draft, language: Language | undefined): boolean {
  const targets = [...draft.kernels.value.values()].filter(
    (kernel) => kernel.status !== "off" && (language === undefined || kernel.language === language),
  );
  for (const kernel of targets) restartKernel(draft, kernel.language);
  return targets.length > 0;
}

function warmUp(draft: Draft, language: Language): boolean {
  const status = draft.kernels.get(language)?.status;
  if (status !== "off" && status !== "dead") return false;
  dismissKernelNotice(draft, language);
  startKernel(draft, language);
  return true;
}

function replyInput(draft: Draft, cell: CellId, value: string | undefined): boolean {
  const run = [...draft.runs.value.values()].find((candidate) => candidate.cell === cell);
  if (!run?.input) return false;
  const { language, parent } = run.input;
  draft.setRun({ ...run, input: undefined });
  draft.effects.push({
    type: "send",
    language,
    generation: draft.link(language).generation,
    message: { type: "input_reply", parent, ...(value === undefined ? {} : { value }) },
  });
  return true;
}

function clearOutputs(draft: Draft, ids: readonly CellId[]): boolean {
  const operations: NotebookOperation[] = [];
  let changed = false;
  for (const id of ids) {
    const run = [...draft.runs.value.values()].find(({ cell }) => cell === id);
    if (run) {
      draft.setRun({ ...run, ...emptyOutputs });
      changed = true;
    } else if (draft.lastRun(id)) {
      draft.overlays.set(id, { run: undefined, confirmed: false });
      draft.refresh(id);
      operations.push({ type: "clear_run", cell: id });
    }
  }
  if (operations.length > 0) draft.effects.push({ type: "change", operations });
  return changed || operations.length > 0;
}

function dismissNotice(draft: Draft, id: string): boolean {
  const kept = draft.notices.filter((notice) => notice.id !== id);
  const changed = kept.length < draft.notices.length;
  draft.notices = kept;
  return changed;
}

function takeMessages(draft: Draft, operation: Extract<SessionOperation, { type: "kernel_messages" }>): boolean {
  const { language, generation, messages } = operation;
  let current = false;
  for (const message of messages) {
    // One of the messages may itself end this start of the kernel: the rest is void.
    if (draft.links.get(language)?.generation !== generation) break;
    current = true;
    takeMessage(draft, language, message);
  }
  return current;
}

function takeNotebook(draft: Draft, operation: Extract<SessionOperation, { type: "notebook_changed" }>): boolean {
  const { notebook, cells } = operation;
  const first = draft.notebook.cells.length === 0;
  draft.setNotebook(notebook);
  if (first) draft.dependencies = readDependencies(notebook);
  for (const cell of cells ?? notebook.cells.map(({ id }) => id)) {
    const overlay = draft.overlays.get(cell);
    if (overlay) confirm(draft, cell, overlay);
    if (cells) draft.refresh(cell);
  }
  if (!cells) draft.refresh("all");
  const queue: QueuedRun[] = [];
  for (const queued of draft.queue) {
    const cell = draft.cell(queued.cell);
    if (!cell || cell.kind !== "code" || !draft.kernels.get(cell.language)) continue;
    queue.push(cell.language === queued.language ? queued : { ...queued, language: cell.language });
  }
  if (queue.length < draft.queue.length || queue.some((queued, index) => queued !== draft.queue[index])) {
    draft.setQueue(queue);
  }
  return true;
}

/** What ended here counts until the document has said the same; what the document says after that is news. */
function confirm(draft: Draft, id: CellId, overlay: Overlay): void {
  const cell = draft.cell(id);
  if (!cell) return;
  const same = cell.run?.id === overlay.run?.id;
  if (same && !overlay.confirmed) draft.overlays.set(id, { ...overlay, confirmed: true });
  else if (!same && overlay.confirmed) draft.overlays.delete(id);
}

function changeRunner(draft: Draft, runner: "here" | "elsewhere"): boolean {
  if (runner === draft.runner) return false;
  if (runner === "elsewhere") {
    dropQueue(draft);
    for (const { language, status } of draft.kernels.value.values()) {
      if (status !== "off") kernelDied(draft, language, "another tab runs this notebook now.");
    }
    draft.notices = [];
  }
  draft.runner = runner;
  draft.mirrored = new Map();
  draft.queue = [];
  for (const { language, displayName } of draft.kernels.value.values()) {
    draft.kernels.set(language, kernelOff(language, displayName));
  }
  draft.refresh("all");
  return true;
}

function takeMirror(draft: Draft, mirror: Mirror): boolean {
  if (draft.runner === "here") return false;
  for (const [id] of draft.mirrored) draft.refresh(id);
  draft.mirrored = new Map(mirror.cells);
  for (const [id] of draft.mirrored) draft.refresh(id);
  draft.setQueue(mirror.queue);
  if (mirror.outlived && mirror.outlived.size !== draft.outlived.size) {
    draft.outlived = mirror.outlived;
    draft.refresh("all");
  }
  for (const kernel of mirror.kernels)
    if (draft.kernels.get(kernel.language)) draft.kernels.set(kernel.language, kernel);
  return true;
}
