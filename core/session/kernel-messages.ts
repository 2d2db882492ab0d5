/** What a kernel's words mean for the session. Words about requests that nobody knows are ignored. */
import type { Language, RunId } from "../base/ids.ts";
import type {
  ClearOutput,
  DependencyMessage,
  ErrorMessage,
  ExecuteReply,
  FromKernel,
  InputRequest,
  StatusMessage,
  UpdateDisplayData,
} from "../kernel/messages.ts";
import type { Output, Run } from "../notebook/model.ts";
import type { Draft } from "./draft.ts";
import { dismissKernelNotice, kernelDied, kernelRestartedItself } from "./kernel-life.ts";
import type { ActiveRun, Dependency, NestedRun } from "./model.ts";
import { endNested, rootRun, takeCancel, takeRequest, tellAsker, textFor } from "./nested.ts";
import {
  type OutputList,
  addOutput,
  emptyOutputs,
  limitSentence,
  outputList,
  outputOf,
  updateDisplay,
} from "./outputs.ts";
import { endRun, failRun, runOf } from "./runs.ts";

/** Hosts that are remembered as wanted. */
const MOST_WANTED = 20;

/** Applies one message of a kernel's present start. */
export function takeMessage(draft: Draft, language: Language, message: FromKernel): void {
  switch (message.type) {
    case "status":
      return takeStatus(draft, language, message);
    case "responding":
      return draft.setKernel(language, { silent: !message.responding });
    case "machine_activity":
      return draft.setKernel(language, { ports: message.ports, jobs: message.jobs });
    case "web_wanted": {
      const wanted = draft.kernels.get(language)?.wantedHosts ?? [];
      return draft.setKernel(language, {
        wantedHosts: [...wanted.filter((host) => host !== message.host), message.host].slice(-MOST_WANTED),
      });
    }
    case "stream":
    case "display_data":
    case "execute_result":
    case "error":
      return takeOutput(draft, message.parent, outputOf(message), message.type === "error" ? message : undefined);
    case "update_display_data":
      return takeUpdate(draft, message);
    case "clear_output":
      return takeClear(draft, message);
    case "input_request":
      return takeInputRequest(draft, language, message);
    case "execute_reply":
      return takeReply(draft, language, message);
    case "kernel_request": {
      const root = draft.runs.get(message.parent as RunId) ?? rootOf(draft, message.parent);
      if (root ?? message.streams) {
        return takeRequest(draft, language, root?.id ?? (message.parent as RunId | undefined), message);
      }
      const { generation } = draft.link(language);
      const reply = { type: "kernel_reply", parent: message.id, status: "aborted" } as const;
      draft.effects.push({ type: "send", language, generation, message: reply });
      return;
    }
    case "kernel_cancel":
      return takeCancel(draft, language, message.request);
    case "dependency":
      return takeDependency(draft, message);
    case "complete_reply":
    case "inspect_reply":
    case "comm_open":
    case "comm_msg":
    case "comm_close":
    case "terminal_output":
    case "terminal_exit":
    case "terminal_jobs_reply":
    case "port_open":
    case "http_response":
    case "http_data":
    case "http_end":
      // Not the state's concern: the runner hands them to whoever asked.
      return;
  }
}

function takeStatus(draft: Draft, language: Language, message: StatusMessage): void {
  const link = draft.link(language);
  switch (message.status) {
    case "starting":
      if (link.ready) kernelRestartedItself(draft, language);
      draft.setKernel(language, { status: "starting", stage: message.stage, progress: message.progress });
      return;
    case "busy":
      if (link.current === undefined || message.parent === link.current) draft.setKernel(language, { status: "busy" });
      return;
    case "idle": {
      if (!link.ready) {
        draft.setLink(language, { ready: true });
        draft.setKernel(language, { status: "idle", stage: undefined, progress: undefined, reason: undefined });
        if (draft.notices.some(({ level }) => level === "error")) dismissKernelNotice(draft, language);
        return;
      }
      if (link.current === undefined) draft.setKernel(language, { status: "idle" });
      return;
    }
    case "dead":
    case "off":
      return kernelDied(draft, language, message.reason ?? "it stopped without saying why.");
  }
}

/** Output of a cell's own code, of code it had another kernel run, or of a cell that has ended but left something behind. */
function takeOutput(draft: Draft, parent: string, output: Output, error: ErrorMessage | undefined): void {
  const nested = draft.nested.find(({ id }) => id === parent);
  if (nested) return takeNestedOutput(draft, nested, output, error);
  const run = draft.runs.get(parent as RunId);
  if (run) return addToRun(draft, run, output);
  rewrite(draft, parent, (list) => addOutput(list, output, draft.ownedOutputs));
}

function takeNestedOutput(draft: Draft, nested: NestedRun, output: Output, error: ErrorMessage | undefined): void {
  if (nested.orphan) return;
  if (nested.streams) {
    const text = textFor(nested, output);
    if (text) return tellAsker(draft, nested, text);
  }
  if (error) {
    // The asking kernel says in its own way that a command failed; only the number is passed on.
    const exitCode = error.ename === "KeyboardInterrupt" ? 130 : Number(/\d+/.exec(error.evalue)?.[0] ?? 1);
    return draft.setNested(nested.id, { exitCode });
  }
  if (nested.capture && output.output_type === "stream" && output.name === "stdout") {
    return draft.setNested(nested.id, { stdout: nested.stdout + output.text });
  }
  const root = rootRun(draft, nested);
  if (root) addToRun(draft, root, output);
  else if (nested.root !== undefined)
    rewrite(draft, nested.root, (list) => addOutput(list, output, draft.ownedOutputs));
}

function addToRun(draft: Draft, run: ActiveRun, output: Output): void {
  const list = addOutput(run, output, draft.ownedOutputs);
  if (list.full && !run.full) draft.notice(`limit-${run.id}`, "warning", limitSentence);
  const count = output.output_type === "execute_result" ? output.execution_count : run.count;
  const next: ActiveRun = { ...run, ...list, count };
  draft.setRun(next);
  draft.effects.push({ type: "run_progress", cell: next.cell, run: runOf(next) });
}

function takeUpdate(draft: Draft, message: UpdateDisplayData): void {
  for (const run of draft.runs.value.values()) {
    const list = updateDisplay(run, message);
    if (!list) continue;
    const next: ActiveRun = { ...run, ...list };
    draft.setRun(next);
    draft.effects.push({ type: "run_progress", cell: next.cell, run: runOf(next) });
  }
  for (const cell of draft.notebook.cells) {
    const run = draft.lastRun(cell.id);
    if (
      run?.outputs.some((output) => output.output_type === "display_data" && output.displayId === message.displayId)
    ) {
      rewrite(draft, run.id, (list) => updateDisplay(list, message) ?? list);
    }
  }
}

function takeClear(draft: Draft, message: ClearOutput): void {
  const run = draft.runs.get(message.parent as RunId);
  const clear = (list: OutputList): OutputList => (message.wait ? { ...list, clearNext: true } : emptyOutputs);
  if (!run) return rewrite(draft, message.parent, () => emptyOutputs);
  draft.setRun({ ...run, ...clear(run) });
}

function takeInputRequest(draft: Draft, language: Language, message: InputRequest): void {
  const { parent, prompt, password } = message;
  const run = draft.runs.get(parent as RunId) ?? rootOf(draft, parent);
  if (run) return draft.setRun({ ...run, input: { language, parent, prompt, password } });
  // Nobody is there to answer: the end of the input.
  const { generation } = draft.link(language);
  draft.effects.push({ type: "send", language, generation, message: { type: "input_reply", parent } });
}

function takeReply(draft: Draft, language: Language, message: ExecuteReply): void {
  const nested = draft.nested.find(({ id }) => id === message.parent);
  if (nested) {
    const exitCode = nested.exitCode ?? (message.status === "ok" ? 0 : undefined);
    return endNested(draft, { ...nested, exitCode }, message.status);
  }
  const run = draft.runs.get(message.parent as RunId);
  if (!run || run.language !== language) return;
  const ended: ActiveRun = { ...run, count: message.count ?? run.count, input: undefined };
  switch (message.status) {
    case "ok":
      return endRun(draft, ended, "ok");
    case "error":
      return endRun(draft, ended, run.interrupted ? "aborted" : "error");
    case "aborted": {
      if (hasError(ended)) return endRun(draft, ended, run.interrupted ? "aborted" : "error");
      // The next word tells why: a dead kernel says so after it has answered its requests.
      draft.effects.push({ type: "settle_aborted", run: run.id });
      return draft.setRun({ ...ended, aborted: true });
    }
  }
}

/** Ends a run that its kernel gave up and never said why. */
export function endAborted(draft: Draft, run: ActiveRun): void {
  const name = draft.kernels.get(run.language)?.displayName ?? run.language;
  const failure = run.interrupted
    ? { ename: "KeyboardInterrupt", evalue: "" }
    : { ename: "Aborted", evalue: `the ${name} kernel gave this cell up` };
  failRun(draft, run, "aborted", failure);
}

function takeDependency(draft: Draft, message: DependencyMessage): void {
  const { ecosystem, name, version, url, integrity } = message;
  const dependency: Dependency = { ecosystem, name, version, ...(url === undefined ? {} : { url }), integrity };
  const isSame = (other: Dependency): boolean =>
    other.version === version && other.url === url && other.integrity === integrity;
  const old = draft.dependencies.find((other) => other.ecosystem === ecosystem && other.name === name);
  if (old && isSame(old)) return;
  draft.dependencies = [...draft.dependencies.filter((other) => other !== old), dependency].sort((a, b) =>
    `${a.ecosystem} ${a.name}` < `${b.ecosystem} ${b.name}` ? -1 : 1,
  );
  const kroma = draft.notebook.metadata["kroma"];
  const kept = typeof kroma === "object" && kroma !== null ? kroma : {};
  const metadata = { kroma: { ...kept, dependencies: draft.dependencies } };
  draft.effects.push({ type: "change", operations: [{ type: "set_metadata", metadata }] });
}

/** Changes the outputs of a run that has ended, if it is still the last one of its cell. */
function rewrite(draft: Draft, id: string, change: (list: OutputList) => OutputList): void {
  const cell = draft.notebook.cells.find((candidate) => draft.lastRun(candidate.id)?.id === id);
  const run = cell && draft.lastRun(cell.id);
  if (!cell || !run) return;
  const { outputs } = change(outputList(run.outputs));
  if (outputs === run.outputs) return;
  const next: Run = { ...run, outputs };
  const confirmed = draft.overlays.get(cell.id)?.confirmed ?? true;
  draft.overlays.set(cell.id, { run: next, confirmed });
  draft.refresh(cell.id);
  draft.effects.push({ type: "rewrite_run", cell: cell.id, run: next });
}

function rootOf(draft: Draft, parent: string | undefined): ActiveRun | undefined {
  const nested = draft.nested.find(({ id, orphan }) => id === parent && !orphan);
  return nested && rootRun(draft, nested);
}

function hasError(run: ActiveRun): boolean {
  return run.outputs.some(({ output_type }) => output_type === "error");
}
