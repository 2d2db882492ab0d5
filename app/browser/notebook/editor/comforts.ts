/** The heavier comforts of an editor, loaded after first paint: completion from the kernel, closing brackets, finding. */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { highlightSelectionMatches, selectNextOccurrence, selectSelectionMatches } from "@codemirror/search";
import type { Extension } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import type { CellId } from "#core/base/ids.ts";
import type { CompleteReply } from "#core/kernel/messages.ts";

/** Asks the cell's kernel; undefined when it does not run or has nothing to say. */
export type Completer = (cell: CellId, code: string, cursor: number) => Promise<CompleteReply | undefined>;

const KINDS: Readonly<Record<string, string>> = {
  module: "namespace",
  statement: "keyword",
  instance: "variable",
  param: "variable",
  file: "text",
  path: "text",
  command: "function",
};

async function complete(cell: CellId, ask: Completer, context: CompletionContext): Promise<CompletionResult | null> {
  const before = context.matchBefore(/[\w$.%/~-]+$/);
  if (!context.explicit && (!before || !/[\w$.]$/.test(before.text))) return null;
  const code = context.state.doc.toString();
  const reply = await ask(cell, code, context.pos);
  if (!reply || reply.matches.length === 0 || context.aborted) return null;
  return {
    from: Math.min(reply.start, context.pos),
    to: Math.max(reply.end, context.pos),
    options: reply.matches.map((match) => ({
      label: match.label,
      ...(match.kind === undefined ? {} : { type: KINDS[match.kind] ?? match.kind }),
      ...(match.detail === undefined ? {} : { detail: match.detail }),
    })),
    validFor: /^[\w$]*$/,
  };
}

/** The comforts of one cell's editor. */
export function comforts(cell: CellId, language: string, ask: Completer): Extension {
  const code = language !== "markdown" && language !== "raw";
  return [
    closeBrackets(),
    highlightSelectionMatches({ minSelectionLength: 3 }),
    code
      ? autocompletion({ override: [(context) => complete(cell, ask, context)], icons: false, interactionDelay: 20 })
      : [],
    keymap.of([
      ...closeBracketsKeymap,
      ...(code ? completionKeymap : []),
      { key: "Mod-d", run: selectNextOccurrence, preventDefault: true },
      { key: "Mod-Shift-l", run: selectSelectionMatches, preventDefault: true },
    ]),
  ];
}
