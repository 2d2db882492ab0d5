/** Commands that run, stop and clean: Jupyter's keys. */
import type { CellId } from "#core/base/ids.ts";
import type { Command, CommandContext, NotebookView } from "#kit/commands.ts";

const GROUP = "Run";

function withView(run: (view: NotebookView, context: CommandContext) => void | Promise<void>): Command["run"] {
  return (context) => (context.view ? run(context.view, context) : undefined);
}

const ids = (view: NotebookView): readonly CellId[] => view.cells().map((cell) => cell.id);

function lastSelected(view: NotebookView): number {
  const last = view.selected().at(-1);
  return last === undefined ? -1 : view.indexOf(last);
}

/** Run, then on to the next cell; at the end a new one of the notebook's language. */
async function runAndAdvance(view: NotebookView): Promise<void> {
  const selected = view.selected();
  const next = view.cells()[lastSelected(view) + 1];
  view.run(selected);
  if (next) view.choose(next.id);
  else if (view.refusal() === undefined) await insertBelow(view, "edit");
}

async function insertBelow(view: NotebookView, mode: "edit" | "command"): Promise<void> {
  const at = view.cells()[lastSelected(view)];
  const language = at?.kind === "code" ? at.language : view.client.notebook.language;
  view.choose(await view.insert(at?.id, "code", language), { mode });
}

function clearOutputs(view: NotebookView, cells: readonly CellId[]): void {
  view.session.send({ type: "clear_outputs", cells });
}

export const runCommands: readonly Command[] = [
  {
    id: "run.advance",
    title: "Run cell and go to the next",
    keys: ["Shift-Enter"],
    when: "notebook",
    group: GROUP,
    run: withView(runAndAdvance),
  },
  {
    id: "run.cell",
    title: "Run cell",
    keys: ["Mod-Enter", "Ctrl-Enter"],
    when: "notebook",
    group: GROUP,
    run: withView((view) => {
      view.run(view.selected());
      view.setMode("command");
    }),
  },
  {
    id: "run.insert",
    title: "Run cell and insert one below",
    keys: ["Alt-Enter"],
    when: "notebook",
    group: GROUP,
    run: withView(async (view) => {
      view.run(view.selected());
      if (view.refusal() === undefined) await insertBelow(view, "edit");
    }),
  },
  {
    id: "run.all",
    title: "Run all",
    keys: ["Mod-Shift-Enter"],
    when: "notebook",
    group: GROUP,
    run: withView((view) => view.run(ids(view))),
  },
  {
    id: "run.above",
    title: "Run all above",
    keys: ["Mod-Shift-ArrowUp"],
    when: "command",
    group: GROUP,
    run: withView((view) => view.run(ids(view).slice(0, view.indexOf(view.selected()[0] ?? ("" as CellId))))),
  },
  {
    id: "run.below",
    title: "Run this and all below",
    keys: ["Mod-Shift-ArrowDown"],
    when: "command",
    group: GROUP,
    run: withView((view) => view.run(ids(view).slice(Math.max(0, view.indexOf(view.selected()[0] ?? ("" as CellId)))))),
  },
  {
    id: "run.selected",
    title: "Run the chosen cells",
    keys: [],
    when: "notebook",
    group: GROUP,
    run: withView((view) => view.run(view.selected())),
  },
  {
    id: "kernel.interrupt",
    title: "Interrupt",
    keys: ["i i"],
    when: "command",
    group: GROUP,
    run: withView((view) => view.session.send({ type: "interrupt" })),
  },
  {
    id: "kernel.restart",
    title: "Restart",
    keys: ["0 0"],
    when: "command",
    group: GROUP,
    run: withView((view, { page }) => {
      view.session.send({ type: "restart" });
      page.toast("Kernels restart: their variables are gone, the outputs stay.");
    }),
  },
  {
    id: "kernel.restart-run",
    title: "Restart and run all",
    keys: [],
    when: "notebook",
    group: GROUP,
    run: withView((view) => {
      view.session.send({ type: "restart" });
      view.run(ids(view));
    }),
  },
  {
    id: "outputs.clear",
    title: "Clear outputs of the chosen cells",
    keys: [],
    when: "notebook",
    group: GROUP,
    run: withView((view) => clearOutputs(view, view.selected())),
  },
  {
    id: "outputs.clear-all",
    title: "Clear all outputs",
    keys: [],
    when: "notebook",
    group: GROUP,
    run: withView((view) => clearOutputs(view, ids(view))),
  },
];
