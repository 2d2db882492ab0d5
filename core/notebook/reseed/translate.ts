/**
 * The operations of one change, said anew in terms of another document: the same ones wherever it is done, since
 * everything depends on the change, on those before it and on the two states only. What can't mean anything in the other
 * document is left out: the deletion of a character that is gone there, a value in a map that is gone there.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../../base/errors.ts";
import { byOperation, type DecodedChange, type DecodedOperation } from "../decoded-change.ts";
import type { StateSide } from "./correspondence.ts";
import { HISTORY_KEY } from "./seed.ts";

/** What an operation has become, and where it stands in the document that it is of. */
export interface Translated {
  readonly id: string;
  readonly place: string;
}

/** Everything of a change but its operations. */
export interface ChangeFrame {
  readonly actor: string;
  readonly seq: number;
  readonly startOp: number;
  /** The highest operation of those that it builds on. */
  readonly after: number;
  readonly deps: readonly string[];
  readonly time: number;
  readonly message: string | undefined;
  readonly author: string | undefined;
}

/** A translated change, what the operations of the original have become, by their ids, and what they were. */
export interface Translation {
  readonly bytes: Uint8Array;
  readonly hash: string;
  readonly became: ReadonlyMap<string, Translated>;
  readonly were: ReadonlyMap<string, Translated>;
  /** Its highest operation. */
  readonly maxOp: number;
}

/** Automerge keeps numbers of operations in 32 bits. */
const MOST_OPERATION = 2 ** 32 - 2;
const ACTIONS: ReadonlySet<string> = new Set(["set", "del", "inc", "makeMap", "makeText", "makeList", "makeTable"]);

/** A change, decoded. `corrupt` when it is none. */
export function decodeChange(bytes: Uint8Array): DecodedChange {
  try {
    return Automerge.decodeChange(bytes) as unknown as DecodedChange;
  } catch (error) {
    throw new KromaError("corrupt", "These bytes are no change of a notebook.", { cause: error });
  }
}

/** The same change in terms of the other document. `earlier` is what the operations of changes before it have become. */
export function translateChange(
  change: DecodedChange,
  frame: ChangeFrame,
  side: StateSide,
  earlier: (operation: string) => Translated | undefined,
): Translation {
  const became = new Map<string, Translated>();
  const were = new Map<string, Translated>();
  const ops: DecodedOperation[] = [];
  const find = (id: string, place?: string): string | undefined => {
    const found = became.get(id) ?? earlier(id);
    return found && (place === undefined || found.place === place) ? found.id : undefined;
  };
  change.ops.forEach((operation, index) => {
    const own = `${change.startOp + index}@${change.actor}`;
    const place = placeOf(operation, own);
    const said = sayAnew(operation, place, side, find);
    if (said === undefined) return;
    const id = `${frame.startOp + ops.length}@${frame.actor}`;
    became.set(own, { id, place });
    were.set(id, { id: own, place: placeOf(said, id) });
    ops.push(said);
  });
  // Automerge can't read again what it saves of a change without operations whose numbers leave a gap.
  const startOp = ops.length === 0 ? frame.after + 1 : frame.startOp;
  const maxOp = startOp + ops.length - 1;
  if (maxOp > MOST_OPERATION)
    throw new KromaError("corrupt", "A change of this notebook has numbers that are too high.");
  return { ...encode({ ...frame, startOp }, ops), became, were, maxOp };
}

function sayAnew(
  operation: DecodedOperation,
  place: string,
  side: StateSide,
  find: (id: string, place?: string) => string | undefined,
): DecodedOperation | undefined {
  const { action, obj, key, elemId, insert, pred } = operation;
  const target = obj === "_root" ? obj : (find(obj) ?? side.object(obj));
  if (target === undefined || !ACTIONS.has(action)) return undefined;
  const before = pred.flatMap((id) => find(id, place) ?? []);
  if (key !== undefined) {
    // It speaks of one document only.
    if (obj === "_root" && key === HISTORY_KEY) return undefined;
    const overwritten = [...before, ...side.values(obj, key, pred)];
    if (overwritten.length === 0 && (action === "del" || action === "inc")) return undefined;
    return { ...operation, obj: target, pred: inOrder(overwritten) };
  }
  if (elemId === undefined) return undefined;
  const later = elemId === "_head" ? undefined : find(elemId, `${obj} #${elemId}`);
  // Behind something that is no character, and left out for it, a text is not lost: it goes to the front.
  if (insert) return { ...operation, obj: target, elemId: later ?? side.anchor(obj, elemId) ?? "_head", pred: [] };
  const element = later ?? side.element(obj, elemId);
  if (element === undefined) return undefined;
  const isOfState = later === undefined && pred.includes(elemId);
  const overwritten = isOfState ? [...before, element] : before;
  return overwritten.length === 0
    ? undefined
    : { ...operation, obj: target, elemId: element, pred: inOrder(overwritten) };
}

const placeOf = ({ obj, key, elemId, insert }: DecodedOperation, own: string): string =>
  key === undefined ? `${obj} #${insert ? own : elemId}` : `${obj} ${key}`;

const inOrder = (operations: readonly string[]): readonly string[] => [...new Set(operations)].sort(byOperation);

function encode(
  { actor, seq, startOp, time, author, message, deps }: ChangeFrame,
  ops: readonly DecodedOperation[],
): { readonly bytes: Uint8Array; readonly hash: string } {
  const bytes = Automerge.encodeChange({
    actor,
    seq,
    startOp,
    time,
    message: message ?? null,
    deps: [...new Set(deps)].sort(),
    ops: ops as unknown as Automerge.DecodedChange["ops"],
    author: null,
    ...(author === undefined ? {} : { extra_bytes: authorBytes(author) }),
  });
  return { bytes, hash: Automerge.decodeChange(bytes).hash };
}

/** How Automerge keeps the author with the first change of an actor: the number 1, a length, and the author's bytes. */
function authorBytes(author: string): number[] {
  const bytes = (author.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
  const length: number[] = [];
  for (let left = bytes.length; ; left >>>= 7) {
    length.push(left > 127 ? (left & 127) | 128 : left);
    if (left <= 127) break;
  }
  return [1, ...length, ...bytes];
}
