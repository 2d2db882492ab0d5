/**
 * Terminals beside the notebook, on the machine of its shell cells. Here are only the panel and the commands; the
 * emulator (xterm.js) is loaded when the panel is first opened.
 */
import type { Plugin } from "#core/plugin/facet.ts";
import { commands, type Command, type CommandContext, type When } from "#kit/commands.ts";
import { panels } from "#kit/panels.ts";
import { type TerminalTabs, terminalTabs } from "./tabs.ts";

const PANEL = "terminal";
const GROUP = "Terminal";

/** True while the keys go to a terminal or to what belongs to it. */
const hasFocus = (): boolean => Boolean(document.activeElement?.closest("[data-terminals]"));

function command(
  id: string,
  title: string,
  keys: readonly string[],
  run: (tabs: TerminalTabs, context: CommandContext) => void | Promise<void>,
  isEnabled: (tabs: TerminalTabs) => boolean = () => true,
  when: When = "always",
): Command {
  return {
    id: `terminal.${id}`,
    title,
    keys,
    when,
    group: GROUP,
    isEnabled: ({ view }) => view !== undefined && isEnabled(terminalTabs(view.session)),
    run: (context) => (context.view ? run(terminalTabs(context.view.session), context) : undefined),
  };
}

const isAny = (tabs: TerminalTabs): boolean => tabs.list().length > 0;

/** The panel with its terminals, and what can be done to them by key. */
export const terminal: Plugin = {
  id: "terminal",
  provides: [
    panels.of({
      id: PANEL,
      title: "Terminal",
      icon: "terminal",
      place: "bottom",
      load: async () => (await import("./panel.tsx")).TerminalPanel,
    }),
    commands.of([
      command("new", "New terminal", ["Ctrl-Shift-`"], (tabs, { page }) => {
        tabs.add();
        page.openPanel(PANEL);
        return tabs.focus();
      }),
      command("toggle", "Go to the terminal, or hide it", ["Ctrl-`"], (tabs, { page }) => {
        if (hasFocus()) return page.togglePanel(PANEL);
        if (!isAny(tabs)) tabs.add();
        page.openPanel(PANEL);
        return tabs.focus();
      }),
      command(
        "leave",
        "Leave the terminal for the cells",
        ["Ctrl-Shift-ArrowUp"],
        (_tabs, { view }) => {
          const cell = view?.active();
          if (cell !== undefined) view?.choose(cell, { mode: view.mode() });
        },
        hasFocus,
        "panel",
      ),
      command(
        "find",
        "Find in the terminal",
        ["Mod-Shift-f"],
        (tabs, { page }) => {
          page.openPanel(PANEL);
          tabs.find(true);
        },
        isAny,
      ),
      command("next", "Next terminal", ["Ctrl-Shift-ArrowRight"], (tabs) => tabs.step(1), hasFocus, "panel"),
      command("previous", "Previous terminal", ["Ctrl-Shift-ArrowLeft"], (tabs) => tabs.step(-1), hasFocus, "panel"),
      command(
        "screen-reader",
        "Screen reader mode of terminals",
        [],
        (tabs, { page }) => {
          tabs.setScreenReader(!tabs.screenReader());
          page.toast(`Screen reader mode of terminals is ${tabs.screenReader() ? "on" : "off"}.`);
        },
        isAny,
      ),
    ]),
  ],
};
