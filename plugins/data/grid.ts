/**
 * A table of any length on the screen: only the rows in sight are in the document, and they come from the worker. A click
 * on a name sorts, what is typed below it filters, the foot says what the numbers come to.
 */
import "./grid.css";
import type { Summary } from "./data-table.ts";
import { numberText } from "./columns.ts";
import type { ColumnInfo, FromTable, TableInfo, TableSource, ToTable } from "./messages.ts";

const ROW_HEIGHT = 28;
const BOX_ROWS = 14;
const OVERSCAN = 8;
/** Browsers give up on elements higher than some 17 or 33 million pixels; beyond this a pixel is more than a pixel. */
const HIGHEST = 12_000_000;
const MOST_COLUMNS = 120;
const NARROWEST = 7;
const WIDEST = 36;
const TYPING_PAUSE = 150;

export interface GridOptions {
  readonly name: string;
  readonly worker: () => Worker;
}

/** Shows a file's table in `element`; returns the way to end it. */
export function showGrid(element: HTMLElement, source: TableSource, options: GridOptions): () => void {
  const grid = new Grid(element, options);
  grid.open(source);
  return () => grid.close();
}

class Grid {
  readonly #options: GridOptions;
  readonly #worker: Worker;
  readonly #box = make("div", "kroma-grid");
  readonly #scroller = make("div", "kroma-grid-box");
  readonly #head = make("div", "kroma-grid-row kroma-grid-head");
  readonly #sheet = make("div", "kroma-grid-sheet");
  readonly #foot = make("div", "kroma-grid-row kroma-grid-foot");
  readonly #said = make("p", "kroma-grid-said");
  readonly #notes = make("p", "kroma-grid-said");
  /** Where the file has several tables: which one is shown. */
  readonly #choice = make("select", "kroma-grid-choice");
  readonly #filters = new Map<number, string>();
  #columns: readonly ColumnInfo[] = [];
  #sort: { readonly column: number; readonly descending: boolean } | undefined;
  /** All rows, and those that the present look shows. */
  #all = 0;
  #rows = 0;
  #asked = 0;
  #look = 0;
  #isWhole = false;
  /** The columns are as wide as the first rows want. */
  #isMeasured = false;
  /** Of each column, the characters of its name and its first rows. */
  #longest: readonly number[] = [];
  #shown: { readonly from: number; readonly to: number } | undefined;
  #frame = 0;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #started = performance.now();

  constructor(element: HTMLElement, options: GridOptions) {
    this.#options = options;
    this.#worker = options.worker();
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromTable>) => this.#hear(data));
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.#fail(event.message || "the program that reads tables could not be loaded");
    });
    this.#scroller.tabIndex = 0;
    this.#scroller.setAttribute("role", "table");
    this.#scroller.setAttribute("aria-label", options.name);
    this.#said.setAttribute("role", "status");
    this.#said.textContent = `Reading ${options.name}`;
    this.#sheet.setAttribute("role", "rowgroup");
    this.#head.setAttribute("role", "row");
    this.#foot.setAttribute("role", "row");
    this.#scroller.append(this.#head, this.#sheet, this.#foot);
    this.#scroller.hidden = true;
    this.#notes.setAttribute("role", "note");
    this.#notes.hidden = true;
    this.#choice.setAttribute("aria-label", `Table of ${options.name}`);
    this.#choice.hidden = true;
    this.#box.append(this.#choice, this.#scroller, this.#said, this.#notes);
    this.#scroller.addEventListener("scroll", () => this.#draw(), { passive: true });
    element.append(this.#box);
  }

  open(source: TableSource): void {
    this.#send({ type: "open", source });
    this.#choice.onchange = () => {
      this.#columns = [];
      this.#shown = undefined;
      this.#said.classList.remove("failed");
      this.#said.textContent = `Reading ${this.#choice.value}`;
      this.#send({ type: "open", source: { ...source, table: this.#choice.value } });
    };
  }

  close(): void {
    this.#worker.terminate();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#typing);
    this.#box.remove();
  }

  #send(message: ToTable): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromTable): void {
    switch (message.type) {
      case "table":
        return this.#take(message);
      case "looked":
        return this.#looked(message);
      case "rows":
        if (message.look === this.#look) this.#fill(message.from, message.cells);
        return;
      case "failed":
        return this.#fail(message.reason);
    }
  }

  #fail(reason: string): void {
    this.#scroller.hidden = true;
    this.#said.classList.add("failed");
    this.#said.textContent = `${this.#options.name} can't be shown as a table: ${reason}`;
  }

  /** More of the table is read. */
  #take({ columns, rows, progress, notes = [], tables, table }: Extract<FromTable, { type: "table" }>): void {
    if (tables && this.#choice.options.length === 0) this.#offer(tables, table);
    const isNew = columns.some(({ name, kind }, index) => {
      const known = this.#columns[index];
      return known?.name !== name || known.kind !== kind;
    });
    this.#all = rows;
    this.#rows = rows;
    this.#isWhole = progress === 1;
    this.#columns = columns.slice(0, MOST_COLUMNS);
    if (isNew) this.#drawHead(columns.length);
    this.#notes.textContent = notes.join(" ");
    this.#notes.hidden = notes.length === 0;
    this.#scroller.hidden = columns.length === 0;
    this.#scroller.setAttribute("aria-colcount", String(columns.length));
    this.#say(columns.length, progress);
    this.#layOut();
    // Columns may have got another kind.
    if (this.#shown && !isNew && !this.#isWhole) return;
    this.#shown = undefined;
    this.#draw();
  }

  /** The tables of the file, to choose from. */
  #offer(tables: readonly TableInfo[], shown: string | undefined): void {
    for (const { name, rows } of tables) {
      const option = make("option", "");
      option.value = name;
      option.textContent = rows === undefined ? name : `${name} · ${rows.toLocaleString("en")} rows`;
      option.selected = name === shown;
      this.#choice.append(option);
    }
    this.#choice.hidden = tables.length < 2;
  }

  #say(count: number, progress = 1): void {
    const rows = counted(this.#all, "row");
    const columns = counted(count, "column");
    const parts = [
      this.#rows === this.#all ? rows : `${this.#rows.toLocaleString("en")} of ${rows}`,
      count > MOST_COLUMNS ? `the first ${MOST_COLUMNS} of ${columns}` : columns,
    ];
    if (progress < 1) parts.push(`${Math.floor(progress * 100)} % read`);
    this.#said.textContent = parts.join(" · ");
    this.#scroller.setAttribute("aria-rowcount", String(this.#rows + 1));
  }

  #looked({ look, rows, summaries }: Extract<FromTable, { type: "looked" }>): void {
    this.#look = look;
    this.#rows = rows;
    this.#shown = undefined;
    this.#box.classList.remove("busy");
    this.#say(this.#columns.length);
    this.#drawFoot(summaries);
    this.#layOut();
    this.#draw();
    performance.measure("kroma-table-look", { start: this.#started, end: performance.now() });
  }

  #ask(): void {
    this.#asked += 1;
    this.#started = performance.now();
    this.#box.classList.add("busy");
    this.#send({
      type: "look",
      look: this.#asked,
      view: { sort: this.#sort, filters: Object.fromEntries(this.#filters) },
    });
  }

  #drawHead(count: number): void {
    this.#filters.clear();
    this.#sort = undefined;
    this.#head.replaceChildren(
      ...this.#columns.map(({ name, kind }, index) => {
        const cell = make("div", `kroma-grid-cell ${kind}`);
        cell.setAttribute("role", "columnheader");
        const button = make("button", "kroma-grid-name");
        button.type = "button";
        button.textContent = name;
        button.title = `Sort by ${name}`;
        button.addEventListener("click", () => this.#sortBy(index));
        const filter = make("input", "kroma-grid-filter");
        filter.type = "search";
        filter.placeholder = kind === "number" || kind === "time" ? "> < = a..b" : "contains";
        filter.setAttribute("aria-label", `Filter ${name}`);
        filter.addEventListener("input", () => {
          this.#filters.set(index, filter.value);
          clearTimeout(this.#typing);
          this.#typing = setTimeout(() => this.#ask(), TYPING_PAUSE);
        });
        cell.append(button, filter);
        return cell;
      }),
    );
    this.#foot.hidden = true;
    this.#foot.replaceChildren();
    this.#isMeasured = false;
    this.#measure([]);
    this.#say(count);
  }

  /** Up, down, and as it came. */
  #sortBy(column: number): void {
    if (this.#sort?.column !== column) this.#sort = { column, descending: false };
    else this.#sort = this.#sort.descending ? undefined : { column, descending: true };
    for (const [index, cell] of [...this.#head.children].entries()) {
      const isSorted = this.#sort?.column === index;
      if (isSorted) cell.setAttribute("aria-sort", this.#sort?.descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
    this.#ask();
  }

  #drawFoot(summaries: readonly (Summary | undefined)[]): void {
    this.#foot.hidden = !summaries.some((summary) => summary !== undefined);
    this.#foot.replaceChildren(
      ...this.#columns.map((_, index) => {
        const summary = summaries[index];
        const cell = make("div", `kroma-grid-cell ${summary ? "number" : ""}`);
        cell.setAttribute("role", "cell");
        if (!summary || summary.count === 0) return cell;
        const { count, sum, least, most } = summary;
        cell.textContent = `Σ ${short(sum)}`;
        cell.title = `${count.toLocaleString("en")} numbers\nsum ${numberText(sum)}\nmean ${numberText(sum / count)}\nfrom ${numberText(least)} to ${numberText(most)}`;
        return cell;
      }),
    );
    this.#setWidths();
  }

  #layOut(): void {
    const height = Math.min(this.#rows * ROW_HEIGHT, HIGHEST);
    this.#sheet.style.height = `${height}px`;
    this.#scroller.style.setProperty("--rows", String(Math.min(this.#rows, BOX_ROWS)));
  }

  /** Where the first row in sight is, in rows, and the pixels by which a row is moved. */
  #place(): { readonly first: number; readonly count: number; readonly offset: number } {
    const { scrollTop, clientHeight } = this.#scroller;
    const room = clientHeight - this.#head.offsetHeight - this.#foot.offsetHeight;
    const count = Math.ceil(room / ROW_HEIGHT) + 1;
    const whole = this.#rows * ROW_HEIGHT;
    const height = Math.min(whole, HIGHEST);
    const scale = height <= room ? 1 : (whole - room) / (height - room);
    const top = scrollTop * scale;
    return { first: Math.floor(top / ROW_HEIGHT), count, offset: scrollTop - top };
  }

  #draw(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      const { first, count } = this.#place();
      const from = Math.max(0, first - OVERSCAN);
      const to = Math.min(this.#rows, first + count + OVERSCAN);
      this.#move();
      if (
        this.#shown &&
        this.#shown.from <= Math.max(0, first - 1) &&
        this.#shown.to >= Math.min(this.#rows, first + count)
      )
        return;
      this.#send({ type: "rows", look: this.#look, from, to });
    });
  }

  #measure(cells: readonly (readonly string[])[]): void {
    this.#longest = this.#columns.map(({ name }, index) =>
      Math.max(name.length + 1, ...cells.map((words) => (words[index] ?? "").length)),
    );
    this.#setWidths();
  }

  /** Columns as wide as the names, the first rows and the sums, within reason; what is longer is cut off. */
  #setWidths(): void {
    const widths = this.#longest.map((longest, index) => {
      const sum = this.#foot.children[index]?.textContent.length ?? 0;
      return `${Math.min(WIDEST, Math.max(NARROWEST, longest, sum)) + 4}ch`;
    });
    this.#scroller.style.setProperty("--columns", widths.join(" "));
  }

  #fill(from: number, cells: readonly (readonly string[])[]): void {
    if (!this.#isMeasured && cells.length > 0) {
      this.#isMeasured = true;
      this.#measure(cells);
    }
    const rows = cells.map((words, index) => {
      const row = make("div", "kroma-grid-row");
      row.setAttribute("role", "row");
      row.setAttribute("aria-rowindex", String(from + index + 2));
      for (const [column, { kind }] of this.#columns.entries()) {
        const cell = make("div", `kroma-grid-cell ${kind}`);
        cell.setAttribute("role", "cell");
        const word = words[column] ?? "";
        cell.textContent = word.length > 300 ? `${word.slice(0, 300)}…` : word;
        if (word.length > WIDEST) cell.title = word.slice(0, 2000);
        row.append(cell);
      }
      return row;
    });
    this.#sheet.replaceChildren(...rows);
    this.#shown = { from, to: from + cells.length };
    this.#move();
    // What came may be of a place that was left meanwhile.
    this.#draw();
  }

  /** Puts the rows where they belong. Where a pixel of the bar is several of the table, that changes as it scrolls. */
  #move(): void {
    if (!this.#shown) return;
    const { offset } = this.#place();
    this.#sheet.style.setProperty("--top", `${this.#shown.from * ROW_HEIGHT + offset}px`);
  }
}

function make<Name extends keyof HTMLElementTagNameMap>(name: Name, className: string): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  element.className = className;
  return element;
}

const counted = (count: number, what: string): string =>
  `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

const short = (value: number): string =>
  Math.abs(value) >= 1e15 || (value !== 0 && Math.abs(value) < 1e-4)
    ? value.toExponential(4)
    : value.toLocaleString("en", { maximumFractionDigits: 4 });
