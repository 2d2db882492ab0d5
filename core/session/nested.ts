/**
 * Code that one kernel asks another to run: Python's `!ls` runs in the Linux shell. Its output belongs to the cell that
 * asked, it goes before all queued cells (the asking cell keeps its own kernel until it is answered), and a request
 * that could only wait for itself is refused.
 */
import type { Language } from "../base/ids.ts";
import type { KernelRequest } from "../kernel/messages.ts";
import type { Draft } from "./draft.ts";
import type { ActiveRun, NestedRun } from "./model.ts";
import { addOutput } from "./outputs.ts";
import { releaseKernel } from "./runs.ts";

/** Takes a kernel_request of the kernel `from`, on behalf of the run `root`. */
export function takeRequest(draft: Draft, from: Language, root: ActiveRun, message: KernelRequest): void {
  const nested: NestedRun = {
    id: draft.nextId(),
    request: message.id,
    from,
    root: root.id,
    language: message.language,
    code: message.code,
    capture: message.capture,
    stdout: "",
    exitCode: undefined,
    sent: false,
    orphan: false,
  };
  if (!draft.kernels.get(message.language)) {
    refuse(draft, nested, `There is no ${message.language} kernel here to run this.`);
  } else if (waitsFor(draft, message.language, from)) {
    refuse(draft, nested, `${from} can't wait for the ${message.language} kernel, which waits for ${from}.`);
  } else {
    draft.nested = [...draft.nested, nested];
  }
}

/** Gives the next such request to a kernel that is free. */
export function beginNested(draft: Draft, nested: NestedRun): void {
  const { language, code, id } = nested;
  draft.setNested(id, { sent: true });
  draft.setLink(language, { current: id });
  draft.setKernel(language, { status: "busy", running: draft.runs.get(nested.root)?.cell });
  const { generation } = draft.link(language);
  draft.effects.push({
    type: "send",
    language,
    generation,
    message: { type: "execute_request", id, code, silent: true },
  });
}

/** Ends a request: the kernel that asked is answered, the one that worked is free. */
export function endNested(draft: Draft, nested: NestedRun, status: "ok" | "error" | "aborted"): void {
  draft.nested = draft.nested.filter(({ id }) => id !== nested.id);
  releaseKernel(draft, nested.language, nested.id);
  answer(draft, nested, status);
}

/** Ends a request with a sentence on the asking cell's stderr. */
export function refuse(draft: Draft, nested: NestedRun, sentence: string): void {
  const root = draft.runs.get(nested.root);
  if (root && !nested.orphan) {
    const output = { output_type: "stream", name: "stderr", text: `${sentence}\n` } as const;
    draft.setRun({ ...root, ...addOutput(root, output, draft.ownedOutputs) });
  }
  endNested(draft, nested, "error");
}

function answer(draft: Draft, nested: NestedRun, status: "ok" | "error" | "aborted"): void {
  if (nested.orphan || !draft.link(nested.from).ready) return;
  draft.effects.push({
    type: "send",
    language: nested.from,
    generation: draft.link(nested.from).generation,
    message: {
      type: "kernel_reply",
      parent: nested.request,
      status,
      ...(nested.capture ? { stdout: nested.stdout } : {}),
      ...(nested.exitCode === undefined ? {} : { exitCode: nested.exitCode }),
    },
  });
}

/** True when `language` is `other`, or is busy with something that waits for `other`. */
function waitsFor(draft: Draft, language: Language, other: Language): boolean {
  const seen = new Set<Language>();
  const visit = (kernel: Language): boolean => {
    if (kernel === other) return true;
    if (seen.has(kernel)) return false;
    seen.add(kernel);
    return draft.nested.some((nested) => nested.from === kernel && !nested.orphan && visit(nested.language));
  };
  return visit(language);
}
