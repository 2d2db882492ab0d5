/**
 * Shows a TerminalText of any length: only the rows in sight are in the document, as one block of text.
 * The box has room for 24 rows and then scrolls inside, following the end unless the reader has scrolled up.
 * "Show all" lets the box grow; what is in the document stays what is in sight.
 */
import { paintOf } from "./colours.ts";
import { saveFile, copyText } from "./files.ts";
import { PLAIN, safeLink, type Style } from "./terminal-style.ts";
import { textOf, type TerminalText } from "./terminal-text.ts";

const ROW_HEIGHT = 20;
const BOX_ROWS = 24;
const SHOWN_ROWS = 2000;
const OVERSCAN = 6;
/** Browsers give up on elements higher than about 33 million pixels. */
const HIGHEST = 16_000_000;

/** Part of a row that does something when it is activated. */
export interface Spot {
  readonly start: number;
  readonly end: number;
  readonly activate: () => void;
  readonly title: string;
}

export interface LineViewOptions {
  /** How a screen reader calls the box. */
  readonly label: string;
  /** Name of the file that "Save to file" makes. */
  readonly fileName: string;
  readonly dark: () => boolean;
  /** True: stay at the end while it grows. */
  readonly follow: boolean;
  readonly spots?: (row: string) => readonly Spot[];
}

/** What `showLines` returns. */
export interface LineView {
  /** To be called when the text or the theme has changed; paints in the next frame. */
  update(): void;
  close(): void;
}

/** Shows `text` in `element` until closed. */
export function showLines(element: HTMLElement, text: TerminalText, options: LineViewOptions): LineView {
  const box = document.createElement("div");
  box.className = "kroma-lines";
  const scroller = document.createElement("div");
  scroller.className = "kroma-lines-box";
  scroller.setAttribute("role", "log");
  scroller.setAttribute("aria-live", "off");
  scroller.setAttribute("aria-label", options.label);
  const sheet = document.createElement("div");
  sheet.className = "kroma-lines-sheet";
  const block = document.createElement("div");
  block.className = "kroma-lines-text";
  sheet.append(block);
  scroller.append(sheet);
  box.append(scroller);
  element.append(box);

  let frame = 0;
  let follows = options.follow;
  let isTall = false;
  let tools: Tools | undefined;
  let first = -1;
  let last = -1;
  let shownCount = -1;
  let shownWidth = -1;
  let isStale = true;
  /** Where following the end has put the box. */
  let placed = 0;

  const rowsInBox = () => Math.min(text.count, isTall ? SHOWN_ROWS : BOX_ROWS);
  const layOut = () => {
    const count = text.count;
    const isLong = count > BOX_ROWS;
    if (count !== shownCount) {
      // A short text's box has its own height, whatever a scroll bar below it takes.
      scroller.style.maxHeight = isLong ? `${rowsInBox() * ROW_HEIGHT}px` : "";
      sheet.style.height = `${Math.min(count * ROW_HEIGHT, HIGHEST)}px`;
      shownCount = count;
    }
    if (text.widest !== shownWidth) {
      sheet.style.minWidth = `${text.widest}ch`;
      shownWidth = text.widest;
    }
    if (isLong && !tools) {
      tools = makeTools(text, options, () => {
        isTall = !isTall;
        shownCount = -1;
        setTall(isTall);
        update();
        return isTall;
      });
      box.append(tools.element);
    }
    if (tools) {
      tools.element.hidden = !isLong;
      tools.setCount(count);
    }
  };
  const paint = () => {
    frame = 0;
    layOut();
    const count = text.count;
    const height = Math.min(count * ROW_HEIGHT, HIGHEST);
    const view = rowsInBox() * ROW_HEIGHT;
    // The box may have been scrolled since without a scroll event having come yet.
    if (follows && scroller.scrollTop < Math.min(placed, height - view) - 1) follows = false;
    if (follows && height > view) {
      scroller.scrollTop = height;
      placed = scroller.scrollTop;
    }
    // Beyond the highest element a pixel stands for more than a pixel's worth of rows.
    const scale = height > view ? Math.max(1, (count * ROW_HEIGHT - view) / (height - view)) : 1;
    const [from, to] = visiblePart(scroller, isTall);
    const top = from * scale;
    const start = Math.max(0, Math.min(Math.floor(top / ROW_HEIGHT) - OVERSCAN, count - 1));
    const end = Math.min(count, Math.ceil((top + (to - from)) / ROW_HEIGHT) + OVERSCAN);
    if (!isStale && start === first && end === last) return;
    const kept = keepSelection(block, first);
    first = start;
    last = end;
    isStale = false;
    block.style.transform = `translateY(${start * ROW_HEIGHT - top + from}px)`;
    block.replaceChildren(drawRows(text, start, end, options));
    kept(start, end);
  };
  const update = () => {
    isStale = true;
    schedule();
  };
  const schedule = () => {
    if (frame === 0) frame = requestAnimationFrame(paint);
  };
  const onScroll = () => {
    const gap = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    follows = options.follow && gap < ROW_HEIGHT;
    schedule();
  };
  const setTall = (tall: boolean) => {
    if (tall) document.addEventListener("scroll", schedule, { capture: true, passive: true });
    else document.removeEventListener("scroll", schedule, { capture: true });
  };
  scroller.addEventListener("scroll", onScroll, { passive: true });
  const onResize = new ResizeObserver(() => {
    // A tab stop only where there is something to scroll.
    if (scroller.scrollHeight > scroller.clientHeight || scroller.scrollWidth > scroller.clientWidth)
      scroller.tabIndex = 0;
    else scroller.removeAttribute("tabindex");
    schedule();
  });
  onResize.observe(scroller);
  onResize.observe(sheet);
  // The first rows are there at once, so that a cell never shows an empty box.
  paint();
  return {
    update,
    close() {
      cancelAnimationFrame(frame);
      onResize.disconnect();
      setTall(false);
      box.remove();
    },
  };
}

/** The part of the scroller that can be seen, in pixels from the top of what it scrolls. */
function visiblePart(scroller: HTMLElement, clip: boolean): [number, number] {
  const from = scroller.scrollTop;
  const height = scroller.clientHeight || BOX_ROWS * ROW_HEIGHT;
  if (!clip) return [from, from + Math.min(height, BOX_ROWS * ROW_HEIGHT)];
  const { top } = scroller.getBoundingClientRect();
  const above = Math.max(0, -top);
  const below = Math.min(height, window.innerHeight - top);
  return [from + Math.min(above, height), from + Math.max(Math.min(above, height), below)];
}

interface Tools {
  readonly element: HTMLElement;
  setCount(count: number): void;
}

function makeTools(text: TerminalText, options: LineViewOptions, toggle: () => boolean): Tools {
  const element = document.createElement("div");
  element.className = "kroma-lines-tools";
  const count = document.createElement("span");
  const all = makeButton("Show all", () => {
    all.textContent = toggle() ? "Show less" : "Show all";
  });
  const save = makeButton("Save to file", () =>
    saveFile(options.fileName, new Blob([...text.plain()], { type: "text/plain" })),
  );
  const copy = makeButton("Copy", async () => {
    copy.textContent = (await copyText([...text.plain()].join(""))) ? "Copied" : "Not copied";
    setTimeout(() => {
      copy.textContent = "Copy";
    }, 1500);
  });
  element.append(count, all, save, copy);
  return {
    element,
    setCount(value) {
      const words = `${value.toLocaleString("en")} lines`;
      if (count.textContent !== words) count.textContent = words;
    },
  };
}

function makeButton(label: string, onClick: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "kroma-quiet-button";
  button.textContent = label;
  button.addEventListener("click", onClick);
  return button;
}

const ADDRESS = /https?:\/\/[^\s<>"'`]+/g;

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly style: Style;
  readonly link?: string | undefined;
  readonly spot?: Spot | undefined;
}

/** The rows as nodes: neighbouring plain text is one text node, however many rows it spans. */
function drawRows(text: TerminalText, start: number, end: number, options: LineViewOptions): DocumentFragment {
  const fragment = document.createDocumentFragment();
  const dark = options.dark();
  let plain = "";
  const flush = () => {
    if (plain !== "") fragment.append(plain);
    plain = "";
  };
  for (let index = start; index < end; index += 1) {
    const row = text.row(index);
    const words = textOf(row);
    if (index > start) plain += "\n";
    for (const piece of piecesOf(words, typeof row === "string" ? [] : row.runs, options)) {
      const part = words.slice(piece.start, piece.end);
      if (piece.style === PLAIN && !piece.link && !piece.spot) {
        plain += part;
        continue;
      }
      flush();
      fragment.append(drawPiece(part, piece, dark));
    }
  }
  flush();
  return fragment;
}

function piecesOf(
  words: string,
  runs: readonly { start: number; end: number; style: Style }[],
  options: LineViewOptions,
): Piece[] {
  const marks: Omit<Piece, "style">[] = [];
  if (words.includes("://")) {
    for (const match of words.matchAll(ADDRESS)) {
      const address = match[0].replace(/[.,;:!?)\]}]+$/, "");
      const link = safeLink(address);
      if (link) marks.push({ start: match.index, end: match.index + address.length, link });
    }
  }
  for (const spot of options.spots?.(words) ?? []) marks.push({ start: spot.start, end: spot.end, spot });
  if (marks.length === 0 && runs.length === 0) return [{ start: 0, end: words.length, style: PLAIN }];
  const cuts = new Set([0, words.length]);
  for (const part of [...marks, ...runs])
    cuts.add(Math.min(part.start, words.length)).add(Math.min(part.end, words.length));
  const places = [...cuts].sort((a, b) => a - b);
  const pieces: Piece[] = [];
  let runAt = 0;
  for (let at = 0; at + 1 < places.length; at += 1) {
    const start = places[at]!;
    const end = places[at + 1]!;
    while (runAt < runs.length && runs[runAt]!.end <= start) runAt += 1;
    const run = runs[runAt];
    const mark = marks.find((candidate) => candidate.start <= start && candidate.end >= end);
    const style = run && run.start <= start ? run.style : PLAIN;
    pieces.push({ start, end, style, link: style.link ?? mark?.link, spot: mark?.spot });
  }
  return pieces;
}

function drawPiece(words: string, piece: Piece, dark: boolean): HTMLElement {
  const { style, link, spot } = piece;
  const node = document.createElement(link ? "a" : spot ? "button" : "span");
  node.textContent = words;
  if (node instanceof HTMLAnchorElement) {
    node.href = link ?? "";
    node.target = "_blank";
    node.rel = "noopener noreferrer";
  } else if (node instanceof HTMLButtonElement && spot) {
    node.type = "button";
    node.className = "kroma-spot";
    node.title = spot.title;
    node.addEventListener("click", spot.activate);
  }
  if (style === PLAIN) return node;
  const { color, background } = paintOf(style, dark);
  if (style.hidden) node.style.color = "transparent";
  else if (color) node.style.color = color;
  if (background) node.style.backgroundColor = background;
  if (style.bold) node.style.fontWeight = "700";
  if (style.dim && !color) node.style.color = "var(--text-quiet, #57524a)";
  if (style.italic) node.style.fontStyle = "italic";
  if (style.underline || style.strike) {
    node.style.textDecoration = `${style.underline ? "underline" : ""} ${style.strike ? "line-through" : ""}`;
  }
  return node;
}

/** Remembers the selection inside `block` by row and offset; the returned function puts it back after a repaint. */
function keepSelection(block: HTMLElement, first: number): (start: number, end: number) => void {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || !selection.anchorNode || !selection.focusNode) return () => undefined;
  if (!block.contains(selection.anchorNode) || !block.contains(selection.focusNode)) return () => undefined;
  const placeOf = (node: Node, offset: number) => {
    const range = document.createRange();
    range.selectNodeContents(block);
    range.setEnd(node, offset);
    const rows = range.toString().split("\n");
    return { row: first + rows.length - 1, column: rows.at(-1)?.length ?? 0 };
  };
  const anchor = placeOf(selection.anchorNode, selection.anchorOffset);
  const focus = placeOf(selection.focusNode, selection.focusOffset);
  return (start, end) => {
    const rows = (block.textContent ?? "").split("\n");
    const find = (place: { row: number; column: number }): [Node, number] => {
      if (place.row < start) return [block, 0];
      if (place.row >= end) return [block, block.childNodes.length];
      let rest = place.column;
      for (let index = 0; index < place.row - start; index += 1) rest += (rows[index]?.length ?? 0) + 1;
      const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const length = node.nodeValue?.length ?? 0;
        if (rest <= length) return [node, rest];
        rest -= length;
      }
      return [block, block.childNodes.length];
    };
    selection.setBaseAndExtent(...find(anchor), ...find(focus));
  };
}
