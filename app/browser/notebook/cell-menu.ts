/** What the menu of a cell offers: commands of the one table, for those who do not use keys. */
import type { Cell } from "#core/notebook/model.ts";
import { commands, isPossible, type Command } from "#kit/commands.ts";
import { showKey } from "#kit/keymap.ts";
import type { MenuItem } from "#kit/menu.tsx";
import { host, isMac } from "../plugins.ts";
import { commandContext, runCommand } from "../command-context.ts";
import type { PageView } from "./view.ts";

const OFFERED = [
  "run.above",
  "run.below",
  "cell.move-up",
  "cell.move-down",
  "cell.split",
  "cell.merge",
  "cell.duplicate",
  "cell.cut",
  "cell.copy",
  "cell.paste-below",
  "cell.fold-source",
  "cell.fold-outputs",
  "outputs.clear",
  "comments.add",
  "cell.delete",
];

/** What is left for those who may not change the notebook. */
const CHANGES_NOTHING = new Set([
  "run.above",
  "run.below",
  "outputs.clear",
  "cell.copy",
  "cell.fold-source",
  "cell.fold-outputs",
  "comments.add",
]);

/** The menu of the active cell. */
export function cellMenu(view: PageView, _cell: Cell): readonly MenuItem[] {
  const byId = new Map<string, Command>(host.get(commands).map((command) => [command.id, command]));
  const offered = view.refusal() === undefined ? OFFERED : OFFERED.filter((id) => CHANGES_NOTHING.has(id));
  return offered.flatMap((id): readonly MenuItem[] => {
    const command = byId.get(id);
    if (!command || !isPossible(command, commandContext())) return [];
    const key = command.keys[0];
    return [
      {
        label: command.title,
        ...(key === undefined ? {} : { hint: showKey(key, isMac) }),
        danger: id === "cell.delete",
        run: () => void runCommand(command),
      },
    ];
  });
}
