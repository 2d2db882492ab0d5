/**
 * Turns what a program wrote to a terminal into rows of styled text, piece by piece.
 * It knows what programs in notebooks really use: SGR styles, carriage return and backspace, erasing, cursor moves
 * (progress bars) and OSC 8 links (ECMA-48, xterm's control sequences). Everything else is swallowed, never shown.
 * However the text is cut into pieces, the rows come out the same. No DOM here.
 */
import { PLAIN, changeStyle, withLink, type Style } from "./terminal-style.ts";

/** Part of a row that is not plain; `start` and `end` are UTF-16 offsets. */
export interface Run {
  readonly start: number;
  readonly end: number;
  readonly style: Style;
}
/** One row: a plain string where no style is needed, which is nearly always. */
export type Row = string | { readonly text: string; readonly runs: readonly Run[] };

/** Longer lines go on in a further row, so that no row is too long to lay out. */
export const ROW_LIMIT = 4096;
/** How far up the cursor may go, as on a screen of this height. */
const SCREEN_ROWS = 100;
const SEQUENCE_LIMIT = 4096;

// oxlint-disable-next-line no-control-regex -- control characters are the subject here
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g;
// oxlint-disable-next-line no-control-regex -- as above
const CONTROL_BUT_LINE_END = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;
const ESCAPE = "\u001b";

/** A growing sheet of rows. */
export class TerminalText {
  readonly #rows: Row[] = [""];
  /** Rows that go on from the one above because it was too long. */
  readonly #continued = new Set<number>();
  #row = 0;
  #column = 0;
  #style: Style = PLAIN;
  #pending = "";
  #widest = 0;

  /** Number of rows to show; the empty row after a last line end is not counted. */
  get count(): number {
    const last = this.#rows.length - 1;
    return this.#rows[last] === "" && !this.#continued.has(last) ? last : last + 1;
  }

  /** Length of the longest row there has been. */
  get widest(): number {
    return this.#widest;
  }

  row(index: number): Row {
    return this.#rows[index] ?? "";
  }

  /** True when the row is the rest of the line above. */
  isContinued(index: number): boolean {
    return this.#continued.has(index);
  }

  /** The rows' text without styles, lines that were cut joined again. */
  *plain(start = 0, end = this.count): Generator<string> {
    for (let index = start; index < end; index += 1) {
      if (index > start && !this.#continued.has(index)) yield "\n";
      yield textOf(this.row(index));
    }
    if (end === this.count && end < this.#rows.length) yield "\n";
  }

  /** Forgets everything. */
  clear(): void {
    this.#wipe();
    this.#pending = "";
  }

  #wipe(): void {
    this.#rows.length = 0;
    this.#rows.push("");
    this.#continued.clear();
    this.#row = this.#column = this.#widest = 0;
    this.#style = PLAIN;
  }

  /** Adds what was written next. */
  push(piece: string): void {
    if (piece === "") return;
    let text = this.#pending + piece;
    this.#pending = "";
    const last = text.charCodeAt(text.length - 1);
    if (last >= 0xd800 && last < 0xdc00) {
      this.#pending = text.slice(-1);
      text = text.slice(0, -1);
    }
    if (this.#style === PLAIN && this.#isAtEnd() && !CONTROL_BUT_LINE_END.test(text)) {
      this.#append(text);
      return;
    }
    let at = 0;
    while (at < text.length) {
      CONTROL.lastIndex = at;
      const found = CONTROL.exec(text);
      const stop = found ? found.index : text.length;
      if (stop > at) this.#write(text.slice(at, stop));
      if (!found) return;
      const next = this.#control(text, stop);
      if (next === undefined) {
        this.#pending = text.slice(stop) + this.#pending;
        return;
      }
      at = next;
    }
  }

  #isAtEnd(): boolean {
    return this.#row === this.#rows.length - 1 && this.#column === textOf(this.#rows[this.#row] ?? "").length;
  }

  /** The fast way for plain text: no styles, no cursor moves. */
  #append(text: string): void {
    const lines = text.split("\n");
    this.#write(lines[0] ?? "");
    for (let index = 1; index < lines.length; index += 1) {
      const line = lines[index] ?? "";
      if (line.length > ROW_LIMIT) {
        this.#newLine();
        this.#write(line);
        continue;
      }
      this.#rows.push(line);
      if (line.length > this.#widest) this.#widest = line.length;
      this.#row = this.#rows.length - 1;
      this.#column = line.length;
    }
  }

  #newLine(): void {
    if (this.#row === this.#rows.length - 1) this.#rows.push("");
    this.#row += 1;
    this.#column = 0;
  }

  #write(text: string): void {
    let rest = text;
    while (rest !== "") {
      let room = ROW_LIMIT - this.#column;
      if (room < rest.length && room > 0 && isLowSurrogate(rest, room)) room -= 1;
      if (room <= 0) {
        this.#newLine();
        this.#continued.add(this.#row);
        continue;
      }
      const part = rest.length <= room ? rest : rest.slice(0, room);
      this.#replace(this.#column, this.#column + part.length, part);
      this.#column += part.length;
      rest = rest.slice(part.length);
    }
  }

  /** Puts `insert` (in the present style, when not empty) where `start` to `end` of the cursor's row was. */
  #replace(start: number, end: number, insert: string): void {
    const row = this.#rows[this.#row] ?? "";
    let text = textOf(row);
    let runs: readonly Run[] = typeof row === "string" ? [] : row.runs;
    if (text.length < start && insert !== "") text = text.padEnd(start);
    if (start < text.length) {
      // Half an emoji must not stay behind on either side.
      const before = isLowSurrogate(text, start) ? `${text.slice(0, start - 1)} ` : text.slice(0, start);
      const after = isLowSurrogate(text, end) ? ` ${text.slice(end + 1)}` : text.slice(end);
      text = before + insert + after;
    } else text += insert;
    if (runs.length > 0 || (insert !== "" && this.#style !== PLAIN)) {
      runs = replaceRuns(runs, start, end, insert === "" ? PLAIN : this.#style, insert.length);
    }
    this.#rows[this.#row] = runs.length === 0 ? text : { text, runs };
    if (text.length > this.#widest) this.#widest = text.length;
  }

  /** Handles the control character at `at`; returns where to go on, or undefined when more text is needed. */
  #control(text: string, at: number): number | undefined {
    const code = text.charCodeAt(at);
    switch (code) {
      case 0x0a:
        this.#newLine();
        return at + 1;
      case 0x0d:
        this.#column = 0;
        return at + 1;
      case 0x08:
        if (this.#column > 0) {
          const row = textOf(this.#rows[this.#row] ?? "");
          this.#column -= isLowSurrogate(row, this.#column - 1) && this.#column > 1 ? 2 : 1;
        }
        return at + 1;
      case 0x1b:
        return this.#escape(text, at);
      case 0x9b:
        return this.#csi(text, at + 1);
      case 0x9d:
        return this.#string(text, at + 1, true);
      case 0x90:
      case 0x98:
      case 0x9e:
      case 0x9f:
        return this.#string(text, at + 1, false);
      default:
        return at + 1;
    }
  }

  #escape(text: string, at: number): number | undefined {
    const next = text[at + 1];
    if (next === undefined) return undefined;
    if (next === "[") return this.#csi(text, at + 2);
    if (next === "]") return this.#string(text, at + 2, true);
    if (next === "P" || next === "X" || next === "^" || next === "_") return this.#string(text, at + 2, false);
    if (next === "c") {
      this.#wipe();
      return at + 2;
    }
    if (next === "M") {
      this.#row = Math.max(this.#top(), this.#row - 1);
      return at + 2;
    }
    let end = at + 1;
    while (end < text.length && end - at < 8 && text[end]! >= " " && text[end]! <= "/") end += 1;
    if (end >= text.length) return undefined;
    return text[end]! >= "0" && text[end]! <= "~" ? end + 1 : end;
  }

  #csi(text: string, start: number): number | undefined {
    let at = start;
    while (at < text.length && at - start < SEQUENCE_LIMIT && text[at]! >= " " && text[at]! <= "?") at += 1;
    if (at - start >= SEQUENCE_LIMIT) return at;
    if (at >= text.length) return undefined;
    const final = text[at]!;
    // Anything that can't end a sequence breaks it off and counts for itself.
    if (final < "@" || final > "~") return at;
    this.#command(final, text.slice(start, at));
    return at + 1;
  }

  #command(final: string, parameters: string): void {
    if (final === "m") {
      if (!/^[<=>?]/.test(parameters)) this.#style = changeStyle(this.#style, parameters);
      return;
    }
    const [first = 0, second = 0] = parameters
      .split(";")
      .map((word) => Math.min(ROW_LIMIT, Number.parseInt(word, 10) || 0));
    const amount = Math.max(1, first);
    const bottom = this.#rows.length - 1;
    switch (final) {
      case "A":
      case "F":
        this.#row = Math.max(this.#top(), this.#row - amount);
        if (final === "F") this.#column = 0;
        break;
      case "B":
      case "E":
        this.#row = Math.min(bottom, this.#row + amount);
        if (final === "E") this.#column = 0;
        break;
      case "C":
        this.#column = Math.min(ROW_LIMIT - 1, this.#column + amount);
        break;
      case "D":
        this.#column = Math.max(0, this.#column - amount);
        break;
      case "G":
        this.#column = Math.min(ROW_LIMIT - 1, amount - 1);
        break;
      case "H":
      case "f":
        this.#row = Math.min(bottom, this.#top() + amount - 1);
        this.#column = Math.min(ROW_LIMIT - 1, Math.max(1, second) - 1);
        break;
      case "K":
        this.#eraseInRow(first);
        break;
      case "J":
        if (first === 2 || first === 3) {
          const style = this.#style;
          this.#wipe();
          this.#style = style;
        } else if (first === 0) {
          this.#eraseInRow(0);
          this.#dropRowsBelow();
        }
        break;
      case "P":
        this.#replace(this.#column, this.#column + amount, "");
        break;
      case "X":
        this.#blank(this.#column, Math.min(this.#column + amount, textOf(this.#rows[this.#row] ?? "").length));
        break;
      default:
    }
  }

  #top(): number {
    return Math.max(0, this.#rows.length - SCREEN_ROWS);
  }

  #eraseInRow(mode: number): void {
    const length = textOf(this.#rows[this.#row] ?? "").length;
    if (mode === 0 && this.#column < length) this.#replace(this.#column, length, "");
    if (mode === 1) this.#blank(0, Math.min(this.#column + 1, length));
    if (mode === 2) this.#rows[this.#row] = "";
  }

  #blank(start: number, end: number): void {
    if (end <= start) return;
    const style = this.#style;
    this.#style = PLAIN;
    this.#replace(start, end, " ".repeat(end - start));
    this.#style = style;
  }

  #dropRowsBelow(): void {
    for (let index = this.#row + 1; index < this.#rows.length; index += 1) this.#continued.delete(index);
    this.#rows.length = this.#row + 1;
  }

  /** OSC and its relatives: text up to BEL or ST. A line end breaks it off, so a stray one can't swallow the rest. */
  #string(text: string, start: number, isOsc: boolean): number | undefined {
    const limit = Math.min(text.length, start + SEQUENCE_LIMIT);
    let at = start;
    for (; at < limit; at += 1) {
      const code = text.charCodeAt(at);
      if (code >= 0x20 && (code < 0x7f || code > 0x9f)) continue;
      if (code === 0x1b && at + 1 >= text.length) return undefined;
      const isTerminated = code === 0x07 || code === 0x9c || text.startsWith(`${ESCAPE}\\`, at);
      if (isTerminated) {
        if (isOsc) this.#osc(text.slice(start, at));
        return at + (code === 0x1b ? 2 : 1);
      }
      return at;
    }
    return at - start >= SEQUENCE_LIMIT ? at : undefined;
  }

  #osc(body: string): void {
    const link = /^8;[^;]*;(.*)$/s.exec(body);
    if (link) this.#style = withLink(this.#style, link[1] ?? "");
  }
}

/** A row's text without styles. */
export function textOf(row: Row): string {
  return typeof row === "string" ? row : row.text;
}

function isLowSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (!(code >= 0xdc00 && code < 0xe000) || at === 0) return false;
  const before = text.charCodeAt(at - 1);
  return before >= 0xd800 && before < 0xdc00;
}

/** The runs after `start` to `end` was replaced by `length` units of `style`. */
function replaceRuns(runs: readonly Run[], start: number, end: number, style: Style, length: number): readonly Run[] {
  const next: Run[] = [];
  const add = (run: Run) => {
    const last = next.at(-1);
    if (last && last.end === run.start && last.style.key === run.style.key)
      next[next.length - 1] = { ...last, end: run.end };
    else if (run.end > run.start) next.push(run);
  };
  const shift = length - (end - start);
  for (const run of runs) if (run.start < start) add({ ...run, end: Math.min(run.end, start) });
  if (style !== PLAIN) add({ start, end: start + length, style });
  for (const run of runs)
    if (run.end > end) add({ ...run, start: Math.max(run.start, end) + shift, end: run.end + shift });
  return next;
}
