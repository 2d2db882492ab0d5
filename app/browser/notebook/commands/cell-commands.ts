/** Commands that change cells: insert, cut, paste, move, split, merge, language, fold. All of them can be undone. */
import { newCellId, type CellId } from "#core/base/ids.ts";
import type { Cell, CellKind, NotebookOperation } from "#core/notebook/model.ts";
import type { Command, NotebookView } from "#kit/commands.ts";
import { fold, isFolded, type Part } from "../folding.ts";

const GROUP = "Cells";
type Act = (view: NotebookView) => void | Promise<void>;

function command(
  id: string,
  title: string,
  keys: readonly string[],
  act: Act,
  when: Command["when"] = "command",
): Command {
  return { id, title, keys, when, group: GROUP, run: ({ view }) => (view ? act(view) : undefined) };
}

const selectedCells = (view: NotebookView): readonly Cell[] => view.selected().flatMap((id) => view.cell(id) ?? []);

async function insert(view: NotebookView, where: "above" | "below"): Promise<void> {
  const cells = view.cells();
  const edge = where === "above" ? view.selected()[0] : view.selected().at(-1);
  const at = edge === undefined ? -1 : view.indexOf(edge);
  const beside = cells[at];
  const language = beside?.kind === "code" ? beside.language : view.client.notebook.language;
  const after = where === "above" ? cells[at - 1]?.id : beside?.id;
  view.choose(await view.insert(after, "code", language));
}

async function removeSelected(view: NotebookView, label: string): Promise<void> {
  const gone = view.selected();
  if (gone.length === 0) return;
  const operations: NotebookOperation[] = gone.map((cell) => ({ type: "delete_cell", cell }));
  const rest = view.cells().filter((cell) => !gone.includes(cell.id));
  const at = view.indexOf(gone.at(-1) as CellId) + 1;
  const next = view.cells()[at]?.id ?? rest.at(-1)?.id;
  // A notebook always has a cell to type in.
  const fresh = newCellId();
  if (rest.length === 0) {
    operations.push({
      type: "insert_cell",
      after: undefined,
      cell: { id: fresh, kind: "code", language: view.client.notebook.language, source: "" },
    });
  }
  await view.change(operations, label);
  view.choose(next ?? fresh);
}

async function paste(view: NotebookView, where: "above" | "below"): Promise<void> {
  if (view.clipboard.length === 0) return;
  const edge = where === "above" ? view.selected()[0] : view.selected().at(-1);
  const at = edge === undefined ? -1 : view.indexOf(edge);
  let after = where === "above" ? view.cells()[at - 1]?.id : edge;
  const operations: NotebookOperation[] = [];
  for (const cell of view.clipboard) {
    const id = newCellId();
    operations.push({
      type: "insert_cell",
      after,
      cell: {
        id,
        kind: cell.kind,
        language: cell.language,
        source: cell.source,
        metadata: cell.metadata,
        ...(cell.attachments ? { attachments: cell.attachments } : {}),
      },
    });
    if (cell.run) operations.push({ type: "set_run", cell: id, run: cell.run });
    after = id;
  }
  await view.change(operations, "paste");
  if (after !== undefined) view.choose(after);
}

async function move(view: NotebookView, by: -1 | 1): Promise<void> {
  const cells = view.cells();
  const chosen = view.selected();
  const [first, last] = [view.indexOf(chosen[0] ?? ("" as CellId)), view.indexOf(chosen.at(-1) ?? ("" as CellId))];
  // Moving the neighbour to the other side moves the chosen ones without touching their editors.
  const neighbour = by < 0 ? cells[first - 1] : cells[last + 1];
  if (!neighbour || first < 0) return;
  const after = by < 0 ? cells[last]?.id : cells[first - 1]?.id;
  await view.change([{ type: "move_cell", cell: neighbour.id, after }], "move cell");
  view.list?.scrollTo(view.active() as CellId);
}

async function split(view: NotebookView): Promise<void> {
  const cell = view.active();
  const at = view.caret();
  if (cell === undefined || at === undefined) return;
  const newCell = newCellId();
  await view.change([{ type: "split_cell", cell, at, newCell }], "split cell");
  view.choose(newCell, { mode: "edit", caret: "start" });
}

async function merge(view: NotebookView): Promise<void> {
  const chosen = view.selected();
  const below = view.cells()[view.indexOf(chosen[0] ?? ("" as CellId)) + 1];
  const all = chosen.length > 1 ? chosen : [...chosen, ...(below ? [below.id] : [])];
  const [first, ...others] = all;
  if (first === undefined || others.length === 0) return;
  await view.change(
    others.map((other) => ({ type: "merge_cells", cell: first, other })),
    "merge cells",
  );
  view.choose(first);
}

async function setKind(view: NotebookView, kind: CellKind, language?: string): Promise<void> {
  const operations = selectedCells(view).flatMap<NotebookOperation>((cell) => {
    const next =
      kind === "code" ? (language ?? (cell.kind === "code" ? cell.language : view.client.notebook.language)) : kind;
    return cell.kind === kind && cell.language === next
      ? []
      : [{ type: "set_language", cell: cell.id, kind, language: next }];
  });
  if (operations.length > 0) await view.change(operations, "change language");
}

/** Markdown with so many #; a heading that is one already gets the new level. */
async function heading(view: NotebookView, level: number): Promise<void> {
  const operations = selectedCells(view).flatMap<NotebookOperation>((cell) => {
    const old = /^#{1,6} */.exec(cell.source)?.[0] ?? "";
    return [
      ...(cell.kind === "markdown"
        ? []
        : ([{ type: "set_language", cell: cell.id, kind: "markdown", language: "markdown" }] as const)),
      { type: "splice_text", cell: cell.id, at: 0, remove: old.length, insert: `${"#".repeat(level)} ` },
    ];
  });
  await view.change(operations, "make heading");
}

async function toggleFold(view: NotebookView, part: Part): Promise<void> {
  const cells = selectedCells(view);
  const folded = cells.some((cell) => !isFolded(cell, part));
  await view.change(
    cells.map((cell) => fold(cell, part, folded)),
    folded ? `fold ${part}` : `unfold ${part}`,
  );
}

const copy: Act = (view) => {
  view.clipboard = selectedCells(view);
};

export const cellCommands: readonly Command[] = [
  command("cell.insert-above", "Insert cell above", ["a"], (view) => insert(view, "above")),
  command("cell.insert-below", "Insert cell below", ["b"], (view) => insert(view, "below")),
  command("cell.cut", "Cut cells", ["x", "Mod-x"], async (view) => {
    await copy(view);
    await removeSelected(view, "cut");
  }),
  command("cell.copy", "Copy cells", ["c", "Mod-c"], copy),
  command("cell.paste-below", "Paste below", ["v", "Mod-v"], (view) => paste(view, "below")),
  command("cell.paste-above", "Paste above", ["Shift-v"], (view) => paste(view, "above")),
  command("cell.duplicate", "Duplicate cells", ["Alt-Shift-ArrowDown"], async (view) => {
    const before = view.clipboard;
    await copy(view);
    await paste(view, "below");
    view.clipboard = before;
  }),
  command("cell.delete", "Delete cells", ["d d", "Delete"], (view) => removeSelected(view, "delete")),
  command("edit.undo", "Undo", ["z", "Mod-z"], (view) => view.undo()),
  command("edit.redo", "Redo", ["Shift-z", "Mod-Shift-z", "Mod-y"], (view) => view.redo()),
  command("cell.move-up", "Move cell up", ["Alt-ArrowUp"], (view) => move(view, -1)),
  command("cell.move-down", "Move cell down", ["Alt-ArrowDown"], (view) => move(view, 1)),
  command("cell.split", "Split cell at the caret", ["Ctrl-Shift--"], split, "notebook"),
  command("cell.merge", "Merge cells", ["Shift-m"], merge),
  command("cell.markdown", "Make it text", ["m"], (view) => setKind(view, "markdown")),
  command("cell.code", "Make it code", ["y"], (view) => setKind(view, "code")),
  command("cell.raw", "Make it raw", ["r"], (view) => setKind(view, "raw")),
  command("cell.python", "Make it Python", [], (view) => setKind(view, "code", "python"), "notebook"),
  command("cell.typescript", "Make it TypeScript", [], (view) => setKind(view, "code", "typescript"), "notebook"),
  command("cell.shell", "Make it shell", [], (view) => setKind(view, "code", "shell"), "notebook"),
  command("cell.sql", "Make it SQL", [], (view) => setKind(view, "code", "sql"), "notebook"),
  command("cell.chat", "Make it a chat", [], (view) => setKind(view, "code", "chat"), "notebook"),
  ...[1, 2, 3, 4, 5, 6].map((level) =>
    command(`cell.heading-${level}`, `Make it heading ${level}`, [`${level}`], (view) => heading(view, level)),
  ),
  command("cell.fold-outputs", "Fold or unfold outputs", ["o"], (view) => toggleFold(view, "outputs")),
  command("cell.fold-source", "Fold or unfold the source", ["Shift-o"], (view) => toggleFold(view, "source")),
  command("view.line-numbers", "Line numbers", ["l", "Shift-l"], (view) => view.setLineNumbers(!view.lineNumbers())),
];
