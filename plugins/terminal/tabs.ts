/** Which terminals a notebook has, which one is in front, and what is asked of it. Plain state: no emulator in here. */
import { createSignal, type Accessor } from "solid-js";
import type { Session } from "#core/session/session.ts";

/** One terminal. Its number stays its name; the title is what its programs call it. */
export interface TerminalTab {
  readonly number: number;
  readonly title: Accessor<string>;
  readonly setTitle: (title: string) => void;
  /** Why it ended, as a sentence; undefined while it runs. */
  readonly end: Accessor<string | undefined>;
  readonly setEnd: (end: string | undefined) => void;
}

const KEY = "kroma-terminal-screen-reader";

/** Where storage is denied, a choice lasts as long as the page. */
function recall(): boolean {
  try {
    return localStorage.getItem(KEY) === "on";
  } catch {
    return false;
  }
}
function remember(on: boolean): void {
  try {
    localStorage.setItem(KEY, on ? "on" : "off");
  } catch {}
}

/** The terminals of one open notebook. */
export class TerminalTabs {
  readonly list: Accessor<readonly TerminalTab[]>;
  readonly active: Accessor<TerminalTab | undefined>;
  readonly finding: Accessor<boolean>;
  readonly screenReader: Accessor<boolean>;
  readonly #setList: (list: readonly TerminalTab[]) => void;
  readonly #setActive: (tab: TerminalTab | undefined) => void;
  readonly #setFinding: (finding: boolean) => void;
  readonly #setScreenReader: (on: boolean) => void;
  #last = 0;
  #take: (() => void) | undefined;
  #wanted: (() => void)[] = [];

  constructor() {
    const [list, setList] = createSignal<readonly TerminalTab[]>([]);
    const [active, setActive] = createSignal<TerminalTab>();
    const [finding, setFinding] = createSignal(false);
    const [screenReader, setScreenReader] = createSignal(recall());
    this.list = list;
    this.active = active;
    this.finding = finding;
    this.screenReader = screenReader;
    this.#setList = setList;
    this.#setActive = (tab) => setActive(() => tab);
    this.#setFinding = setFinding;
    this.#setScreenReader = setScreenReader;
  }

  /** A new terminal, in front. */
  add(): void {
    const [title, setTitle] = createSignal("");
    const [end, setEnd] = createSignal<string>();
    if (this.list().length === 0) this.#last = 0;
    const tab: TerminalTab = { number: ++this.#last, title, setTitle, end, setEnd };
    this.#setList([...this.list(), tab]);
    this.choose(tab);
  }

  choose(tab: TerminalTab): void {
    this.#setActive(tab);
  }

  /** The next one in the row, or the one before. */
  step(by: 1 | -1): void {
    const list = this.list();
    const at = list.findIndex((tab) => tab === this.active());
    const next = list[(at + by + list.length) % list.length];
    if (next) this.choose(next);
    void this.focus();
  }

  /** Forgets a terminal; its neighbour comes to the front. */
  remove(tab: TerminalTab): void {
    const at = this.list().indexOf(tab);
    const rest = this.list().filter((other) => other !== tab);
    if (this.active() === tab) this.#setActive(rest[at] ?? rest[at - 1]);
    this.#setList(rest);
  }

  find(finding: boolean): void {
    this.#setFinding(finding);
  }

  setScreenReader(on: boolean): void {
    remember(on);
    this.#setScreenReader(on);
  }

  /** Gives the keys to the terminal in front; resolves when it has them, which the first time takes a moment. */
  focus(): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted.push(resolve);
      this.#take?.();
    });
  }

  /** The screen in front says how it takes the keys; undefined while there is none that could. */
  onFocus(take: (() => void) | undefined): void {
    this.#take =
      take &&
      ((): void => {
        take();
        for (const resolve of this.#wanted.splice(0)) resolve();
      });
    if (this.#wanted.length > 0) this.#take?.();
  }
}

const known = new WeakMap<Session, TerminalTabs>();

/** The terminals of the notebook that this session runs. */
export function terminalTabs(session: Session): TerminalTabs {
  let tabs = known.get(session);
  if (!tabs) known.set(session, (tabs = new TerminalTabs()));
  return tabs;
}
