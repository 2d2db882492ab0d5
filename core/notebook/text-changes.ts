/**
 * Changes of a text in the JSON form of CodeMirror's ChangeSet, read and made with plain code, so that the document
 * worker needs no editor. A part that is a number keeps that many UTF-16 code units; `[n, ...lines]` replaces n of them.
 */
import { KromaError } from "../base/errors.ts";
import type { TextUpdate } from "./messages.ts";

/** One change of a whole text: the parts cover the old text exactly. */
export type TextChanges = TextUpdate["changes"];

/** At `at` of the text as it then is, `remove` code units give way to `insert`. */
export interface Splice {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

/** Half-open range of code units. */
export interface TextRange {
  readonly from: number;
  readonly to: number;
}

/** The change as splices to be done one after the other. `invalid` when it is malformed or not for a text this long. */
export function splicesOf(changes: TextChanges, length: number): readonly Splice[] {
  const splices: Splice[] = [];
  let old = 0;
  let at = 0;
  for (const part of changes as readonly unknown[]) {
    if (isCount(part)) {
      old += part;
      at += part;
      continue;
    }
    if (!Array.isArray(part) || !isCount(part[0])) throw new KromaError("invalid", "A text change is malformed.");
    const lines: readonly unknown[] = part.slice(1);
    if (!lines.every((line) => typeof line === "string"))
      throw new KromaError("invalid", "A text change is malformed.");
    const insert = lines.join("\n");
    splices.push({ at, remove: part[0], insert });
    old += part[0];
    at += insert.length;
  }
  if (old !== length)
    throw new KromaError("invalid", `A text change is for ${old} characters, the text has ${length}.`);
  return splices;
}

/** The text after the change. `invalid` when the change is not for it. */
export function applyTextChanges(text: string, changes: TextChanges): string {
  let result = text;
  for (const { at, remove, insert } of splicesOf(changes, text.length)) {
    result = result.slice(0, at) + insert + result.slice(at + remove);
  }
  return result;
}

/** The change that does one splice on a text of `length`. */
export function spliceChanges(length: number, { at, remove, insert }: Splice): TextChanges {
  const parts: (number | [number, ...string[]])[] = [];
  if (at > 0) parts.push(at);
  parts.push(insert === "" ? [remove] : [remove, ...insert.split("\n")]);
  if (length > at + remove) parts.push(length - at - remove);
  return parts;
}

/** The smallest single replacement that makes `after` out of `before`, on code point borders; undefined when equal. */
export function diffText(before: string, after: string): TextChanges | undefined {
  if (before === after) return undefined;
  const limit = Math.min(before.length, after.length);
  let start = 0;
  while (start < limit && before.charCodeAt(start) === after.charCodeAt(start)) start += 1;
  let end = 0;
  while (
    end < limit - start &&
    before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)
  ) {
    end += 1;
  }
  if (start > 0 && isHighSurrogate(before.charCodeAt(start - 1))) start -= 1;
  if (end > 0 && isLowSurrogate(before.charCodeAt(before.length - end))) end -= 1;
  const remove = before.length - end - start;
  return spliceChanges(before.length, { at: start, remove, insert: after.slice(start, after.length - end) });
}

/** Splices done one after the other, as one change; undefined when they change nothing. */
export function composeSplices(before: string, splices: readonly Splice[]): TextChanges | undefined {
  // The new text as pieces of the old one and pieces of new text, cut anew by every splice.
  let pieces: (TextRange | string)[] = before.length > 0 ? [{ from: 0, to: before.length }] : [];
  for (const { at, remove, insert } of splices) {
    const next: (TextRange | string)[] = [];
    let position = 0;
    let inserted = false;
    for (const piece of pieces) {
      const length = pieceLength(piece);
      const cutFrom = Math.min(Math.max(at - position, 0), length);
      const cutTo = Math.min(Math.max(at + remove - position, 0), length);
      if (cutFrom > 0) next.push(slicePiece(piece, 0, cutFrom));
      if (!inserted && at < position + length) {
        if (insert !== "") next.push(insert);
        inserted = true;
      }
      if (cutTo < length) next.push(slicePiece(piece, Math.max(cutTo, cutFrom), length));
      position += length;
    }
    if (!inserted && insert !== "") next.push(insert);
    pieces = next;
  }
  return fromPieces(before.length, pieces);
}

/** Where ranges of the old text are in the new one. What others put inside a range is left out of it. */
export function mapRanges(ranges: readonly TextRange[], changes: TextChanges): readonly TextRange[] {
  const mapped: TextRange[] = [];
  let old = 0;
  let now = 0;
  for (const part of changes) {
    if (typeof part === "number") {
      for (const range of ranges) {
        const from = Math.max(range.from, old);
        const to = Math.min(range.to, old + part);
        if (to > from) mapped.push({ from: from - old + now, to: to - old + now });
      }
      old += part;
      now += part;
    } else {
      old += part[0];
      now += insertedLength(part);
    }
  }
  return mapped.sort((left, right) => left.from - right.from);
}

/** Where a place in the old text is in the new one; text put exactly there comes after it. */
export function mapPosition(position: number, changes: TextChanges): number {
  let old = 0;
  let now = 0;
  for (const part of changes) {
    const length = typeof part === "number" ? part : part[0];
    if (position < old + length) return typeof part === "number" ? now + position - old : now;
    if (position === old && length === 0) return now;
    old += length;
    now += typeof part === "number" ? part : insertedLength(part);
  }
  return now;
}

/** True when the text has a half of a surrogate pair by itself, which no UTF-8 can hold. */
export function hasLoneSurrogate(text: string): boolean {
  return !text.isWellFormed();
}

/** True when `at` lies between the two halves of a surrogate pair. */
export function splitsPair(text: string, at: number): boolean {
  return at > 0 && at < text.length && isHighSurrogate(text.charCodeAt(at - 1)) && isLowSurrogate(text.charCodeAt(at));
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;

function isCount(part: unknown): part is number {
  return typeof part === "number" && Number.isInteger(part) && part >= 0;
}

function insertedLength(part: readonly [number, ...string[]]): number {
  let length = Math.max(0, part.length - 2);
  for (let index = 1; index < part.length; index += 1) length += String(part[index]).length;
  return length;
}

const pieceLength = (piece: TextRange | string): number =>
  typeof piece === "string" ? piece.length : piece.to - piece.from;

function slicePiece(piece: TextRange | string, from: number, to: number): TextRange | string {
  return typeof piece === "string" ? piece.slice(from, to) : { from: piece.from + from, to: piece.from + to };
}

function fromPieces(length: number, pieces: readonly (TextRange | string)[]): TextChanges | undefined {
  const parts: (number | [number, ...string[]])[] = [];
  let old = 0;
  let insert = "";
  const flush = (upTo: number) => {
    if (upTo > old || insert !== "") parts.push(insert === "" ? [upTo - old] : [upTo - old, ...insert.split("\n")]);
    old = upTo;
    insert = "";
  };
  for (const piece of pieces) {
    if (typeof piece === "string") {
      insert += piece;
      continue;
    }
    flush(piece.from);
    const last = parts.at(-1);
    if (typeof last === "number") parts[parts.length - 1] = last + piece.to - piece.from;
    else parts.push(piece.to - piece.from);
    old = piece.to;
  }
  flush(length);
  return parts.some((part) => typeof part !== "number") ? parts : undefined;
}
