/** The binding of editors to the document: what is typed in two pages at once, offline from view, with undo. */
import { history, redo, undo } from "@codemirror/commands";
import { EditorView } from "@codemirror/view";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { CellId } from "#core/base/ids.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { CellText } from "#app/browser/notebook/editor/cell-text.ts";
import { openPages, until } from "./kit.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function open(page: NotebookClient, cell: CellId, client: string): CellText {
  const confirmed = page.confirmedText(cell);
  if (!confirmed) throw new Error("no such cell");
  const text = new CellText({
    authority: page,
    cell: { id: cell, source: confirmed.text, textVersion: confirmed.version },
    client,
    extensions: [history({ newGroupDelay: 0 })],
    onError: (error) => {
      throw error;
    },
  });
  closers.push(() => text.close());
  return text;
}

const parent = (): HTMLElement => document.body.appendChild(document.createElement("div"));
const insert = (text: CellText, at: number, what: string): void =>
  text.dispatch({ changes: { from: at, insert: what }, userEvent: "input.type" });

describe("a cell's text", () => {
  it("says the same in both editors and in the document, whatever is typed where and when", async () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant("insert" as const),
        who: fc.nat(1),
        at: fc.nat(1000),
        text: fc.constantFrom("a", "xy", "\n", "😀", "one\ntwo", "    "),
      }),
      fc.record({
        do: fc.constant("delete" as const),
        who: fc.nat(1),
        at: fc.nat(1000),
        length: fc.integer({ min: 1, max: 6 }),
      }),
      fc.record({ do: fc.constant("undo" as const), who: fc.nat(1) }),
      fc.record({ do: fc.constant("redo" as const), who: fc.nat(1) }),
      fc.record({ do: fc.constant("hide" as const), who: fc.nat(1) }),
      fc.record({ do: fc.constant("show" as const), who: fc.nat(1) }),
      fc.record({
        do: fc.constant("splice" as const),
        at: fc.nat(1000),
        text: fc.constantFrom("SPLICED", "\n# by a command\n"),
      }),
      fc.record({ do: fc.constant("wait" as const), turns: fc.integer({ min: 1, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const { pages, cells, close } = await openPages(2, ["start = 1\nend = 2"]);
        const [cell] = cells as [CellId];
        const texts = pages.map((page, index) => open(page, cell, `page-${index}`));
        for (const text of texts) text.mount(parent());
        for (const item of steps) {
          const text = texts["who" in item ? item.who : 0] as CellText;
          // Never inside a surrogate pair: a person's caret cannot stand there.
          const place = (at: number): number => {
            const to = at % (text.text.length + 1);
            return /[\uDC00-\uDFFF]/.test(text.text[to] ?? "") ? to - 1 : to;
          };
          if (item.do === "insert") insert(text, place(item.at), item.text);
          else if (item.do === "delete") {
            const from = place(item.at);
            const to = place(Math.min(from + item.length, text.text.length));
            if (to > from) text.dispatch({ changes: { from, to } });
          } else if (item.do === "undo" || item.do === "redo") {
            const command = item.do === "undo" ? undo : redo;
            command({
              state: text.state,
              dispatch: (transaction) => text.dispatch({ changes: transaction.changes, annotations: [] }),
            });
          } else if (item.do === "hide") text.unmount();
          else if (item.do === "show" && !text.view) text.mount(parent());
          else if (item.do === "splice") {
            const known = pages[0]?.confirmedText(cell)?.text ?? "";
            const at = item.at % (known.length + 1);
            if (!/[\uDC00-\uDFFF]/.test(known[at] ?? ""))
              await pages[0]?.change([{ type: "splice_text", cell, at, remove: 0, insert: item.text }]);
          } else if (item.do === "wait")
            for (let turn = 0; turn < item.turns; turn++) await new Promise((resolve) => setTimeout(resolve));
        }
        await until(() => texts.every((text) => text.settled), "everything typed is confirmed");
        await until(() => texts[0]?.text === texts[1]?.text, "both editors agree");
        const shown = texts.map((text) => text.text);
        expect(shown[1]).toBe(shown[0]);
        for (const page of pages) expect(page.notebook.cells[0]?.source).toBe(shown[0]);
        for (const text of texts) expect(text.view?.state.doc.toString() ?? text.text).toBe(shown[0]);
        for (const end of closers.splice(0)) end();
        close();
      }),
      { numRuns: 40 },
    );
  });

  it("undoes one's own typing only, even after the other typed in between and the cell was out of view", async () => {
    const { pages, cells, close } = await openPages(2, [""]);
    const [cell] = cells as [CellId];
    const [mine, theirs] = pages.map((page, index) => open(page, cell, `page-${index}`)) as [CellText, CellText];
    const view = mine.mount(parent());
    insert(mine, 0, "MINE ");
    await until(() => theirs.text === "MINE ", "typing arrives");
    insert(theirs, 5, "THEIRS");
    await until(() => mine.text === "MINE THEIRS", "theirs arrives");
    expect(view.state.doc.toString()).toBe("MINE THEIRS");
    mine.unmount();
    undo(mine.mount(parent()));
    await until(() => theirs.text === "THEIRS", "the undo arrives");
    expect(mine.text).toBe("THEIRS");
    close();
  });

  it("lets a composition end before it shows what others typed", async () => {
    const { pages, cells, close } = await openPages(2, ["start "]);
    const [cell] = cells as [CellId];
    const [mine, theirs] = pages.map((page, index) => open(page, cell, `page-${index}`)) as [CellText, CellText];
    const view = mine.mount(parent());
    let composing = true;
    Object.defineProperty(view, "composing", { get: () => composing, configurable: true });
    insert(mine, 6, "に");
    insert(theirs, 0, "REMOTE ");
    await until(() => pages[0]?.confirmedText(cell)?.text.startsWith("REMOTE ") ?? false, "theirs is confirmed");
    expect(mine.text).toBe("start に");
    composing = false;
    await until(() => mine.text === "REMOTE start に" && theirs.text === mine.text, "both agree after the composition");
    close();
  });

  it("makes line feeds of pasted carriage returns", async () => {
    const { pages, cells, close } = await openPages(1, [""]);
    const [cell] = cells as [CellId];
    const [page] = pages as [NotebookClient];
    const text = open(page, cell, "me");
    const view = text.mount(parent());
    const data = new DataTransfer();
    data.setData("text/plain", "a\r\nb\rc");
    view.contentDOM.dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }),
    );
    await text.whenSettled();
    expect(page.notebook.cells[0]?.source).toBe("a\nb\nc");
    expect(view instanceof EditorView).toBe(true);
    close();
  });
});
