/** Comments as a person meets them: the panel, the marks at cells and in texts, the keyboard, roles, and what is new. */
import { EditorView } from "@codemirror/view";
import { page as screen, userEvent } from "vitest/browser";
import { afterEach, describe, expect, it } from "vitest";
import { createSignal, Show } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import { newCommentId } from "#core/notebook/comments.ts";
import { runCommand, setOpenView, setPageActions } from "#app/browser/command-context.ts";
import { CellList } from "#app/browser/notebook/cell-list.tsx";
import type { PageView } from "#app/browser/notebook/view.ts";
import { host } from "#app/browser/plugins.ts";
import { Rail } from "#app/browser/shell/rail.tsx";
import { COMMENTS_PANEL } from "#kit/comments.ts";
import { commands } from "#kit/commands.ts";
import { panels } from "#kit/panels.ts";
import { CommentsPanel } from "#plugins/comments/panel.tsx";
import { piecesOf } from "#plugins/comments/comment-text.tsx";
import {
  ANA,
  BEN,
  ME,
  byRole,
  draw,
  expectAccessible,
  member,
  openNotebook,
  sharingOf,
  testNetwork,
  testPage,
  type TestPage,
} from "../people/kit.tsx";
import { until } from "../ui/kit.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
  localStorage.clear();
});

const MEMBERS = [member(ME, "Mia Berg", "owner"), member(ANA, "Ana", "editor"), member(BEN, "Ben Okoro", "commenter")];

interface Opened {
  readonly box: HTMLElement;
  readonly page: TestPage;
  readonly view: PageView;
  readonly cells: readonly CellId[];
  share(more?: Partial<Sharing>): void;
  readonly editor: (cell: number) => EditorView;
  readonly panel: () => HTMLElement;
  /** Somebody comments, on a cell or the first occurrence of a text in it. */
  says(author: string, cell: number, text: string, quote?: string): Promise<string>;
}

async function open(sources = ["total = price * count", "print(total)"], width = 900): Promise<Opened> {
  const notebook = await openNotebook(sources);
  closers.push(notebook.close);
  const network = testNetwork();
  const [isOpen, setOpen] = createSignal(false);
  const page: TestPage = {
    ...testPage(network),
    openPanel: (id) => void setOpen(id === COMMENTS_PANEL),
    togglePanel: (id) => void setOpen((open) => id === COMMENTS_PANEL && !open),
  };
  let view: PageView | undefined;
  const { box, end } = draw(() => {
    view = notebook.view(page);
    setPageActions(page);
    setOpenView(view);
    const context = { page, view };
    return (
      <>
        <Rail
          panels={host.get(panels).filter(({ id }) => id === COMMENTS_PANEL)}
          context={context}
          open={isOpen() ? [COMMENTS_PANEL] : []}
          onToggle={page.togglePanel}
          onLibrary={() => undefined}
        />
        <Show when={isOpen()}>
          <aside class="panel" aria-label="Comments" style={{ "inline-size": `${Math.min(width, 304)}px` }}>
            <CommentsPanel context={context} workspace={undefined} />
          </aside>
        </Show>
        <CellList view={view} />
      </>
    );
  }, width);
  closers.push(end, () => setOpenView(undefined));
  if (!view) throw new Error("no view");
  view.comments.load();
  const opened = view;
  const editor = (cell: number): EditorView => {
    const found = box.querySelector<HTMLElement>(`[data-cell="${notebook.cells[cell]}"] .cm-editor`);
    const shown = found && EditorView.findFromDOM(found);
    if (!shown) throw new Error(`no editor in cell ${cell}`);
    return shown;
  };
  await until(() => box.querySelectorAll(".cm-editor").length === sources.length, "the editors are there");
  return {
    box,
    page,
    view: opened,
    cells: notebook.cells,
    share: (more) => network.set({ sharing: sharingOf(notebook.client.document, { members: MEMBERS, ...more }) }),
    editor,
    panel() {
      const found = box.querySelector<HTMLElement>(".comments");
      if (!found) throw new Error("the panel is closed");
      return found;
    },
    async says(author, cell, text, quote) {
      const id = notebook.cells[cell] as CellId;
      const { text: source = "", version = 0 } = notebook.client.confirmedText(id) ?? {};
      const from = quote === undefined ? -1 : source.indexOf(quote);
      const range = quote === undefined ? {} : { range: { from, to: from + quote.length, version } };
      const thread = newCommentId();
      await notebook.client.comments.perform({ type: "add_thread", thread, cell: id, text, author, ...range });
      return thread;
    },
  };
}

const command = (id: string) => {
  const found = host.get(commands).find((one) => one.id === id);
  if (!found) throw new Error(`no command ${id}`);
  return found;
};
const said = (box: HTMLElement, text: string): Promise<void> => until(() => box.textContent.includes(text), text);
const marked = (editor: EditorView): readonly string[] =>
  [...editor.dom.querySelectorAll(".comment-mark")].map(({ textContent }) => textContent);
const focused = (): HTMLElement => document.activeElement as HTMLElement;

/** Chooses a text in an editor, as by the mouse. */
function select(editor: EditorView, text: string): void {
  const from = editor.state.doc.toString().indexOf(text);
  editor.focus();
  editor.dispatch({ selection: { anchor: from, head: from + text.length } });
}

describe("a comment", () => {
  it("is written on chosen text by the keyboard, underlined, and follows the text", async () => {
    const { box, view, cells, editor, panel, page } = await open();
    view.choose(cells[0] as CellId, { mode: "edit" });
    select(editor(0), "price");
    await runCommand(command("comments.add"));
    await until(() => focused().localName === "textarea", "the field has the focus");
    expect(panel().textContent).toContain("price");
    await expectAccessible(box);
    await userEvent.keyboard("Which price?{Control>}{Enter}{/Control}");
    await until(() => marked(editor(0)).join() === "price", "the text is underlined");
    expect(page.said).toContain("Comment added");
    await until(() => focused().matches("article.thread"), "the thread has the focus");
    expect(byRole(box, ".cell-comments", "1 open comment: show").textContent).toBe("1");
    editor(0).dispatch({ changes: { from: 0, insert: "# all in all\n" } });
    editor(0).dispatch({ changes: { from: 13 + "total = pri".length, insert: "--" } });
    expect(marked(editor(0))).toEqual(["pri--ce"]);
    await until(() => view.comments.threads()[0]?.place?.range?.from === 21, "the worker has found it too");
    expect(marked(editor(0))).toEqual(["pri--ce"]);
    await expectAccessible(box);
  });

  it("on a cell is answered, changed, resolved and opened again, all by the keyboard", async () => {
    const { box, view, cells, panel, page } = await open();
    view.choose(cells[1] as CellId);
    await runCommand(command("comments.add"));
    await until(() => focused().localName === "textarea", "the field has the focus");
    await userEvent.keyboard("Round it?");
    byRole(panel(), "button", "Comment").focus();
    await userEvent.keyboard("{Enter}");
    await said(panel(), "Round it?");
    byRole(panel(), "button", "Reply").focus();
    await userEvent.keyboard("{Enter}");
    await until(() => focused().localName === "textarea", "the reply has the focus");
    await userEvent.keyboard("Yes: see https://example.org/round.{Control>}{Enter}{/Control}");
    await until(() => panel().querySelector("a") !== null, "the reply is there");
    expect(panel().querySelector("a")?.getAttribute("href")).toBe("https://example.org/round");
    expect(focused().textContent).toBe("Reply");
    byRole(panel(), "button", "Change your comment “Round it?”").focus();
    await userEvent.keyboard("{Enter}");
    await until(() => focused().getAttribute("role") === "menuitem", "the menu is open");
    await userEvent.keyboard("{Enter}");
    await until(() => focused().localName === "textarea", "it can be changed");
    await userEvent.keyboard(" Please.{Control>}{Enter}{/Control}");
    await said(panel(), "Round it? Please.");
    await said(panel(), "changed");
    byRole(panel(), "button", "Resolve").focus();
    await userEvent.keyboard("{Enter}");
    await said(panel(), "Nothing is open.");
    expect(page.said).toContain("Resolved.");
    expect(box.querySelector(".cell-comments")).toBeNull();
    expect(focused().matches("input[type=radio]")).toBe(true);
    await userEvent.keyboard("{ArrowRight}");
    await said(panel(), "Resolved by you.");
    byRole(panel(), "button", "Open again").focus();
    await userEvent.keyboard("{Enter}");
    await until(() => box.querySelector(".cell-comments") !== null, "the mark is at the cell again");
  });

  it("is deleted after a question, and only its own", async () => {
    const { panel, page, view, share, says } = await open();
    share();
    const mine = await says(ME, 0, "Mine");
    await says(ANA, 0, "Hers");
    page.openPanel(COMMENTS_PANEL);
    await said(panel(), "Hers");
    expect(panel().querySelectorAll(".comment-menu").length).toBe(1);
    view.comments.choose(mine);
    byRole(panel(), "button", "Change your comment “Mine”").click();
    await until(() => document.querySelector(".menu-item.danger") !== null, "the menu is open");
    byRole(document.body, "button.menu-item, [role=menuitem]", "Delete").click();
    await until(() => !panel().textContent.includes("Mine"), "it is gone");
    expect(page.asked.length).toBe(1);
    expect(panel().textContent).toContain("Hers");
  });

  it("leads to its place, and its mark at the cell to it", async () => {
    const { box, panel, view, cells, says } = await open();
    const thread = await says("", 1, "Here", "total");
    await until(() => box.querySelector(".cell-comments") !== null, "the mark is there");
    box.querySelector<HTMLElement>(".cell-comments")?.click();
    await until(() => focused().getAttribute("data-thread") === thread, "the thread has the focus");
    panel().querySelector<HTMLElement>(".thread-place")?.click();
    await until(() => view.active() === cells[1] && view.mode() === "edit", "the cell is edited");
    expect(view.caret()).toBe("print(".length);
  });

  it("stays where one writes when its text is clicked", async () => {
    const { editor, page, panel, view, says } = await open();
    const thread = await says("", 0, "Here", "price");
    await says("", 0, "Another", "count");
    page.openPanel(COMMENTS_PANEL);
    await until(() => marked(editor(0)).length === 2, "they are underlined");
    editor(0).focus();
    editor(0).dom.querySelector<HTMLElement>(".comment-mark")?.click();
    await until(() => view.comments.chosen() === thread, "its thread is chosen");
    expect(panel().querySelector(`[data-thread="${thread}"]`)?.getAttribute("data-chosen")).toBe("true");
    expect(focused().closest(".cm-content")).not.toBeNull();
  });

  it("stays with its words when its cell is deleted", async () => {
    const { page, panel, view, cells, says } = await open();
    await says("", 0, "Still true", "price");
    page.openPanel(COMMENTS_PANEL);
    await view.change([{ type: "delete_cell", cell: cells[0] as CellId }], "delete cell");
    await said(panel(), "The cell that this is about was deleted.");
    expect(panel().querySelector(".thread-quote")?.textContent).toBe("price");
    await expectAccessible(panel());
    await view.undo();
    await until(() => panel().querySelector(".thread-place") !== null, "it is back at its place");
  });

  it("says what is wrong with it, and keeps what was written", async () => {
    const { view, cells, panel } = await open();
    view.choose(cells[0] as CellId);
    await view.comments.begin();
    await until(() => focused().localName === "textarea", "the field has the focus");
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    await said(panel(), "There is nothing in this comment yet.");
    await userEvent.keyboard("Gone");
    await view.change([{ type: "delete_cell", cell: cells[0] as CellId }], "delete cell");
    await userEvent.keyboard("{Control>}{Enter}{/Control}");
    await said(panel(), "not in the notebook any more");
    expect((focused() as HTMLTextAreaElement).value).toBe("Gone");
    await userEvent.keyboard("{Escape}");
    await until(() => panel().querySelector("textarea") === null, "it is given up");
    expect(focused().closest("[data-cell]")).not.toBeNull();
  });
});

describe("among others", () => {
  it("shows who wrote what, and what is new since it was last looked at", async () => {
    const { box, page, panel, share, says, view } = await open();
    share();
    await says(ANA, 0, "From Ana", "price");
    await says("nobodyknows", 1, "From a stranger");
    await says("", 1, "From before");
    await until(() => byRole(box, ".rail-button", "Comments, 2 new") !== undefined, "the rail says so");
    await expectAccessible(box);
    page.openPanel(COMMENTS_PANEL);
    await until(() => panel().querySelectorAll(".comment-new").length === 2, "they are marked");
    const names = [...panel().querySelectorAll(".comment-name")].map(({ textContent }) => textContent);
    expect(names.sort()).toEqual(["Ana", "Somebody who is no member", "You"]);
    expect(view.comments.unseen().size).toBe(0);
    await says(BEN, 0, "Later");
    await until(() => page.said.includes("Ben Okoro commented"), "it is said");
    await until(() => panel().querySelectorAll(".comment-new").length === 3, "it is marked too");
    await expectAccessible(box);
    page.togglePanel(COMMENTS_PANEL);
    page.openPanel(COMMENTS_PANEL);
    await said(panel(), "From Ana");
    expect(panel().querySelector(".comment-new")).toBeNull();
  });

  it("lets a reader read, and says who may write", async () => {
    const { box, page, panel, share, says, view, cells } = await open();
    share({ role: "reader" });
    await says(ANA, 0, "From Ana");
    page.openPanel(COMMENTS_PANEL);
    await said(panel(), "You may read this notebook and its comments.");
    await said(panel(), "From Ana");
    expect([...panel().querySelectorAll("button")].map(({ textContent }) => textContent)).toEqual(["Cell 1, go there"]);
    view.choose(cells[0] as CellId);
    expect(command("comments.add").isEnabled?.({ page, view })).toBe(false);
    await expectAccessible(box);
  });

  it("lets a commenter comment on what they may not change", async () => {
    const { page, panel, share, view, cells, editor } = await open();
    share({ me: BEN, role: "commenter" });
    expect(view.refusal()).toContain("comment");
    view.choose(cells[0] as CellId, { mode: "edit" });
    select(editor(0), "count");
    await runCommand(command("comments.add"));
    await until(() => focused().localName === "textarea", "the field has the focus");
    await userEvent.keyboard("How many?{Control>}{Enter}{/Control}");
    await until(() => marked(editor(0)).join() === "count", "it is there");
    expect(view.comments.threads()[0]?.comment.author).toBe(BEN);
    page.openPanel(COMMENTS_PANEL);
    expect(panel().querySelector(".comment-name")?.textContent).toBe("You");
  });

  it("keeps what is being answered while others write", async () => {
    const { page, panel, share, says } = await open();
    share();
    await says(ANA, 0, "First");
    page.openPanel(COMMENTS_PANEL);
    await said(panel(), "First");
    byRole(panel(), "button", "Reply").click();
    await until(() => focused().localName === "textarea", "the reply has the focus");
    await userEvent.keyboard("Half a sen");
    await says(BEN, 1, "Second");
    await said(panel(), "Second");
    await userEvent.keyboard("tence");
    expect((focused() as HTMLTextAreaElement).value).toBe("Half a sentence");
  });
});

describe("the look", () => {
  it.each([1280, 390])("fits %i px", async (width) => {
    await screen.viewport(width, 900);
    closers.push(() => void screen.viewport(414, 896));
    const { box, page, panel, share, says, view } = await open(undefined, width);
    share();
    await says(ANA, 0, "A long word: " + "x".repeat(300), "price");
    await says(BEN, 1, "https://example.org/" + "y".repeat(200));
    page.openPanel(COMMENTS_PANEL);
    await said(panel(), "A long word");
    view.comments.choose(view.comments.threads()[0]?.id);
    expect(panel().scrollWidth).toBeLessThanOrEqual(panel().clientWidth);
    await expectAccessible(box);
  });
});

it("finds addresses in a text, and nothing else", () => {
  const links = (text: string) => piecesOf(text).flatMap((piece) => (piece.isLink ? [piece.text] : []));
  expect(links("See (https://a.org/x?y=1), http://b.org.")).toEqual(["https://a.org/x?y=1", "http://b.org"]);
  expect(links("javascript:alert(1) data:text/html,x file:///etc <https://c.org>")).toEqual(["https://c.org"]);
  expect(
    piecesOf("a https://b.org c")
      .map(({ text }) => text)
      .join(""),
  ).toBe("a https://b.org c");
});
