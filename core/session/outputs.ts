/**
 * A run's list of outputs and how messages change it: streams merge, displays are updated and cleared, and a run that
 * prints without end stops at a limit instead of taking the page down. `\r` and `\b` are left to the renderer.
 */
import type { DisplayData, ErrorMessage, ExecuteResult, StreamMessage, UpdateDisplayData } from "../kernel/messages.ts";
import type { Output } from "../notebook/model.ts";

/** At most so many outputs are kept of one run. */
export const MAX_OUTPUTS = 10_000;
/** At most so many characters (of text, base64 or JSON) are kept of one run. */
export const MAX_OUTPUT_SIZE = 64 * 1024 * 1024;

/** The outputs of a run and what is needed to add to them. */
export interface OutputList {
  readonly outputs: readonly Output[];
  /** Characters so far, roughly. */
  readonly size: number;
  /** The limit was passed: only errors are still taken. */
  readonly full: boolean;
  /** clear_output(wait=True): the next output replaces all. */
  readonly clearNext: boolean;
}

export const emptyOutputs: OutputList = { outputs: [], size: 0, full: false, clearNext: false };

/** The list that a run of the document stands for. */
export function outputList(outputs: readonly Output[]): OutputList {
  let size = 0;
  for (const output of outputs) size += outputSize(output);
  return { outputs, size, full: false, clearNext: false };
}

/** The output a message brings. */
export function outputOf(message: StreamMessage | DisplayData | ExecuteResult | ErrorMessage): Output {
  switch (message.type) {
    case "stream":
      return { output_type: "stream", name: message.name, text: message.text };
    case "display_data": {
      const { data, metadata, displayId } = message;
      return { output_type: "display_data", data, metadata, ...(displayId === undefined ? {} : { displayId }) };
    }
    case "execute_result":
      return {
        output_type: "execute_result",
        data: message.data,
        metadata: message.metadata,
        execution_count: message.count,
      };
    case "error": {
      const { ename, evalue, traceback, line } = message;
      return { output_type: "error", ename, evalue, traceback, ...(line === undefined ? {} : { line }) };
    }
  }
}

/**
 * Adds an output. Arrays in `owned` are known to nobody else yet and are changed in place, so that a batch of
 * messages costs one copy and not one each; what this makes is added to `owned`.
 */
export function addOutput(list: OutputList, output: Output, owned: WeakSet<readonly Output[]>): OutputList {
  const start = list.clearNext ? { ...emptyOutputs, outputs: [] } : list;
  const last = start.outputs.at(-1);
  if (output.output_type === "stream" && output.text === "") return list;
  if (start.full && output.output_type !== "error") return start;

  const merges = output.output_type === "stream" && last?.output_type === "stream" && last.name === output.name;
  const room = MAX_OUTPUT_SIZE - start.size;
  const size = outputSize(output);
  if (output.output_type !== "error" && (size > room || (!merges && start.outputs.length >= MAX_OUTPUTS))) {
    return closeFull(start, output, owned);
  }
  const outputs = writable(start.outputs, owned);
  if (merges) outputs[outputs.length - 1] = { ...last, text: last.text + output.text };
  else outputs.push(output);
  return { ...start, outputs, size: start.size + size };
}

/** Replaces the data of every display of that id; undefined when there is none here. */
export function updateDisplay(list: OutputList, message: UpdateDisplayData): OutputList | undefined {
  let found = false;
  let size = list.size;
  const outputs = list.outputs.map((output): Output => {
    if (output.output_type !== "display_data" || output.displayId !== message.displayId) return output;
    const next: Output = { ...output, data: message.data, metadata: message.metadata };
    const grown = outputSize(next) - outputSize(output);
    if (grown > MAX_OUTPUT_SIZE - size) return output;
    found = true;
    size += grown;
    return next;
  });
  return found ? { ...list, outputs, size } : undefined;
}

/** The sentence at the end of a run that was cut. */
export const limitSentence = `Output stopped: a run keeps at most ${MAX_OUTPUTS.toLocaleString("en")} outputs and 64 MB. The cell goes on; write to a file to keep more.`;

function closeFull(list: OutputList, output: Output, owned: WeakSet<readonly Output[]>): OutputList {
  const outputs = writable(list.outputs, owned);
  const room = MAX_OUTPUT_SIZE - list.size;
  if (output.output_type === "stream" && room > 0 && outputs.length < MAX_OUTPUTS) {
    const cut = isHighSurrogate(output.text.charCodeAt(room - 1)) ? room - 1 : room;
    outputs.push({ ...output, text: output.text.slice(0, cut) });
  }
  outputs.push({ output_type: "stream", name: "stderr", text: `\n${limitSentence}\n` });
  return { outputs, size: MAX_OUTPUT_SIZE, full: true, clearNext: false };
}

function writable(outputs: readonly Output[], owned: WeakSet<readonly Output[]>): Output[] {
  if (owned.has(outputs)) return outputs as Output[];
  const copy = [...outputs];
  owned.add(copy);
  return copy;
}

function outputSize(output: Output): number {
  switch (output.output_type) {
    case "stream":
      return output.text.length;
    case "error":
      return output.evalue.length + output.traceback.reduce((sum, line) => sum + line.length, 0);
    default: {
      let size = 0;
      for (const value of Object.values(output.data)) {
        size += typeof value === "string" ? value.length : (JSON.stringify(value)?.length ?? 0);
      }
      return size;
    }
  }
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
