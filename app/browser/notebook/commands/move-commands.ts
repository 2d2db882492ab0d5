/** Commands that go from cell to cell and change the mode. */
import type { Command, NotebookView } from "#kit/commands.ts";

const GROUP = "Move";

function step(view: NotebookView, by: number, extend = false): void {
  const active = view.active();
  const next = view.cells()[(active === undefined ? -1 : view.indexOf(active)) + by];
  if (next) view.choose(next.id, { extend });
}

const going =
  (by: number, extend = false): Command["run"] =>
  ({ view }) => {
    if (view) step(view, by, extend);
  };

export const moveCommands: readonly Command[] = [
  {
    id: "mode.edit",
    title: "Edit the cell",
    keys: ["Enter"],
    when: "command",
    group: GROUP,
    run: ({ view }) => view?.setMode("edit"),
  },
  {
    id: "mode.command",
    title: "Leave the text",
    keys: ["Escape", "Ctrl-m"],
    when: "edit",
    group: GROUP,
    run: ({ view }) => view?.setMode("command"),
  },
  { id: "cell.next", title: "Next cell", keys: ["j", "ArrowDown"], when: "command", group: GROUP, run: going(1) },
  {
    id: "cell.previous",
    title: "Previous cell",
    keys: ["k", "ArrowUp"],
    when: "command",
    group: GROUP,
    run: going(-1),
  },
  {
    id: "cell.extend-down",
    title: "Choose the next cell too",
    keys: ["Shift-ArrowDown", "Shift-j"],
    when: "command",
    group: GROUP,
    run: going(1, true),
  },
  {
    id: "cell.extend-up",
    title: "Choose the previous cell too",
    keys: ["Shift-ArrowUp", "Shift-k"],
    when: "command",
    group: GROUP,
    run: going(-1, true),
  },
  {
    id: "cell.first",
    title: "First cell",
    keys: ["Mod-Home", "Mod-ArrowUp"],
    when: "command",
    group: GROUP,
    run: ({ view }) => {
      const first = view?.cells()[0];
      if (first) view?.choose(first.id);
    },
  },
  {
    id: "cell.last",
    title: "Last cell",
    keys: ["Mod-End", "Mod-ArrowDown"],
    when: "command",
    group: GROUP,
    run: ({ view }) => {
      const last = view?.cells().at(-1);
      if (last) view?.choose(last.id);
    },
  },
  {
    id: "cell.all",
    title: "Choose all cells",
    keys: ["Mod-a"],
    when: "command",
    group: GROUP,
    run: ({ view }) => {
      if (!view) return;
      const cells = view.cells();
      const [first, last] = [cells[0], cells.at(-1)];
      if (!first || !last) return;
      view.choose(first.id);
      view.choose(last.id, { extend: true });
    },
  },
  {
    id: "scroll.down",
    title: "Scroll down",
    keys: ["Space"],
    when: "command",
    group: GROUP,
    run: ({ view }) => view?.scroll(0.8),
  },
  {
    id: "scroll.up",
    title: "Scroll up",
    keys: ["Shift-Space"],
    when: "command",
    group: GROUP,
    run: ({ view }) => view?.scroll(-0.8),
  },
];
