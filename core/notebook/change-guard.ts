/**
 * Looks at changes of others before they go into a document. Automerge 3.5 takes changes that it can't read again once the
 * document was saved (measured: an operation that overwrites one of another key, a deletion of nothing, numbers that do not
 * go up), so one of them would make a notebook unreadable for everybody who keeps it. A few changes are looked at one by
 * one, which takes a tenth of a millisecond each. What is not plainly sound, or too much for that, is tried out on a copy.
 */
import * as Automerge from "@automerge/automerge/slim";
import { concatenate } from "../base/bytes.ts";
import { KromaError } from "../base/errors.ts";
import { chunksOf } from "./chunk-guard.ts";
import { DUPLICATE, type DecodedChange, type DecodedOperation } from "./decoded-change.ts";

type Backend = ReturnType<typeof Automerge.getBackend>;

/** So many are looked at one by one: more are tried out sooner. */
const MOST_CHANGES = 500;
const MOST_OPERATIONS = 20_000;
const CHUNK_TYPE_AT = 8;
const DOCUMENT_CHUNK = 0;
const MAKES: ReadonlyMap<string, "map" | "list"> = new Map([
  ["makeMap", "map"],
  ["makeTable", "map"],
  ["makeList", "list"],
  ["makeText", "list"],
]);
const ACTIONS: ReadonlySet<string> = new Set(["set", "del", "inc", ...MAKES.keys()]);

/**
 * `corrupt` when the document could not be read again with these changes in it, which have been inspected (chunk-guard.ts) and
 * have so many operations. The document stays as it is.
 */
export function checkChanges(
  document: Automerge.Doc<unknown>,
  pieces: readonly Uint8Array[],
  operations: number,
): void {
  const chunks = pieces.flatMap(chunksOf);
  const isDocument = (chunk: Uint8Array): boolean => chunk[CHUNK_TYPE_AT] === DOCUMENT_CHUNK;
  // Whole documents Automerge reads as it reads those that were saved.
  if (chunks.every(isDocument) && (chunks.length === 0 || Automerge.getHeads(document).length === 0)) return;
  const isMuch = chunks.length > MOST_CHANGES || operations > MOST_OPERATIONS || chunks.some(isDocument);
  if (isMuch || !areSound(document, chunks)) tryOut(document, chunks);
}

/** `corrupt` when the document could not be read again once it was saved. */
export function checkDocument(document: Automerge.Doc<unknown>): void {
  let again: Automerge.Doc<unknown> | undefined;
  try {
    again = Automerge.load<unknown>(Automerge.save(document));
    if (isSame(Automerge.getHeads(again), Automerge.getHeads(document))) return;
  } catch (error) {
    throw refusal(error);
  } finally {
    if (again) Automerge.free(again);
  }
  throw refusal(undefined);
}

function tryOut(document: Automerge.Doc<unknown>, chunks: readonly Uint8Array[]): void {
  let trial = Automerge.clone(document);
  try {
    trial = Automerge.loadIncremental(trial, concatenate([...chunks]));
    checkDocument(trial);
  } catch (error) {
    if (!String(error).includes(DUPLICATE)) throw refusal(error);
  } finally {
    Automerge.free(trial);
  }
}

const refusal = (cause: unknown): KromaError =>
  cause instanceof KromaError
    ? cause
    : new KromaError("corrupt", "These changes are not sound: with them the notebook could not be read again.", {
        cause,
      });

const isSame = (some: readonly string[], others: readonly string[]): boolean =>
  some.toSorted().join() === others.toSorted().join();

/** True when each operation is plainly one that an honest program makes. */
function areSound(document: Automerge.Doc<unknown>, chunks: readonly Uint8Array[]): boolean {
  // What waits for others is not looked at before it is taken.
  if (Automerge.getMissingDeps(document, []).length > 0) return false;
  const look = new Look(Automerge.getBackend(document));
  let waiting: DecodedChange[];
  try {
    waiting = chunks.map((chunk) => Automerge.decodeChange(chunk) as unknown as DecodedChange);
  } catch {
    return false;
  }
  while (waiting.length > 0) {
    const later = waiting.filter((change) => !look.knows(change.deps));
    if (later.length === waiting.length) return false;
    for (const change of waiting) if (look.knows(change.deps) && !look.takes(change)) return false;
    waiting = waiting.filter(({ hash }) => !look.knows([hash]));
  }
  return true;
}

/** Changes that build on a document and on each other, and where their operations are. */
class Look {
  readonly #backend: Backend;
  /** By hash: the highest operation, and the changes of the document that it builds on. */
  readonly #changes = new Map<string, { readonly maxOp: number; readonly base: readonly string[] }>();
  readonly #places = new Map<string, string>();
  readonly #objects = new Map<string, "map" | "list" | undefined>([["_root", "map"]]);
  readonly #inDocument = new Set<string>(["_root"]);

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  knows(hashes: readonly string[]): boolean {
    return hashes.every((hash) => this.#find(hash) !== undefined);
  }

  /** False when something of the change, whose dependencies are known, is not plainly sound. */
  takes({ hash, actor, startOp, deps, ops }: DecodedChange): boolean {
    const known = deps.map((dep) => this.#find(dep));
    const after = Math.max(0, ...known.map((change) => change?.maxOp ?? 0));
    if (startOp <= after || (ops.length === 0 && startOp !== after + 1)) return false;
    const base = [...new Set(known.flatMap((change) => change?.base ?? []))];
    for (const [index, operation] of ops.entries()) {
      const own = `${startOp + index}@${actor}`;
      if (!this.#isSound(operation, startOp + index, base)) return false;
      const { action, obj, key, insert, elemId } = operation;
      this.#places.set(own, placeOf(obj, key, insert ? own : elemId));
      const made = MAKES.get(action);
      if (made) this.#objects.set(own, made);
    }
    this.#changes.set(hash, { maxOp: startOp + ops.length - 1, base });
    return true;
  }

  #find(hash: string): { readonly maxOp: number; readonly base: readonly string[] } | undefined {
    const found = this.#changes.get(hash);
    if (found) return found;
    const facts = this.#backend.getChangeMetaByHash(hash) ?? undefined;
    if (!facts) return undefined;
    const change = { maxOp: facts.maxOp, base: [hash] };
    this.#changes.set(hash, change);
    return change;
  }

  #isSound(operation: DecodedOperation, number: number, base: readonly string[]): boolean {
    const { action, obj, key, elemId, insert, pred } = operation;
    if (!ACTIONS.has(action) || pred.some((id) => Number.parseInt(id, 10) >= number)) return false;
    const kind = this.#kindOf(obj);
    if (key !== undefined) {
      if (kind !== "map" || (pred.length === 0 && (action === "del" || action === "inc"))) return false;
      const place = placeOf(obj, key, undefined);
      const others = pred.filter((id) => this.#places.get(id) !== place);
      return others.length === 0 || this.#areValues(obj, key, others, base);
    }
    if (kind !== "list" || elemId === undefined) return false;
    if (insert) return pred.length === 0 && action !== "del" && (elemId === "_head" || this.#isElement(obj, elemId));
    return pred.length > 0 && this.#isElement(obj, elemId) && pred.every((id) => id === elemId);
  }

  #kindOf(object: string): "map" | "list" | undefined {
    if (!this.#objects.has(object)) {
      const kind = kindIn(this.#backend, object);
      this.#objects.set(object, kind);
      if (kind) this.#inDocument.add(object);
    }
    return this.#objects.get(object);
  }

  /** True when these operations are values of the key, now or for the author, who had not seen all there is. */
  #areValues(object: string, key: string, operations: readonly string[], base: readonly string[]): boolean {
    if (!this.#inDocument.has(object)) return false;
    const areAmong = (values: readonly (readonly unknown[])[]): boolean => {
      const ids = new Set(values.map((value) => value.at(-1)));
      return operations.every((id) => ids.has(id));
    };
    return (
      areAmong(this.#backend.getAll(object, key)) ||
      (base.length > 0 && areAmong(this.#backend.getAll(object, key, [...base])))
    );
  }

  #isElement(object: string, element: string): boolean {
    if (this.#places.get(element) === placeOf(object, undefined, element)) return true;
    if (!this.#inDocument.has(object)) return false;
    try {
      this.#backend.getCursorPosition(object, element);
      return true;
    } catch {
      return false;
    }
  }
}

const placeOf = (object: string, key: string | undefined, element: string | undefined): string =>
  key === undefined ? `${object} #${element}` : `${object} ${key}`;

function kindIn(backend: Backend, object: string): "map" | "list" | undefined {
  try {
    const type: string = backend.objInfo(object).type;
    return type === "map" || type === "table" ? "map" : "list";
  } catch {
    // There is no such object.
    return undefined;
  }
}
