/**
 * Code that one kernel asks another to run: Python's `!ls` runs in the Linux shell. Its output belongs to the cell that
 * asked, it goes before all queued cells (the asking cell keeps its own kernel until it is answered), and a request
 * that could only wait for itself is refused.
 *
 * The shell's `kroma py` asks with `streams` (K14): text goes back to the program that asked, displays to the cell. From a
 * background job whose cell has ended they go to that cell's outputs; a terminal has no cell, so it gets their text.
 */
import type { Language, RunId } from "../base/ids.ts";
import type { KernelRequest, ToKernel } from "../kernel/messages.ts";
import type { Output } from "../notebook/model.ts";
import type { Draft } from "./draft.ts";
import type { ActiveRun, NestedRun } from "./model.ts";
import { addOutput } from "./outputs.ts";
import { abandon, releaseKernel } from "./runs.ts";

/** Takes a kernel_request of the kernel `from`, on behalf of the run `root`. */
export function takeRequest(draft: Draft, from: Language, root: RunId | undefined, message: KernelRequest): void {
  const nested: NestedRun = {
    id: draft.nextId(),
    request: message.id,
    from,
    root,
    language: message.language,
    code: message.code,
    name: message.name,
    capture: message.capture,
    streams: message.streams ?? false,
    stdout: "",
    exitCode: undefined,
    sent: false,
    orphan: false,
  };
  if (message.ifRunning && !canAnswer(draft, nested)) {
    endNested(draft, nested, "error");
  } else if (!draft.kernels.get(message.language)) {
    refuse(draft, nested, `There is no ${message.language} kernel here to run this.`);
  } else if (rootRun(draft, nested) && waitsFor(draft, message.language, from)) {
    refuse(
      draft,
      nested,
      `${named(draft, from)} can't wait for ${named(draft, message.language)}, which waits for ${named(draft, from)}.`,
    );
  } else {
    draft.nested = [...draft.nested, nested];
  }
}

function canAnswer(draft: Draft, { language, from }: NestedRun): boolean {
  return draft.kernels.get(language) !== undefined && draft.link(language).ready && !waitsFor(draft, language, from);
}

const named = (draft: Draft, language: Language): string => draft.kernels.get(language)?.displayName ?? language;

/** Gives the next such request to a kernel that is free. */
export function beginNested(draft: Draft, nested: NestedRun): void {
  const { language, code, name, id, streams } = nested;
  draft.setNested(id, { sent: true });
  draft.setLink(language, { current: id });
  draft.setKernel(language, { status: "busy", running: rootRun(draft, nested)?.cell });
  const { generation } = draft.link(language);
  draft.effects.push({
    type: "send",
    language,
    generation,
    message: {
      type: "execute_request",
      id,
      code,
      ...(name === undefined ? {} : { name }),
      ...(streams ? { storeHistory: false } : { silent: true }),
    },
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
  const root = rootRun(draft, nested);
  if (nested.streams) tellAsker(draft, nested, { name: "stderr", text: `${sentence}\n` });
  else if (root && !nested.orphan) {
    const output = { output_type: "stream", name: "stderr", text: `${sentence}\n` } as const;
    draft.setRun({ ...root, ...addOutput(root, output, draft.ownedOutputs) });
  }
  endNested(draft, nested, "error");
}

/** The kernel `from` gives up what it asked for under this id. */
export function takeCancel(draft: Draft, from: Language, request: string): void {
  const nested = draft.nested.find((other) => other.from === from && other.request === request && !other.orphan);
  if (nested) abandon(draft, nested);
}

/** The text of an output, for a program that asked with `streams`; undefined for what belongs to a cell. */
export function textFor(nested: NestedRun, output: Output): StreamText | undefined {
  switch (output.output_type) {
    case "stream":
      return output;
    case "error": {
      const lines = output.traceback.join("\n").split("\n");
      const cut = lines.length > TRACEBACK_LINES ? ["  ...", ...lines.slice(-TRACEBACK_LINES)] : lines;
      return { name: "stderr", text: `${cut.join("\n").replace(COLOUR, "")}\n` };
    }
    case "display_data":
      if (nested.root !== undefined) return undefined;
  }
  const plain = output.data["text/plain"];
  return { name: "stdout", text: `${typeof plain === "string" ? plain : Object.keys(output.data).join(", ")}\n` };
}

/** Sends a piece to the kernel that asked with `streams`. */
export function tellAsker(draft: Draft, nested: NestedRun, { name, text }: StreamText): void {
  send(draft, nested, { type: "kernel_output", parent: nested.request, name, text });
}

interface StreamText {
  readonly name: "stdout" | "stderr";
  readonly text: string;
}

/** A recursion that went too deep has a thousand lines; the last ones say what happened. */
const TRACEBACK_LINES = 20;
// oxlint-disable-next-line no-control-regex -- the escape that begins a colour
const COLOUR = /\u001b\[[\d;]*m/g;

function answer(draft: Draft, nested: NestedRun, status: "ok" | "error" | "aborted"): void {
  send(draft, nested, {
    type: "kernel_reply",
    parent: nested.request,
    status,
    ...(nested.capture ? { stdout: nested.stdout } : {}),
    ...(nested.exitCode === undefined ? {} : { exitCode: nested.exitCode }),
  });
}

function send(draft: Draft, nested: NestedRun, message: ToKernel): void {
  const { from, orphan } = nested;
  if (orphan || !draft.link(from).ready) return;
  draft.effects.push({ type: "send", language: from, generation: draft.link(from).generation, message });
}

/** The run that waits for it, if there is one and it goes on. */
export function rootRun(draft: Draft, nested: NestedRun): ActiveRun | undefined {
  return nested.root === undefined ? undefined : draft.runs.get(nested.root);
}

/** True when `language` is `other`, or is busy with something that waits for `other`. */
function waitsFor(draft: Draft, language: Language, other: Language): boolean {
  const seen = new Set<Language>();
  const visit = (kernel: Language): boolean => {
    if (kernel === other) return true;
    if (seen.has(kernel)) return false;
    seen.add(kernel);
    return draft.nested.some(
      (nested) => nested.from === kernel && !nested.orphan && rootRun(draft, nested) && visit(nested.language),
    );
  };
  return visit(language);
}
