/**
 * The heavier comforts of an editor, loaded after first paint: completion from the kernel, closing brackets, finding.
 *
 * Completions that come up by themselves leave Enter alone until one is chosen, as in Chrome's console: the kernel does
 * not know names that exist in the text only, so the first one is often not what was meant. Tab takes the first one,
 * and asks for completions behind a word, as in Jupyter; of those that were asked for the first one is chosen.
 */
import {
  acceptCompletion,
  autocompletion,
  closeCompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
  completionStatus,
  currentCompletions,
  selectedCompletion,
  setSelectedCompletion,
  startCompletion,
  type CompletionContext,
  type CompletionResult,
} from "@codemirror/autocomplete";
import { highlightSelectionMatches, selectNextOccurrence, selectSelectionMatches } from "@codemirror/search";
import { Prec, type Extension } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
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

function takeCompletion(view: EditorView): boolean {
  if (completionStatus(view.state) !== "active") return false;
  if (!selectedCompletion(view.state)) view.dispatch({ effects: setSelectedCompletion(0) });
  return acceptCompletion(view);
}

/** Keys and choice of completions. */
function completion(cell: CellId, ask: Completer): Extension {
  let asked = false;
  const askFor = (view: EditorView): boolean => {
    asked = true;
    return startCompletion(view);
  };
  const askBehindWord = (view: EditorView): boolean => {
    const { main } = view.state.selection;
    if (!main.empty || view.state.selection.ranges.length > 1) return false;
    const line = view.state.doc.lineAt(main.head);
    return /[\w.$/]$/.test(line.text.slice(0, main.head - line.from)) && askFor(view);
  };
  return [
    autocompletion({
      override: [(context) => complete(cell, ask, context)],
      icons: false,
      interactionDelay: 0,
      selectOnOpen: false,
      defaultKeymap: false,
    }),
    EditorView.updateListener.of(({ view, state }) => {
      if (completionStatus(state) === null) asked = false;
      if (!asked || currentCompletions(state).length === 0 || selectedCompletion(state)) return;
      // An update may not change the state itself.
      queueMicrotask(() => view.dispatch({ effects: setSelectedCompletion(0) }));
    }),
    // Left by running or Escape, it is read, not written: what was still being asked for comes too late as well.
    EditorView.domEventHandlers({
      blur: (_event, view) => {
        queueMicrotask(() => closeCompletion(view));
      },
    }),
    Prec.high(
      keymap.of([
        { key: "Ctrl-Space", run: askFor },
        { mac: "Alt-`", run: askFor },
        { mac: "Alt-i", run: askFor },
        { key: "Tab", run: (view) => takeCompletion(view) || askBehindWord(view) },
        ...completionKeymap.filter(({ run }) => run !== startCompletion),
      ]),
    ),
  ];
}

/** The comforts of one cell's editor. */
export function comforts(cell: CellId, language: string, ask: Completer): Extension {
  const code = language !== "markdown" && language !== "raw";
  return [
    closeBrackets(),
    highlightSelectionMatches({ minSelectionLength: 3 }),
    code ? completion(cell, ask) : [],
    keymap.of([
      ...closeBracketsKeymap,
      { key: "Mod-d", run: selectNextOccurrence, preventDefault: true },
      { key: "Mod-Shift-l", run: selectSelectionMatches, preventDefault: true },
    ]),
  ];
}
