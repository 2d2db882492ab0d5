/** Completion in a cell: what Enter and Tab do while names are offered. */
import { completionStatus, selectedCompletion } from "@codemirror/autocomplete";
import { EditorView } from "@codemirror/view";
import { userEvent } from "vitest/browser";
import { afterEach, expect, it } from "vitest";
import type { CellId } from "#core/base/ids.ts";
import { comforts, type Completer } from "#app/browser/notebook/editor/comforts.ts";
import { editorSetup } from "#app/browser/notebook/editor/setup.ts";
import { until } from "./kit.ts";

const NAMES = ["name", "next", "nonlocal"];
/** Answers as a kernel that knows these names. */
const ask: Completer = async (_cell, code, cursor) => {
  const word = /\w*$/.exec(code.slice(0, cursor))?.[0] ?? "";
  const matches = NAMES.filter((name) => name.startsWith(word)).map((label) => ({ label }));
  return { type: "complete_reply", parent: "1", matches, start: cursor - word.length, end: cursor };
};

let view: EditorView | undefined;
afterEach(() => {
  view?.dom.remove();
  view?.destroy();
});

function open(completer: Completer = ask): EditorView {
  const events = { leave: () => false };
  const extensions = editorSetup({
    language: "python",
    label: "Cell 1",
    grammar: [],
    comforts: comforts("a" as CellId, "python", completer),
    lineNumbers: false,
    events,
    onFirstLine: () => undefined,
  });
  view = new EditorView({ extensions, parent: document.body });
  view.focus();
  return view;
}

const offered = (editor: EditorView) => until(() => completionStatus(editor.state) === "active", "names are offered");
const text = (editor: EditorView): string => editor.state.doc.toString();

it("leaves Enter alone while names come up by themselves", async () => {
  const editor = open();
  await userEvent.keyboard("return n");
  await offered(editor);
  await userEvent.keyboard("{Enter}");
  expect(text(editor)).toBe("return n\n");
});

it("takes the first name with Tab, and one that was chosen with Enter", async () => {
  const editor = open();
  await userEvent.keyboard("n");
  await offered(editor);
  await userEvent.keyboard("{Tab}");
  expect(text(editor)).toBe("name");
  await userEvent.keyboard("{Enter}n");
  await offered(editor);
  await userEvent.keyboard("{ArrowDown}{ArrowDown}");
  expect(selectedCompletion(editor.state)?.label).toBe("next");
  await userEvent.keyboard("{Enter}");
  expect(text(editor)).toBe("name\nnext");
});

it("asks with Tab behind a word, and indents with it elsewhere", async () => {
  const editor = open();
  await userEvent.keyboard("{Tab}");
  expect(text(editor)).toBe("    ");
  editor.dispatch({ changes: { from: 4, insert: "no" }, selection: { anchor: 6 } });
  await userEvent.keyboard("{Tab}");
  await until(() => selectedCompletion(editor.state)?.label === "nonlocal", "the first name is chosen");
  await userEvent.keyboard("{Enter}");
  expect(text(editor)).toBe("    nonlocal");
});

it("offers nothing in a cell that was left before the kernel answered", async () => {
  let answer: (() => void) | undefined;
  let answered = false;
  const editor = open(async (...question) => {
    await new Promise<void>((resolve) => (answer = resolve));
    answered = true;
    return await ask(...question);
  });
  await userEvent.keyboard("n");
  await until(() => answer !== undefined, "the kernel is asked");
  editor.contentDOM.blur();
  answer?.();
  await until(() => answered && completionStatus(editor.state) === null, "nothing is offered");
  editor.focus();
  await userEvent.keyboard("e");
  await until(() => completionStatus(editor.state) === "pending", "it is asked again");
});
