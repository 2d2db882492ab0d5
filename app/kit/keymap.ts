/**
 * Keys to commands. Pure: an event's description and a mode go in, the command comes out. A sequence ("d d") waits
 * for its second key at most a second. Keys are named as in CodeMirror: modifiers Ctrl, Alt, Shift, Meta, then the key.
 */
import type { Command, Mode, When } from "./commands.ts";

/** What counts of a KeyboardEvent. */
export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly metaKey: boolean;
}

/** Where the key was pressed. "side" is a side panel: without Ctrl or Cmd its keys are its own. */
export type KeyPlace = Mode | "library" | "panel" | "side";

/** Longest pause inside a sequence, in milliseconds. */
export const SEQUENCE_PAUSE = 1000;

/** The names under which a press may stand in the table, likeliest first; none for a bare modifier. */
export function keyNames(press: KeyPress): readonly string[] {
  if (["Shift", "Control", "Alt", "Meta", "Dead", "Unidentified", "CapsLock"].includes(press.key)) return [];
  const modifiers = (press.ctrlKey ? "Ctrl-" : "") + (press.altKey ? "Alt-" : "") + (press.metaKey ? "Meta-" : "");
  const shift = press.shiftKey ? "Shift-" : "";
  const key = press.key === " " ? "Space" : press.key;
  const names: string[] = [];
  if (key.length > 1) names.push(modifiers + shift + key);
  else if (key.toLowerCase() !== key.toUpperCase()) names.push(modifiers + shift + key.toLowerCase());
  else names.push(modifiers + key, modifiers + shift + key);
  // With Ctrl or Alt the character depends on the layout ("_" for Ctrl-Shift-minus), the place of the key does not.
  const byPlace = placeName(press.code);
  if (byPlace && (modifiers !== "" || shift !== "")) names.push(modifiers + shift + byPlace);
  return [...new Set(names)];
}

function placeName(code: string): string | undefined {
  if (/^Key[A-Z]$/.test(code)) return code.slice(3).toLowerCase();
  if (/^Digit\d$/.test(code)) return code.slice(5);
  return {
    Minus: "-",
    Equal: "=",
    Slash: "/",
    Period: ".",
    Comma: ",",
    BracketLeft: "[",
    BracketRight: "]",
    Backquote: "`",
  }[code];
}

/** A key of the table as it is pressed here: "Mod" becomes Ctrl or Meta; modifiers in the order of `keyNames`. */
export function normaliseKey(key: string, mac: boolean): string {
  return key
    .split(" ")
    .map((step) => {
      const parts = step.split(/-(?!$)/);
      const last = parts.pop() ?? "";
      const held = new Set(parts.map((part) => (part === "Mod" ? (mac ? "Meta" : "Ctrl") : part)));
      return (
        ["Ctrl", "Alt", "Meta", "Shift"]
          .filter((name) => held.has(name))
          .map((name) => `${name}-`)
          .join("") + last
      );
    })
    .join(" ");
}

/** A key as people read it: "⇧⌘P" on a Mac, "Ctrl+Shift+P" elsewhere. */
export function showKey(key: string, mac: boolean): string {
  const symbols: Record<string, string> = {
    Meta: "⌘",
    Ctrl: "⌃",
    Alt: "⌥",
    Shift: "⇧",
    Enter: "↩",
    Escape: "Esc",
    ArrowUp: "↑",
    ArrowDown: "↓",
    ArrowLeft: "←",
    ArrowRight: "→",
  };
  return normaliseKey(key, mac)
    .split(" ")
    .map((step) => {
      const parts = step.split(/-(?!$)/);
      const named = parts.map(
        (part) =>
          (mac || part.startsWith("Arrow") ? symbols[part] : undefined) ??
          (part === "Escape" ? "Esc" : part.length === 1 ? part.toUpperCase() : part),
      );
      return named.join(mac ? "" : "+");
    })
    .join(" ");
}

/** The keys of a command as people read them, each once. */
export function shownKeys(keys: readonly string[], mac: boolean): readonly string[] {
  return [...new Set(keys.map((key) => showKey(key, mac)))];
}

/** Whether the keys of a command for `when` mean it at `place`. */
export function countsIn(when: When, place: KeyPlace): boolean {
  if (when === "always") return true;
  return when === place || (when === "notebook" && (place === "command" || place === "edit" || place === "side"));
}

/** One person's keyboard on one page. */
export class KeyMatcher {
  readonly #table: readonly { readonly keys: string; readonly command: Command }[];
  #pending = "";
  #since = 0;

  constructor(commands: readonly Command[], mac: boolean) {
    this.#table = commands.flatMap((command) => command.keys.map((key) => ({ keys: normaliseKey(key, mac), command })));
  }

  /** The command for this press, "pending" when it may begin a longer sequence, or undefined: not ours. */
  press(press: KeyPress, place: KeyPlace, now: number): Command | "pending" | undefined {
    const names = keyNames(press);
    if (names.length === 0) return this.#pending === "" ? undefined : "pending";
    const before = this.#pending !== "" && now - this.#since <= SEQUENCE_PAUSE ? `${this.#pending} ` : "";
    this.#pending = "";
    for (const prefix of before === "" ? [""] : [before, ""]) {
      for (const name of names) {
        const keys = prefix + name;
        const found = this.#table.find((entry) => entry.keys === keys && countsIn(entry.command.when, place));
        if (found) return found.command;
        if (this.#table.some((entry) => entry.keys.startsWith(`${keys} `) && countsIn(entry.command.when, place))) {
          this.#pending = keys;
          this.#since = now;
          return "pending";
        }
      }
    }
    return undefined;
  }
}
