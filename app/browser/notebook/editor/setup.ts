/**
 * What every cell's editor has from the first frame: history, indentation, brackets, several carets, and the way out
 * into the neighbouring cells. Grammar and the heavier comforts (completion) come later through compartments.
 */
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec, type Extension } from "@codemirror/state";
import {
  EditorView,
  drawSelection,
  dropCursor,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  placeholder,
  rectangularSelection,
} from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";

/** Exchangeable parts of every editor; a compartment means the same in all states. */
export const slots = {
  grammar: new Compartment(),
  comforts: new Compartment(),
  lineNumbers: new Compartment(),
  name: new Compartment(),
  access: new Compartment(),
  presence: new Compartment(),
  people: new Compartment(),
  comments: new Compartment(),
} as const;

/** What the editor tells the page. */
export interface EditorEvents {
  /** The caret wants out over the top (-1) or the bottom (1). False: there is nowhere to go. */
  leave(direction: -1 | 1): boolean;
}

/** Accessible name of the text box. */
export function editorName(label: string): Extension {
  return EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" });
}

/** Whether the text can be changed. One that can't can still be walked, chosen and copied. */
export function writable(on: boolean): Extension {
  return EditorState.readOnly.of(!on);
}

/** Line numbers, or nothing. */
export function numbered(on: boolean): Extension {
  return on ? lineNumbers() : [];
}

function leaveAt(direction: -1 | 1, events: EditorEvents): (view: EditorView) => boolean {
  return (view) => {
    const { main } = view.state.selection;
    if (!main.empty || view.state.selection.ranges.length > 1) return false;
    const line = view.state.doc.lineAt(main.head);
    const atEdge = direction < 0 ? line.number === 1 : line.number === view.state.doc.lines;
    if (!atEdge) return false;
    // In a wrapped line the caret first moves within it.
    const moved = view.moveVertically(main, direction > 0);
    const edge = direction < 0 ? 0 : view.state.doc.length;
    if (moved.head !== main.head && moved.head !== edge) return false;
    return events.leave(direction);
  };
}

/** The extensions of a cell's editor at its first frame. */
export function editorSetup(options: {
  readonly language: string;
  readonly label: string;
  readonly grammar: Extension;
  readonly comforts: Extension;
  readonly lineNumbers: boolean;
  /** Absent: it can be changed. */
  readonly writable?: boolean;
  /** What is shown of others, and told to them. */
  readonly presence?: Extension;
  readonly people?: Extension;
  readonly comments?: Extension;
  readonly events: EditorEvents;
  /** Called when the first line is another one. */
  readonly onFirstLine: (line: string) => void;
}): Extension {
  const prose = options.language === "markdown" || options.language === "raw";
  return [
    slots.name.of(editorName(options.label)),
    slots.lineNumbers.of(numbered(options.lineNumbers)),
    history(),
    highlightSpecialChars(),
    drawSelection(),
    dropCursor(),
    rectangularSelection(),
    EditorState.allowMultipleSelections.of(true),
    indentUnit.of(options.language === "python" ? "    " : "  "),
    EditorState.tabSize.of(4),
    indentOnInput(),
    bracketMatching(),
    syntaxHighlighting(classHighlighter),
    prose ? [EditorView.lineWrapping, EditorView.perLineTextDirection.of(true)] : [],
    prose ? placeholder(options.language === "markdown" ? "Text in Markdown" : "Raw text, kept as it is") : [],
    EditorView.contentAttributes.of({
      spellcheck: prose ? "true" : "false",
      autocapitalize: prose ? "sentences" : "off",
    }),
    slots.comforts.of(options.comforts),
    slots.access.of(writable(options.writable ?? true)),
    slots.presence.of(options.presence ?? []),
    slots.people.of(options.people ?? []),
    slots.comments.of(options.comments ?? []),
    slots.grammar.of(options.grammar),
    EditorView.updateListener.of(({ docChanged, startState, state }) => {
      const line = docChanged ? state.doc.line(1).text : undefined;
      if (line !== undefined && line !== startState.doc.line(1).text) options.onFirstLine(line);
    }),
    Prec.high(
      keymap.of([
        { key: "ArrowUp", run: leaveAt(-1, options.events) },
        { key: "ArrowDown", run: leaveAt(1, options.events) },
      ]),
    ),
    keymap.of([
      indentWithTab,
      ...historyKeymap,
      ...defaultKeymap.filter((binding) => binding.key !== "Mod-Enter" && binding.key !== "Escape"),
    ]),
  ];
}
