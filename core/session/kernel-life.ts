/** Starts, deaths and restarts of kernels, and what they do to the cells that ran there. */
import type { Language, RunId } from "../base/ids.ts";
import type { Draft } from "./draft.ts";
import type { ActiveRun, Outlived } from "./model.ts";
import { endNested, refuse } from "./nested.ts";
import { type Failure, abandon, dropQueue, endUnstarted, failRun } from "./runs.ts";

/** Starts a kernel that is not on. */
export function startKernel(draft: Draft, language: Language): void {
  const generation = draft.link(language).generation + 1;
  draft.setLink(language, { generation, ready: false, current: undefined, interrupted: false });
  draft.setKernel(language, {
    status: "starting",
    stage: undefined,
    progress: undefined,
    reason: undefined,
    running: undefined,
    silent: false,
    ports: [],
    jobs: [],
    wantedHosts: [],
  });
  draft.effects.push({ type: "start_kernel", language, generation });
}

/** A kernel ended that nobody asked to: its cell fails, and it starts again when it is next needed. */
export function kernelDied(draft: Draft, language: Language, reason: string): void {
  const link = draft.link(language);
  const active = currentRun(draft, language);
  const interrupted = link.interrupted || (active?.interrupted ?? false);
  const name = displayName(draft, language);
  closeLink(draft, language, interrupted ? "restarted" : "ended");
  draft.setKernel(language, {
    status: "dead",
    reason,
    stage: undefined,
    progress: undefined,
    running: undefined,
    silent: false,
    ports: [],
    jobs: [],
    wantedHosts: [],
  });

  if (active && interrupted) failRun(draft, active, "aborted", interruptFailure(name));
  else if (active) failRun(draft, active, "error", deathFailure(name, reason));
  endServices(draft, language, `The ${name} kernel ended: ${reason}`);
  if (!link.ready) failWaiting(draft, language, { ename: "KernelUnavailable", evalue: reason });

  if (interrupted) {
    draft.notice(
      noticeId(language),
      "warning",
      `${name} did not stop when interrupted, so it was started again. Its variables are gone; files and values set with kroma.set are kept.`,
    );
    startKernel(draft, language);
  } else {
    const next = link.ready ? "It starts again with the next run. Files and values set with kroma.set are kept." : "";
    draft.notice(noticeId(language), "error", `The ${name} kernel ended: ${reason} ${next}`.trim());
  }
}

/** A person asked for a restart. */
export function restartKernel(draft: Draft, language: Language): void {
  const name = displayName(draft, language);
  const active = currentRun(draft, language);
  closeLink(draft, language, "restarted");
  if (active) {
    failRun(draft, active, "aborted", {
      ename: "KernelRestarted",
      evalue: `the ${name} kernel was restarted while this cell ran`,
    });
  }
  endServices(draft, language, `The ${name} kernel was restarted.`);
  dropQueue(draft);
  dismissKernelNotice(draft, language);
  startKernel(draft, language);
}

/** The kernel says that it starts anew behind the same channel. */
export function kernelRestartedItself(draft: Draft, language: Language): void {
  const name = displayName(draft, language);
  const active = currentRun(draft, language);
  outlive(draft, language, "restarted");
  draft.setLink(language, { ready: false, current: undefined, interrupted: false });
  if (active) {
    if (active.interrupted) failRun(draft, active, "aborted", interruptFailure(name));
    else failRun(draft, active, "error", deathFailure(name, "it was started again"));
  }
  endServices(draft, language, `The ${name} kernel was started again.`);
  draft.notice(
    noticeId(language),
    "warning",
    `${name} was started again. Its variables are gone; files and values set with kroma.set are kept.`,
  );
}

/** What a kernel's death or restart left to say of it. */
export function dismissKernelNotice(draft: Draft, language: Language): void {
  draft.notices = draft.notices.filter(({ id }) => id !== noticeId(language));
}

/** The failure of a run that the kernel gave up after an interrupt, without saying why. */
export function interruptFailure(name: string): Failure {
  return {
    ename: "KeyboardInterrupt",
    evalue: "",
    advice: `${name} was started again to stop this cell. Its variables are gone; files and values set with kroma.set are kept.`,
  };
}

const noticeId = (language: Language): string => `kernel-${language}`;

function displayName(draft: Draft, language: Language): string {
  return draft.kernels.get(language)?.displayName ?? language;
}

function deathFailure(name: string, reason: string): Failure {
  return {
    ename: "KernelDied",
    evalue: reason,
    advice: `The variables of ${name} are gone; files and values set with kroma.set are kept. The kernel starts again with the next run.`,
  };
}

function currentRun(draft: Draft, language: Language): ActiveRun | undefined {
  return [...draft.runs.value.values()].find((run) => run.language === language);
}

type Fate = Outlived extends ReadonlyMap<RunId, infer Value> ? Value : never;

/** Messages of the present start are void from here on, and its runs are a thing of the past. */
function closeLink(draft: Draft, language: Language, fate: Fate): void {
  const { generation } = draft.link(language);
  draft.effects.push({ type: "stop_kernel", language, generation });
  draft.setLink(language, { generation: generation + 1, ready: false, current: undefined, interrupted: false });
  outlive(draft, language, fate);
}

function outlive(draft: Draft, language: Language, fate: Fate): void {
  const outlived = new Map(draft.outlived);
  for (const cell of draft.notebook.cells) {
    const run = cell.language === language ? draft.lastRun(cell.id) : undefined;
    if (!run) continue;
    // What became of the kernel that ran it, not of a later one.
    if (!outlived.has(run.id)) outlived.set(run.id, fate);
    draft.refresh(cell.id);
  }
  for (const run of draft.runs.value.values()) if (run.language === language) outlived.set(run.id, fate);
  draft.outlived = outlived;
}

/** Ends what this kernel did for others, and forgets what it asked of others. */
function endServices(draft: Draft, language: Language, sentence: string): void {
  for (const nested of draft.nested) {
    if (nested.language !== language) continue;
    if (nested.orphan) endNested(draft, nested, "aborted");
    else refuse(draft, nested, sentence);
  }
  for (const nested of draft.nested) if (nested.from === language && !nested.orphan) abandon(draft, nested);
}

/** A kernel that can't start fails the first cell that needs it; the rest goes back. */
function failWaiting(draft: Draft, language: Language, failure: Failure): void {
  const waiting = draft.queue.find((queued) => queued.language === language);
  if (waiting) endUnstarted(draft, waiting, failure);
}
