/**
 * One terminal on the page: an xterm.js emulator joined to a program of the session's machine. What the program writes
 * is hostile until proved otherwise: it cannot reach the clipboard (no OSC 52), the window (no window operations) or a
 * page that is not of the web, and its title is shown only when cleaned.
 */
import "@xterm/xterm/css/xterm.css";
import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { Terminal } from "@xterm/xterm";
import type { Channel } from "#core/base/channel.ts";
import { randomId } from "#core/base/ids.ts";
import { type FromTerminal, TERMINAL_INPUT, type ToTerminal } from "#core/kernel/terminals.ts";
import { cleanPaste, cleanTitle, endSentence, webAddress } from "./text.ts";
import { onThemeChange, readTheme } from "./theme.ts";

export interface ScreenOptions {
  readonly terminals: Channel<FromTerminal, ToTerminal>;
  /** What screen readers call it. */
  readonly label: string;
  readonly screenReader: boolean;
  onTitle(title: string): void;
  onOutput(): void;
  onEnd(sentence: string): void;
  /** Lines are about to be pasted that each would run at once: may they? */
  mayPaste(lines: number): Promise<boolean>;
}

const SCROLLBACK = 5000;
/** How the keys of a touch bar are sent; arrows differ while a program asks for it. */
const KEYS = { escape: "\u001b", tab: "\t", up: "A", down: "B", right: "C", left: "D" } as const;
export type ScreenKey = keyof typeof KEYS;

/** Starts with `open`; `close` hangs up and clears away. */
export class Screen {
  readonly #options: ScreenOptions;
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #search = new SearchAddon();
  readonly #stops: (() => void)[] = [];
  readonly #questions = new Map<string, (names: readonly string[]) => void>();
  #place: HTMLElement | undefined;
  /** The running program's terminal; undefined before the first and after an end. */
  #name: string | undefined;
  #closed = false;
  #control = false;

  constructor(options: ScreenOptions) {
    this.#options = options;
    const style = getComputedStyle(document.documentElement);
    const pixels = Number.parseFloat(style.fontSize);
    this.#terminal = new Terminal({
      allowProposedApi: true,
      cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
      fontFamily: style.getPropertyValue("--font-code"),
      fontSize: Number.parseFloat(style.getPropertyValue("--size-code")) * pixels,
      lineHeight: 1.2,
      linkHandler: {
        activate: (event, link) => follow(event, link),
        hover: (_event, link) => this.#tell(link),
        leave: () => this.#tell(undefined),
      },
      minimumContrastRatio: 4.5,
      screenReaderMode: options.screenReader,
      scrollback: SCROLLBACK,
      theme: readTheme(),
    });
  }

  /** Draws the emulator in `place` and starts a shell of its size. */
  async open(place: HTMLElement): Promise<void> {
    const terminal = this.#terminal;
    this.#place = place;
    // Cells are measured once, when it is drawn: with the real font.
    const { fontSize, fontFamily } = terminal.options;
    await document.fonts.load(`${fontSize}px ${fontFamily}`).catch(() => []);
    if (this.#closed) return;
    terminal.loadAddon(this.#fit);
    terminal.loadAddon(this.#search);
    terminal.loadAddon(new Unicode11Addon());
    terminal.unicode.activeVersion = "11";
    terminal.loadAddon(
      new WebLinksAddon(follow, { hover: (_event, link) => this.#tell(link), leave: () => this.#tell(undefined) }),
    );
    terminal.open(place);
    terminal.textarea?.setAttribute("aria-label", this.#options.label);
    this.#listen(terminal, place);
    this.#fit.fit();
    this.start();
  }

  /** Starts a shell, after the last one ended. */
  start(): void {
    if (this.#name !== undefined || this.#closed) return;
    this.#terminal.reset();
    this.#name = randomId();
    const { cols, rows } = this.#terminal;
    this.#send({ type: "terminal_open", terminal: this.#name, columns: cols, rows });
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** The programs that run on it beside its shell. */
  jobs(): Promise<readonly string[]> {
    const terminal = this.#name;
    if (terminal === undefined) return Promise.resolve([]);
    return new Promise((resolve) => {
      const id = randomId();
      this.#questions.set(id, resolve);
      this.#send({ type: "terminal_jobs_request", id, terminal });
    });
  }

  find(text: string, direction: "next" | "previous"): boolean {
    if (text === "") {
      this.#search.clearDecorations();
      this.#terminal.clearSelection();
      return true;
    }
    return direction === "next" ? this.#search.findNext(text) : this.#search.findPrevious(text);
  }

  setScreenReader(on: boolean): void {
    this.#terminal.options.screenReaderMode = on;
  }

  /** Copies what is selected, if anything is. */
  copy(): void {
    const text = this.#terminal.getSelection();
    if (text !== "") void navigator.clipboard?.writeText(text);
  }

  /** The next typed letter counts as if Ctrl were held; for keyboards that have no such key. */
  holdControl(): void {
    this.#control = true;
  }

  press(key: ScreenKey): void {
    const code = KEYS[key];
    const arrow = this.#terminal.modes.applicationCursorKeysMode ? "\u001bO" : "\u001b[";
    this.#terminal.input(code >= "A" && code <= "D" ? arrow + code : code);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#name !== undefined) this.#send({ type: "terminal_close", terminal: this.#name });
    for (const stop of this.#stops) stop();
    for (const answer of this.#questions.values()) answer([]);
    this.#terminal.dispose();
  }

  #listen(terminal: Terminal, place: HTMLElement): void {
    const encoder = new TextEncoder();
    terminal.onData((text) => this.#type(encoder.encode(this.#controlled(text))));
    terminal.onBinary((text) => this.#type(Uint8Array.from(text, (character) => character.charCodeAt(0))));
    terminal.onResize(({ cols, rows }) => {
      if (this.#name !== undefined) this.#send({ type: "terminal_resize", terminal: this.#name, columns: cols, rows });
    });
    terminal.onTitleChange((title) => this.#options.onTitle(cleanTitle(title)));
    terminal.attachCustomKeyEventHandler((event) => this.#isForTerminal(event));
    const onPaste = (event: ClipboardEvent): void => {
      event.preventDefault();
      event.stopPropagation();
      void this.#paste(event.clipboardData?.getData("text/plain") ?? "");
    };
    place.addEventListener("paste", onPaste, { capture: true });
    let due = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(due);
      due = requestAnimationFrame(() => {
        if (place.offsetParent !== null) this.#fit.fit();
      });
    });
    observer.observe(place);
    this.#stops.push(
      this.#options.terminals.receive((message) => this.#hear(message)),
      onThemeChange(() => (terminal.options.theme = readTheme())),
      () => place.removeEventListener("paste", onPaste, { capture: true }),
      () => observer.disconnect(),
      () => cancelAnimationFrame(due),
    );
  }

  #hear(message: FromTerminal): void {
    if (message.type === "terminal_jobs_reply") {
      const answer = this.#questions.get(message.parent);
      this.#questions.delete(message.parent);
      return answer?.(message.names);
    }
    if (message.terminal !== this.#name) return;
    if (message.type === "terminal_output") {
      const { terminal, data } = message;
      this.#options.onOutput();
      // Given back when it is drawn, not when it has come: a program waits for the eye, and the page stays free.
      this.#terminal.write(data, () => this.#send({ type: "terminal_taken", terminal, bytes: data.length }));
    } else {
      this.#name = undefined;
      // Whatever the program left: the cursor is seen, and colours and mouse reports are off.
      this.#terminal.write("\u001b[0m\u001b[?25h\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?2004l\r\n");
      this.#options.onEnd(endSentence(message));
    }
  }

  #type(bytes: Uint8Array): void {
    const terminal = this.#name;
    if (terminal === undefined) return;
    for (let at = 0; at < bytes.length; at += TERMINAL_INPUT)
      this.#send({ type: "terminal_input", terminal, data: bytes.slice(at, at + TERMINAL_INPUT) });
  }

  #controlled(text: string): string {
    if (!this.#control || !/^[@-~]$/.test(text)) return text;
    this.#control = false;
    return String.fromCharCode(text.charCodeAt(0) & 0x1f);
  }

  /** Copy and paste have Ctrl+Shift, as on other terminals of Linux, because Ctrl-C and Ctrl-V are the program's. */
  #isForTerminal(event: KeyboardEvent): boolean {
    if (event.type === "keydown" && !event.isTrusted && event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
      // Pressed before the terminal had the keys and pressed again by the page: nothing but this will type it.
      event.preventDefault();
      this.#terminal.input(event.key);
      return false;
    }
    if (event.type !== "keydown" || !event.ctrlKey || !event.shiftKey || event.altKey || event.metaKey) return true;
    if (event.code === "KeyV") return false;
    if (event.code !== "KeyC") return true;
    event.preventDefault();
    this.copy();
    return false;
  }

  async #paste(clipboard: string): Promise<void> {
    const text = cleanPaste(clipboard);
    const lines = text.trimEnd().split("\n").length;
    const runsAtOnce = text.includes("\n") && !this.#terminal.modes.bracketedPasteMode;
    if (runsAtOnce && !(await this.#options.mayPaste(lines))) return;
    if (!this.#closed) this.#terminal.paste(text);
  }

  /** Where a link leads, beside the pointer: its text may say something else. */
  #tell(link: string | undefined): void {
    if (!this.#place) return;
    const address = link === undefined ? undefined : webAddress(link);
    const key = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";
    this.#place.title = address === undefined ? "" : `${address}\n${key}+click opens it`;
  }

  #send(message: ToTerminal): void {
    this.#options.terminals.send(message);
  }
}

/** Opens a web page that does not know of this one. A plain click only marks text; a finger has no other way. */
function follow(event: MouseEvent, link: string): void {
  const address = webAddress(link);
  const meant = event.ctrlKey || event.metaKey || matchMedia("(pointer: coarse)").matches;
  if (address !== undefined && meant) window.open(address, "_blank", "noopener,noreferrer");
}
