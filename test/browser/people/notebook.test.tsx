/** The others in an open notebook: in the header, at the cells, in the text; what they are told; and what a role forbids. */
import { EditorView } from "@codemirror/view";
import { userEvent } from "vitest/browser";
import { afterEach, describe, expect, it } from "vitest";
import type { CellId } from "#core/base/ids.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import { runCommand, setOpenView, setPageActions } from "#app/browser/command-context.ts";
import { CellList } from "#app/browser/notebook/cell-list.tsx";
import { remoteCursorsOf } from "#app/browser/notebook/editor/remote-cursors.ts";
import { fold } from "#app/browser/notebook/folding.ts";
import { NotebookHeader } from "#app/browser/notebook/header.tsx";
import { startPresence } from "#app/browser/notebook/presence.ts";
import type { PageView } from "#app/browser/notebook/view.ts";
import { host } from "#app/browser/plugins.ts";
import { commands } from "#kit/commands.ts";
import { until } from "../ui/kit.ts";
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
  type TestNetwork,
  type TestPage,
} from "./kit.tsx";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

interface Opened {
  readonly box: HTMLElement;
  readonly network: TestNetwork;
  readonly page: TestPage;
  readonly view: PageView;
  readonly cells: readonly CellId[];
  share(more?: Partial<Sharing>): void;
  readonly editor: (cell: number) => EditorView;
}

async function open(
  sources: readonly string[] = ["first = 1", "second = 2"],
  more?: Partial<Sharing>,
): Promise<Opened> {
  const notebook = await openNotebook(sources);
  closers.push(notebook.close);
  const network = testNetwork();
  const page = testPage(network);
  const share = (next?: Partial<Sharing>): void =>
    network.set({ sharing: sharingOf(notebook.client.document, { members: MEMBERS, ...next }) });
  if (more) share(more);
  let view: PageView | undefined;
  const { box, end } = draw(() => {
    view = notebook.view(page);
    setPageActions(page);
    setOpenView(view);
    return (
      <>
        <NotebookHeader view={view} />
        <CellList view={view} />
      </>
    );
  }, 900);
  closers.push(end, () => setOpenView(undefined));
  if (!view) throw new Error("no view");
  const editor = (cell: number): EditorView => {
    const found = box.querySelector<HTMLElement>(`[data-cell="${notebook.cells[cell]}"] .cm-editor`);
    const shown = found && EditorView.findFromDOM(found);
    if (!shown) throw new Error(`no editor in cell ${cell}`);
    return shown;
  };
  await until(() => box.querySelectorAll(".cm-editor").length === sources.length, "the editors are there");
  return { box, network, page, view, cells: notebook.cells, share, editor };
}

const MEMBERS = [member(ME, "Mia Berg", "owner"), member(ANA, "Ana", "editor"), member(BEN, "Ben Okoro", "editor")];
const command = (id: string) => {
  const found = host.get(commands).find((one) => one.id === id);
  if (!found) throw new Error(`no command ${id}`);
  return found;
};

describe("who is here", () => {
  it("stands in the header as circles with names, which go to where somebody is", async () => {
    const { box, share, cells, view } = await open();
    expect(box.querySelector(".people-here")).toBe(null);
    share({
      present: [
        { id: ANA, state: { cell: cells[1] as CellId } },
        { id: BEN, state: {} },
      ],
    });
    const ana = byRole(box, "button", "Ana, in cell 2: go there and follow");
    expect(ana.querySelector(".person-mark")?.textContent).toBe("A");
    expect(byRole(box, "button", "Ben Okoro, here now").querySelector(".person-mark")?.textContent).toBe("BO");
    await expectAccessible(box);
    ana.focus();
    await userEvent.keyboard("{Enter}");
    expect(view.active()).toBe(cells[1]);
  });

  it("is followed from cell to cell, until one moves by oneself", async () => {
    const sources = Array.from({ length: 12 }, (_, i) => `line = ${i}`);
    const { box, share, cells, page, view } = await open(sources);
    const scrolled: string[] = [];
    const list = view.list;
    view.list = { scrollTo: (cell) => void scrolled.push(cell), scrollPages: () => undefined };
    const at = (index: number) => share({ present: [{ id: ANA, state: { cell: cells[index] as CellId } }] });
    at(1);
    byRole(box, "button", "Ana, in cell 2: go there and follow").click();
    expect(box.querySelector(".people-followed")?.textContent).toBe("Following Ana");
    expect(page.said.at(-1)).toBe("You follow Ana until you move");
    await expectAccessible(box);
    at(8);
    at(3);
    expect(scrolled.slice(-2)).toEqual([cells[8], cells[3]]);
    expect(view.active()).toBe(cells[1]);
    box.querySelector(".cell")?.dispatchEvent(new WheelEvent("wheel", { bubbles: true }));
    expect(box.querySelector(".people-followed")).toBe(null);
    expect(page.said.at(-1)).toBe("You don't follow Ana any more");
    const before = scrolled.length;
    at(9);
    expect(scrolled).toHaveLength(before);
    // A second press stops it too; so does that she leaves, and then it does not begin again by itself.
    byRole(box, "button", "Ana, in cell 10: go there and follow").click();
    byRole(box, "button", "Ana: stop following").click();
    expect(view.following.followed()).toBe(undefined);
    byRole(box, "button", "Ana, in cell 10: go there and follow").click();
    share({ present: [] });
    at(2);
    expect(view.following.followed()).toBe(undefined);
    view.list = list;
  });

  it("shows three of many and says how many more there are", async () => {
    const { box, share, page } = await open();
    const many = Array.from({ length: 7 }, (_, i) => member(`bmember${i}` as MemberId, `Person ${i}`, "editor"));
    share({ members: [...MEMBERS, ...many], present: many.map(({ id }) => ({ id, state: {} })) });
    expect(box.querySelectorAll(".people-here button")).toHaveLength(4);
    byRole(box, "button", "4 more: show all").click();
    byRole(box, "button", "Share").click();
    expect(page.opened).toEqual(["people", "people"]);
    await expectAccessible(box);
  });

  it("moves nothing when somebody comes into a cell, and counts those who have no room", async () => {
    const { box, share, cells } = await open();
    const [cell] = cells as [CellId];
    const first = box.querySelector<HTMLElement>(`[data-cell="${cell}"]`);
    const height = first?.offsetHeight;
    const names = ["Ana", "Ben", "Cy", "Di"];
    const ids = names.map((name) => `b${name}` as MemberId);
    share({
      members: ids.map((id, i) => member(id, names[i] ?? "", "editor")),
      present: ids.map((id) => ({ id, state: { cell } })),
    });
    expect(first?.querySelector(".cell-people")?.getAttribute("title")).toBe("Ana, Ben, Cy, and Di");
    expect(first?.querySelectorAll(".cell-people .person-mark")).toHaveLength(1);
    expect(first?.querySelector(".cell-people-more")?.textContent).toBe("+3");
    expect(first?.offsetHeight).toBe(height);
    await expectAccessible(box);
  });

  it("stands at the cell, in words too, and who runs it", async () => {
    const { box, share, cells } = await open();
    share({
      present: [
        { id: ANA, state: { cell: cells[1] as CellId, running: [cells[0] as CellId] } },
        { id: BEN, state: { running: [cells[0] as CellId] } },
      ],
    });
    const [first, second] = cells.map((cell) => box.querySelector(`[data-cell="${cell}"]`) as HTMLElement);
    expect(first?.textContent).toContain("Ana and Ben Okoro run this");
    expect(first?.querySelector(".cell-people")).toBe(null);
    const mark = second?.querySelector(".cell-people");
    expect(mark?.querySelector(".visually-hidden")?.textContent).toBe("Here now: Ana");
    share({ present: [{ id: ANA, state: { cell: cells[1] as CellId, anchor: 3, head: 3 } }] });
    expect(second?.querySelector(".cell-people")).toBe(mark);
    expect(first?.textContent).not.toContain("run this");
    await expectAccessible(box);
  });
});

describe("the others in the text", () => {
  it("are carets and selections that no text and no reader of screens knows of", async () => {
    const { box, share, cells, view, page, editor } = await open(["first = 1\nmore = 2"]);
    closers.push(startPresence(view, page));
    const [cell] = cells as [CellId];
    share({
      present: [
        { id: ANA, state: { cell, anchor: 6, head: 0 } },
        { id: BEN, state: { cell, anchor: 14, head: 14 } },
      ],
    });
    await until(() => box.querySelectorAll(".remote-caret").length === 2, "both carets are drawn");
    await until(() => box.querySelectorAll(".remote-selection").length === 1, "one selection is drawn");
    const flags = [...box.querySelectorAll(".remote-flag")].map((flag) => flag.textContent);
    expect(flags.sort()).toEqual(["Ana", "Ben Okoro"]);
    for (const drawn of box.querySelectorAll(".remote-caret"))
      expect(drawn.closest("[aria-hidden=true]")).not.toBe(null);
    expect(editor(0).contentDOM.textContent).toBe("first = 1more = 2");
    const caret = [...box.querySelectorAll(".remote-caret")].find((one) => one.textContent === "Ben Okoro");
    const at = editor(0).coordsAtPos(14);
    const where = caret?.getBoundingClientRect();
    expect(Math.abs((where?.left ?? 0) + 1 - (at?.left ?? 99))).toBeLessThan(2);
    await expectAccessible(box);
    share({ present: [] });
    await until(() => box.querySelectorAll(".remote-caret").length === 0, "they are gone");
  });

  it("move along with what is typed until they are told anew, and never out of the text", async () => {
    const { share, cells, view, page, editor } = await open(["abc"]);
    closers.push(startPresence(view, page));
    const [cell] = cells as [CellId];
    share({ present: [{ id: ANA, state: { cell, anchor: 2, head: 2 } }] });
    const place = (): number | undefined => remoteCursorsOf(editor(0))[0]?.head;
    expect(place()).toBe(2);
    editor(0).dispatch({ changes: { from: 0, insert: "xy" } });
    expect(place()).toBe(4);
    // Typed here just where the other stands: the other stays before it.
    editor(0).dispatch({ changes: { from: 4, insert: "z" } });
    expect(place()).toBe(4);
    // Someone else came; Ana told nothing new.
    share({
      present: [
        { id: ANA, state: { cell, anchor: 2, head: 2 } },
        { id: BEN, state: { cell, anchor: 1, head: 1 } },
      ],
    });
    expect(place()).toBe(4);
    share({ present: [{ id: ANA, state: { cell, anchor: 900, head: 900 } }] });
    expect(place()).toBe(6);
  });

  it("are there in an editor that is opened later", async () => {
    const { share, cells, view, page, editor, box } = await open(["# text", "code"]);
    closers.push(startPresence(view, page));
    await view.change([{ type: "set_language", cell: cells[0] as CellId, kind: "markdown", language: "markdown" }], "");
    await until(() => box.querySelectorAll(".cm-editor").length === 1, "the text is rendered");
    share({ present: [{ id: ANA, state: { cell: cells[0] as CellId, anchor: 2, head: 2 } }] });
    view.choose(cells[0] as CellId, { mode: "edit" });
    await until(() => box.querySelectorAll(".cm-editor").length === 2, "the text is edited");
    expect(remoteCursorsOf(editor(0))[0]?.head).toBe(2);
  });
});

describe("what the others are told", () => {
  it("is the cell, and the place in it while it is edited; not for every key; and the end", async () => {
    const { view, page, network, cells, editor, share } = await open(["", "second"]);
    share();
    const stop = startPresence(view, page);
    await until(() => network.told.length === 1, "told at once");
    expect(network.told[0]).toEqual({ cell: cells[0] });
    view.choose(cells[1] as CellId, { mode: "edit", caret: 3 });
    await until(
      () => JSON.stringify(network.told.at(-1)) === JSON.stringify({ cell: cells[1], anchor: 3, head: 3 }),
      "told",
    );
    const before = network.told.length;
    const from = performance.now();
    for (let i = 0; i < 40; i++)
      editor(1).dispatch({ changes: { from: 3 + i, insert: "x" }, selection: { anchor: 4 + i } });
    await until(() => network.told.at(-1)?.head === 43, "told where it ended");
    expect(network.told.length - before).toBeLessThanOrEqual(2 + (performance.now() - from) / 100);
    view.choose(cells[1] as CellId, { mode: "command" });
    await until(() => JSON.stringify(network.told.at(-1)) === JSON.stringify({ cell: cells[1] }), "only the cell");
    stop();
    expect(network.told.at(-1)).toBe(undefined);
  });

  it("is said aloud of the others: who came, who left", async () => {
    const { view, page, share } = await open();
    share();
    closers.push(startPresence(view, page));
    share({
      present: [
        { id: ANA, state: {} },
        { id: BEN, state: {} },
      ],
    });
    share({ present: [{ id: BEN, state: { anchor: 1, head: 1 } }] });
    expect(page.said).toEqual(["Ana and Ben Okoro are here", "Ana left"]);
  });
});

describe("a reader", () => {
  const asReader = { role: "reader", members: [member(ANA, "Ana", "owner"), member(ME, "Mia", "reader")] } as const;

  it("can change nothing, by no way, and is told why", async () => {
    const { box, view, page, cells, editor } = await open(["first = 1", "second = 2"], asReader);
    view.choose(cells[0] as CellId, { mode: "edit", caret: "end" });
    await until(() => editor(0).hasFocus, "the editor has the focus");
    expect(editor(0).contentDOM.getAttribute("aria-readonly")).toBe("true");
    await userEvent.keyboard("typed{Backspace}");
    for (const id of ["cell.insert-below", "cell.delete", "cell.split", "edit.undo"]) await runCommand(command(id));
    expect(page.said).toHaveLength(4);
    for (const sentence of page.said) expect(sentence).toContain("You may read this notebook.");
    await expect(view.change([{ type: "set_title", title: "Mine" }], "rename")).rejects.toMatchObject({
      code: "denied",
    });
    expect(view.client.notebook.cells.map(({ source }) => source)).toEqual(["first = 1", "second = 2"]);
    expect(box.querySelectorAll(".insert-word")).toHaveLength(0);
    expect(byRole<HTMLInputElement>(box, "input", "Title").readOnly).toBe(true);
    // What is run is for oneself, and said to be.
    expect(byRole<HTMLButtonElement>(box, "button", "Run all").disabled).toBe(false);
    expect(view.access().notice).toContain("only you see what comes of that");
    await expectAccessible(box);
  });

  it("folds and unfolds for oneself", async () => {
    const { box, view, cells } = await open(["first = 1"], asReader);
    const cell = view.cell(cells[0] as CellId);
    if (!cell) throw new Error("no cell");
    await view.change([fold(cell, "source", true)], "fold");
    byRole(box, "button", "Unfold the source");
    expect(view.client.notebook.cells[0]?.metadata).toEqual({});
    byRole(box, "button", "Unfold the source").click();
    await until(() => box.querySelectorAll(".cm-editor").length === 1, "it is unfolded");
  });

  it("writes as soon as the role is another, and in one's own copy after the removal", async () => {
    const { view, editor, share, cells } = await open(["first"], asReader);
    const type = async (text: string): Promise<void> => {
      view.choose(cells[0] as CellId, { mode: "edit", caret: "end" });
      await until(() => editor(0).hasFocus, "the editor has the focus");
      await userEvent.keyboard(text);
    };
    await type("no");
    share({ ...asReader, role: "editor" });
    await type("1");
    share({ ...asReader, role: "commenter" });
    expect(view.access().notice).toContain("comment on it");
    await type("no");
    share({ role: undefined, members: [], former: [{ id: ME, name: "Mia", by: ANA, time: 1 }] });
    expect(view.access().notice).toContain("It is your own copy now");
    await type("2");
    expect(editor(0).state.doc.toString()).toBe("first12");
    share({ role: undefined, members: [], former: [{ id: ME, name: "Mia", by: ME, time: 1 }] });
    expect(view.access()).toEqual({});
    share({ role: undefined, members: [] });
    expect(view.refusal()).toContain("let you in yet");
  });
});
