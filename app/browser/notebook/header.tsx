/** The top of a notebook: its title, and the three buttons that matter. The rest is in the menu and the palette. */
import { createSignal, type JSX } from "solid-js";
import { commands } from "#kit/commands.ts";
import { Icon } from "#kit/icon.tsx";
import { showKey } from "#kit/keymap.ts";
import { Menu, type MenuItem } from "#kit/menu.tsx";
import { runCommand } from "../command-context.ts";
import { host, isMac } from "../plugins.ts";
import { PeopleHere } from "./people-here.tsx";
import type { PageView } from "./view.ts";

const OFFERED = [
  "run.above",
  "run.below",
  "kernel.restart-run",
  "outputs.clear-all",
  "page.find",
  "page.palette",
  "page.shortcuts",
  "page.download-ipynb",
  "page.download-percent",
  "artefact.publish",
  "artefact.kept",
];

export function NotebookHeader(props: { readonly view: PageView }): JSX.Element {
  const { view } = props;
  const [draft, setDraft] = createSignal<string>();
  const run = (id: string): void => {
    const command = host.get(commands).find((item) => item.id === id);
    if (command) void runCommand(command);
  };
  const menu = (): readonly MenuItem[] =>
    OFFERED.flatMap((id) => {
      const command = host.get(commands).find((item) => item.id === id);
      const key = command?.keys[0];
      return command
        ? [{ label: command.title, ...(key === undefined ? {} : { hint: showKey(key, isMac) }), run: () => run(id) }]
        : [];
    });
  const isRunning = (): boolean => {
    const state = view.session$();
    return (
      state.queue.length > 0 ||
      [...state.kernels.values()].some(({ silent }) => silent) ||
      [...state.cells.values()].some((cell) => cell.progress === "running" || cell.progress === "queued")
    );
  };
  const rename = (): void => {
    const title = draft()?.trim();
    setDraft(undefined);
    if (title && title !== view.notebook().title) void view.change([{ type: "set_title", title }], "rename");
  };
  return (
    <header class="notebook-header">
      <input
        class="title"
        dir="auto"
        aria-label="Title"
        value={draft() ?? view.notebook().title}
        placeholder="Untitled"
        spellcheck={false}
        readonly={view.refusal() !== undefined}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onBlur={rename}
        onKeyDown={(event) => {
          if (event.key === "Escape") setDraft(undefined);
          if (event.key !== "Enter" && event.key !== "Escape") return;
          event.preventDefault();
          event.currentTarget.blur();
          view.setMode("command");
        }}
      />
      <PeopleHere view={view} onMore={() => run("people.share")} />
      <div class="actions" role="toolbar" aria-label="Notebook">
        <button
          type="button"
          class="button primary"
          aria-label="Run all"
          title={view.runRefusal() ?? `Run all (${showKey("Mod-Shift-Enter", isMac)})`}
          disabled={view.runRefusal() !== undefined}
          onClick={() => run("run.all")}
        >
          <Icon name="play" />
          <span>Run all</span>
        </button>
        <button
          type="button"
          class="button"
          aria-label="Interrupt"
          title="Interrupt (I, I)"
          disabled={!isRunning()}
          onClick={() => run("kernel.interrupt")}
        >
          <Icon name="stop" />
          <span>Interrupt</span>
        </button>
        <button
          type="button"
          class="button"
          aria-label="Restart"
          title="Restart all kernels (0, 0)"
          onClick={() => run("kernel.restart")}
        >
          <Icon name="restart" />
          <span>Restart</span>
        </button>
        <button
          type="button"
          class="button"
          aria-label="Share"
          title="Share this notebook"
          onClick={() => run("people.share")}
        >
          <Icon name="share" />
          <span>Share</span>
        </button>
        <button
          type="button"
          class="button"
          aria-label="Publish"
          title={`Publish this notebook (${showKey("Mod-Alt-p", isMac)})`}
          onClick={() => run("artefact.publish")}
        >
          <Icon name="publish" />
          <span>Publish</span>
        </button>
        <Menu label="More" class="button icon-only" items={menu}>
          <Icon name="more" />
        </Menu>
      </div>
    </header>
  );
}
