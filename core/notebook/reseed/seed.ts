/**
 * The first change of a reseeded document: the state in which the old one was closed, and nothing of how it came about.
 * Its bytes depend on that state and on the name of the block that keeps the old document, so everybody who has the old
 * document makes the same one, and nobody has to send it. A change has no conflicts in it: of values that were written at
 * the same time it has the one that is shown.
 */
import * as Automerge from "@automerge/automerge/slim";
import * as v from "valibot";
import { canonicalJson } from "../../base/canonical-json.ts";
import { KromaError } from "../../base/errors.ts";
import { sourceHash } from "../../base/source-hash.ts";
import { parseCid } from "../../store/cid.ts";
import { findRecord, isHidden, mapOf, sourceOf, textOf, type NotebookDocument } from "../document.ts";

/** The key of the root under which a reseeded document names those before it. */
export const HISTORY_KEY = "history";

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

/** A document that another one took the place of: its first change (if it took another's place itself), where it ended, and its block. */
export const epochSchema = v.object({
  seed: v.exactOptional(hash),
  heads: v.pipe(v.array(hash), v.minLength(1), v.maxLength(1000), v.readonly()),
  cid: v.pipe(v.string(), v.regex(/^b[a-z2-7]{30,120}$/)),
});

/** The same for all of them, oldest first; only the first has no seed. */
export const epochsSchema = v.pipe(
  v.array(epochSchema),
  v.maxLength(256),
  v.check(
    (epochs) => epochs.every(({ seed }, index) => (seed === undefined) === (index === 0)),
    "they do not follow each other",
  ),
);

/** One of the documents that a notebook was before. */
export type Epoch = Readonly<v.InferOutput<typeof epochSchema>>;

const storedHistory = v.object({ version: v.literal(1), epochs: v.pipe(epochsSchema, v.minLength(1)) });

/** The first change of a reseeded document, and the documents before it, oldest first. */
export interface Seed {
  readonly hash: string;
  readonly epochs: readonly Epoch[];
}

/** What a document was reseeded from; undefined when all of its history is in it. */
export function readSeed(document: NotebookDocument): Seed | undefined {
  const backend = Automerge.getBackend(document);
  const stored = valuesOf(backend, "_root", HISTORY_KEY);
  if (stored.length === 0) return undefined;
  const hash = (stored.length === 1 ? writtenFirst(backend, stored[0]) : undefined) ?? rootOf(backend);
  if (hash === undefined) return undefined;
  // As it was there: what somebody has made of it since says nothing.
  const value = (backend.getAll("_root", HISTORY_KEY, [hash]) as readonly (readonly unknown[])[]).at(-1)?.[1];
  const epochs = parseHistory(value);
  return epochs && { hash, epochs };
}

/** The change that wrote this, if it builds on nothing. To look through all changes takes longer. */
function writtenFirst(backend: Backend, stored: StoredValue | undefined): string | undefined {
  const clone = backend.clone(stored?.operation.split("@")[1]);
  const bytes = clone.getLastLocalChange();
  clone.free();
  const alone = Automerge.init<unknown>();
  try {
    if (bytes) Automerge.getBackend(alone).loadIncremental(bytes);
    return Automerge.getHeads(alone)[0];
  } catch {
    // It speaks of what is not in it, so it is no first change.
    return undefined;
  } finally {
    Automerge.free(alone);
  }
}

/** The change without dependencies on which most build: somebody may have added another since. */
function rootOf(backend: Backend): string | undefined {
  const roots: string[] = [];
  const counts: number[] = [];
  const rootsOf = new Map<string, number>();
  for (const { hash, deps } of backend.getChangesMeta([])) {
    const isRoot = deps.length === 0 && roots.length < MOST_ROOTS;
    const from = isRoot ? 2 ** roots.length : deps.reduce((all, dep) => all | (rootsOf.get(dep) ?? 0), 0);
    if (isRoot) roots.push(hash);
    rootsOf.set(hash, from);
    for (const index of roots.keys()) counts[index] = (counts[index] ?? 0) + (from & (2 ** index) ? 1 : 0);
  }
  return roots[counts.indexOf(Math.max(...counts))];
}

/** More are looked past. */
const MOST_ROOTS = 16;

function parseHistory(value: unknown): readonly Epoch[] | undefined {
  try {
    const checked = v.safeParse(storedHistory, JSON.parse(String(value)));
    return checked.success ? checked.output.epochs : undefined;
  } catch {
    return undefined;
  }
}

/** What Automerge tells of a value of a map: what it is, the value (of an object its id), and the operation that wrote it. */
export interface StoredValue {
  readonly type: string;
  readonly value: unknown;
  readonly operation: string;
}

type Backend = ReturnType<typeof Automerge.getBackend>;

/** The values of a key that were written at the same time, the one that is shown last. */
export function valuesOf(backend: Backend, object: string, key: string): readonly StoredValue[] {
  // Of an object its id is both.
  return (backend.getAll(object, key) as readonly (readonly unknown[])[]).map((stored) => ({
    type: String(stored[0]),
    value: stored[1],
    operation: String(stored.at(-1)),
  }));
}

/**
 * The new document, with the first change only, of the old one as it was closed; `cid` names the block of that one.
 * `exhausted` when it would have more operations than that.
 */
export function makeSeed(before: NotebookDocument, cid: string, mostOperations: number): Automerge.Doc<unknown> {
  const { digest } = parseCid(cid).multihash;
  const actor = Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const seed = Automerge.init<unknown>({ actor });
  const backend = Automerge.getBackend(seed);
  copyMap(Automerge.getBackend(before), "_root", backend, "_root", new Choice(before), []);
  const former = readSeed(before);
  const epoch: Epoch = { ...(former && { seed: former.hash }), heads: Automerge.getHeads(before).toSorted(), cid };
  const history = { version: 1, epochs: [...(former?.epochs ?? []), epoch] };
  backend.put("_root", HISTORY_KEY, canonicalJson(history), "str");
  backend.commit(undefined, 0);
  const [head] = backend.getHeads();
  const facts = head === undefined ? undefined : backend.getChangeMetaByHash(head);
  if (!facts || facts.maxOp > mostOperations) {
    Automerge.free(seed);
    throw new KromaError("exhausted", "This notebook is too big to begin its history anew.");
  }
  return seed;
}

type Path = readonly string[];

/** What of the old document goes into the new one. */
class Choice {
  readonly #document: NotebookDocument;
  readonly #runs: ReadonlySet<string>;

  constructor(document: NotebookDocument) {
    this.#document = document;
    this.#runs = new Set(Object.values(mapOf(document.cells)).map((record) => textOf(record?.run)));
  }

  /** The value to be written in the place of that one, of a string; undefined when the key is left out. */
  valueOf(path: Path, value: unknown): unknown {
    const [first, second, third] = path;
    if (path.length === 1 && first === HISTORY_KEY) return undefined;
    // Runs that no cell shows any more can't come back: whoever wants one back writes all of it.
    if (path.length === 2 && first === "runs" && !this.#runs.has(second as string)) return undefined;
    if (path.length !== 3 || first !== "cells" || third !== "deleted") return value;
    // A cell that is shown needs no tombstone; one that is hidden needs one that says so, whoever else deleted it.
    const record = findRecord(this.#document, second as string);
    if (record === undefined) return value;
    return isHidden(this.#document, second as string) ? sourceHash(sourceOf(record)) : undefined;
  }
}

const SCALARS: ReadonlySet<string> = new Set([
  "str",
  "int",
  "uint",
  "f64",
  "boolean",
  "timestamp",
  "counter",
  "bytes",
  "null",
]);

// Lists are left out: a notebook has none.
function copyMap(from: Backend, source: string, to: Backend, target: string, choice: Choice, path: Path): void {
  for (const key of from.keys(source).sort()) {
    const stored = valuesOf(from, source, key).at(-1);
    if (stored === undefined) continue;
    const { type, value, operation } = stored;
    const kept = choice.valueOf([...path, key], value);
    if (kept === undefined) continue;
    if (!Object.is(kept, value)) to.put(target, key, kept as string, "str");
    else if (type === "map") copyMap(from, operation, to, to.putObject(target, key, {}), choice, [...path, key]);
    else if (type === "text") to.putObject(target, key, from.text(operation));
    else if (SCALARS.has(type)) to.put(target, key, kept as string, type as Parameters<Backend["put"]>[3]);
  }
}
