/** The panel of terminals: a row of tabs, the terminal in front, and what is asked before something is lost. */
import { For, Show, createEffect, createSignal, onCleanup, onMount, type JSX } from "solid-js";
import type { Session } from "#core/session/session.ts";
import { Icon } from "#kit/icon.tsx";
import type { PanelProps } from "#kit/panels.ts";
import { type Question, QuestionDialog } from "#kit/question.tsx";
import { FindBar } from "./find-bar.tsx";
import { Screen, type ScreenKey } from "./screen.ts";
import { type TerminalTab, terminalTabs, type TerminalTabs } from "./tabs.ts";
import "./terminal.css";

interface Asked extends Question {
  readonly answer: (agreed: boolean) => void;
}

const TOUCH_KEYS: readonly { readonly key: ScreenKey; readonly label: string; readonly name: string }[] = [
  { key: "escape", label: "Esc", name: "Escape" },
  { key: "tab", label: "Tab", name: "Tab" },
  { key: "up", label: "↑", name: "Up" },
  { key: "down", label: "↓", name: "Down" },
  { key: "left", label: "←", name: "Left" },
  { key: "right", label: "→", name: "Right" },
];

export function TerminalPanel(props: PanelProps): JSX.Element {
  const session = props.context.view?.session;
  return (
    <Show when={session} fallback={<p class="quiet">Terminals belong to a notebook: open one first.</p>}>
      {(open) => <Terminals session={open()} onHide={() => props.context.page.togglePanel("terminal")} />}
    </Show>
  );
}

function Terminals(props: { readonly session: Session; readonly onHide: () => void }): JSX.Element {
  const tabs = terminalTabs(props.session);
  const screens = new Map<TerminalTab, Screen>();
  const [question, setQuestion] = createSignal<Asked>();
  const ask = (about: Question): Promise<boolean> =>
    new Promise((resolve) => {
      const answer = (agreed: boolean): void => {
        setQuestion(undefined);
        resolve(agreed);
      };
      question()?.answer(false);
      setQuestion({ ...about, answer });
    });
  const screen = (): Screen | undefined => {
    const tab = tabs.active();
    return tab && screens.get(tab);
  };
  const close = async (tab: TerminalTab): Promise<void> => {
    const jobs = tab.end() === undefined ? await (screens.get(tab)?.jobs() ?? []) : [];
    const names = [...new Set(jobs)].join(", ");
    const agreed =
      names === "" ||
      (await ask({
        title: `Close ${nameOf(tab)}?`,
        text: `This ends what still runs there: ${names}.`,
        yes: "Close it",
      }));
    if (agreed) tabs.remove(tab);
    if (tabs.list().length === 0) props.onHide();
    else void tabs.focus();
  };
  const add = (): void => {
    tabs.add();
    void tabs.focus();
  };
  onMount(() => {
    if (tabs.list().length === 0) add();
  });
  onCleanup(() => tabs.onFocus(undefined));

  return (
    <div class="terminals" data-terminals>
      <div class="terminal-bar">
        <TabRow tabs={tabs} onClose={(tab) => void close(tab)} />
        <button type="button" class="button icon-only" aria-label="New terminal" title="New terminal" onClick={add}>
          <Icon name="plus" />
        </button>
        <span class="terminal-space" />
        <button
          type="button"
          class="button icon-only"
          aria-label="Find in the terminal"
          title="Find in the terminal"
          disabled={!tabs.active()}
          onClick={() => tabs.find(!tabs.finding())}
        >
          <Icon name="search" />
        </button>
        <button
          type="button"
          class="button icon-only"
          aria-label="Close this terminal"
          title="Close this terminal"
          disabled={!tabs.active()}
          onClick={() => {
            const tab = tabs.active();
            if (tab) void close(tab);
          }}
        >
          <Icon name="trash" />
        </button>
        <button
          type="button"
          class="button icon-only"
          aria-label="Hide terminals"
          title="Hide terminals"
          onClick={() => props.onHide()}
        >
          <Icon name="down" />
        </button>
      </div>
      <Show when={tabs.finding() && tabs.active()}>
        <FindBar
          onFind={(text, direction) => screen()?.find(text, direction) ?? false}
          onClose={() => {
            tabs.find(false);
            void tabs.focus();
          }}
        />
      </Show>
      <For each={tabs.list()}>
        {(tab) => <ScreenView tab={tab} tabs={tabs} session={props.session} screens={screens} ask={ask} />}
      </For>
      <div class="terminal-keys" role="toolbar" aria-label="Keys for the terminal">
        <button type="button" class="button" onPointerDown={keepFocus} onClick={() => screen()?.holdControl()}>
          Ctrl
        </button>
        <For each={TOUCH_KEYS}>
          {({ key, label, name }) => (
            <button
              type="button"
              class="button"
              aria-label={name}
              onPointerDown={keepFocus}
              onClick={() => screen()?.press(key)}
            >
              {label}
            </button>
          )}
        </For>
      </div>
      <Show when={question()} keyed>
        {(asked) => <QuestionDialog {...asked} onAnswer={asked.answer} />}
      </Show>
    </div>
  );
}

/** A press on a key of the touch bar must not take the keyboard away from the terminal. */
const keepFocus = (event: PointerEvent): void => event.preventDefault();
const nameOf = (tab: TerminalTab): string => `Terminal ${tab.number}`;
const idOf = (tab: TerminalTab, part: "tab" | "screen"): string => `terminal-${tab.number}-${part}`;

function TabRow(props: { readonly tabs: TerminalTabs; readonly onClose: (tab: TerminalTab) => void }): JSX.Element {
  const { tabs } = props;
  const onKeyDown = (event: KeyboardEvent, tab: TerminalTab): void => {
    const list = tabs.list();
    const at = list.indexOf(tab);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: list.length - 1 }[event.key];
    if (event.key === "Delete") props.onClose(tab);
    else if (to === undefined) return;
    event.preventDefault();
    const next = to === undefined ? undefined : list[(to + list.length) % list.length];
    if (!next) return;
    tabs.choose(next);
    document.querySelector<HTMLElement>(`#${idOf(next, "tab")}`)?.focus();
  };
  let row: HTMLElement | undefined;
  createEffect(() => {
    if (tabs.active())
      row?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  return (
    <div ref={(element) => (row = element)} class="terminal-tabs" role="tablist" aria-label="Terminals">
      <For each={tabs.list()}>
        {(tab) => (
          <button
            type="button"
            role="tab"
            id={idOf(tab, "tab")}
            class="terminal-tab"
            aria-selected={tabs.active() === tab}
            aria-controls={idOf(tab, "screen")}
            tabIndex={tabs.active() === tab ? 0 : -1}
            title={tab.title() || nameOf(tab)}
            onClick={() => {
              tabs.choose(tab);
              void tabs.focus();
            }}
            onKeyDown={(event) => onKeyDown(event, tab)}
          >
            <span class="terminal-name">{nameOf(tab)}</span>
            <span class="terminal-title">{tab.end() === undefined ? tab.title() : "ended"}</span>
          </button>
        )}
      </For>
    </div>
  );
}

function ScreenView(props: {
  readonly tab: TerminalTab;
  readonly tabs: TerminalTabs;
  readonly session: Session;
  readonly screens: Map<TerminalTab, Screen>;
  readonly ask: (about: Question) => Promise<boolean>;
}): JSX.Element {
  const { tab, tabs, session } = props;
  const [open, setOpen] = createSignal(false);
  const [spoken, setSpoken] = createSignal(false);
  let place: HTMLElement | undefined;
  let again: HTMLButtonElement | undefined;
  const isActive = (): boolean => tabs.active() === tab;
  const screen = new Screen({
    terminals: session.terminals,
    label: `${nameOf(tab)}, a shell in /workspace`,
    screenReader: tabs.screenReader(),
    onTitle: tab.setTitle,
    onOutput: () => setSpoken(true),
    onEnd: (sentence) => {
      const hadFocus = place?.contains(document.activeElement) ?? false;
      tab.setEnd(sentence);
      if (hadFocus) again?.focus();
    },
    mayPaste: (lines) =>
      props.ask({
        title: `Paste ${lines} lines?`,
        text: "The program on this terminal takes each line as soon as it is pasted; a shell would run them one after the other.",
        yes: "Paste",
      }),
  });
  props.screens.set(tab, screen);
  onMount(() => {
    if (place) void screen.open(place).then(() => setOpen(true));
  });
  onCleanup(() => {
    screen.close();
    props.screens.delete(tab);
  });
  createEffect(() => screen.setScreenReader(tabs.screenReader()));
  createEffect(() => {
    if (!isActive()) return;
    const ended = tab.end() !== undefined;
    tabs.onFocus(open() ? () => (ended ? again?.focus() : screen.focus()) : undefined);
  });
  const start = (): void => {
    tab.setEnd(undefined);
    setSpoken(false);
    screen.start();
    screen.focus();
  };
  return (
    <div
      class="terminal-screen"
      role="tabpanel"
      id={idOf(tab, "screen")}
      aria-labelledby={idOf(tab, "tab")}
      hidden={!isActive()}
    >
      <div class="terminal-place" data-terminal ref={(element) => (place = element)} />
      <Show when={tab.end() === undefined && !spoken()}>
        <p class="terminal-note quiet" role="status">
          <StartingText session={session} />
        </p>
      </Show>
      <Show when={tab.end()}>
        {(sentence) => (
          <div class="terminal-end" role="status">
            <span>{sentence()}</span>
            <button ref={(element) => (again = element)} type="button" class="button" onClick={start}>
              Start a new shell
            </button>
          </div>
        )}
      </Show>
    </div>
  );
}

/** What a shell that does not answer yet waits for. */
function StartingText(props: { readonly session: Session }): JSX.Element {
  const text = (): string => {
    for (const kernel of props.session.state.kernels.values())
      if (kernel.language === "shell" && kernel.status === "starting") return `${kernel.stage ?? "Starting Linux"} …`;
    return "Starting a shell …";
  };
  const [shown, setShown] = createSignal(text());
  onCleanup(props.session.onChange(() => setShown(text())));
  return <>{shown()}</>;
}
