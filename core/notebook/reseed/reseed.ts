/**
 * The step from a document with a long history to one that begins anew (SPEC.md beside this). What
 * was made in the old document without knowing of the reseed is translated by whoever meets it, and becomes the same
 * bytes everywhere: so it may be done by all, in any order, and nothing is there twice. A translated change has the
 * original in it. Of two reseeds made apart one counts; then what was written after the other is taken back to the old
 * document first, and nobody need know which of it somebody else has translated before.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../../base/errors.ts";
import type { CellId } from "../../base/ids.ts";
import { CHUNK_LIMITS, inspectChunks } from "../chunk-guard.ts";
import type { NotebookDocument, NotebookRecord } from "../document.ts";
import { Correspondence } from "./correspondence.ts";
import { messageOf, namesOriginal, originalOf } from "./original.ts";
import { makeSeed } from "./seed.ts";
import type { DecodedChange } from "../decoded-change.ts";
import { decodeChange, translateChange, type ChangeFrame, type Translated, type Translation } from "./translate.ts";

/** No operation is moved beyond this: Automerge has 32 bits for its number. */
const MOST_SHIFTED = 2 ** 31;

type Backend = ReturnType<typeof Automerge.getBackend>;

/** A change and its highest operation; true when it was taken back to the old document and is no original of that. */
interface Known {
  readonly hash: string;
  readonly maxOp: number;
  readonly isTaken?: true;
}

export class Reseed {
  /** The first change of the new document. */
  readonly seed: { readonly change: Uint8Array; readonly hash: string };
  readonly #before: NotebookDocument;
  readonly #made: Automerge.Doc<unknown>;
  readonly #old: Backend;
  readonly #new: Backend;
  readonly #state: Correspondence;
  /** The heads of the old document. */
  readonly #closed: readonly Known[];
  readonly #newEnd: number;
  /** Changes of the old document by hash, and their operations by id: what they are in the new one. And back. */
  readonly #translations = new Map<string, Known>();
  readonly #originals = new Map<string, Known>();
  readonly #newOf = new Map<string, Translated>();
  readonly #oldOf = new Map<string, Translated>();
  /** How many changes of an actor of the old document are translated. */
  readonly #counts = new Map<string, number>();
  /** By hash in the new document, changes of the old one that nothing else has. */
  readonly #kept = new Map<string, Uint8Array>();

  private constructor(before: NotebookDocument, made: Automerge.Doc<unknown>) {
    this.#before = before;
    this.#made = made;
    this.#old = Automerge.getBackend(before);
    this.#new = Automerge.getBackend(made);
    this.#state = new Correspondence(this.#old, this.#new);
    const oldEnd = endOf(this.#old);
    this.#closed = this.#old.getHeads().map((hash) => ({ hash, maxOp: oldEnd }));
    this.#newEnd = endOf(this.#new);
    this.seed = {
      change: this.#new.getChanges([])[0] as Uint8Array,
      hash: this.#new.getHeads()[0] as string,
    };
  }

  /**
   * From the old document, closed at the heads of the reseed (canonicalSave), and the CID of these bytes. `exhausted` when its
   * state is too big for the one change that others take, `corrupt` when the bytes are no document.
   */
  static make(before: Uint8Array, cid: string, mostOperations = CHUNK_LIMITS.operations): Reseed {
    let document: NotebookDocument;
    try {
      document = Automerge.load<NotebookRecord>(before);
    } catch (error) {
      throw new KromaError("corrupt", "The earlier history of this notebook can't be read.", { cause: error });
    }
    try {
      return new Reseed(document, makeSeed(document, cid, mostOperations));
    } catch (error) {
      Automerge.free(document);
      throw error;
    }
  }

  /**
   * Translates changes of the old document, in causal order. Those that it was closed with, or that were given earlier, are left
   * out. `missing` when one builds on a change that was never given.
   */
  forward(changes: readonly Uint8Array[]): readonly Uint8Array[] {
    const translated: Uint8Array[] = [];
    for (const bytes of changes) {
      const change = decodeChange(bytes);
      if (this.#translations.has(change.hash) || this.#isBefore(change.hash)) continue;
      const translation = this.#translate(change);
      this.#remember(change, translation);
      if (!translation.isWhole) this.#kept.set(translation.hash, bytes);
      translated.push(translation.bytes);
    }
    return translated;
  }

  /**
   * Takes changes of the new document, in causal order, back to the old one, one for one; the first change is left out. Of those
   * that `forward` made, here or elsewhere, the originals come out. What comes out is for the `forward` of another reseed of the
   * same document. `missing` when a change builds on one that was never given.
   */
  async back(changes: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    const taken: Uint8Array[] = [];
    for (const bytes of changes) {
      const change = decodeChange(bytes);
      if (change.hash === this.seed.hash) continue;
      taken.push(this.#kept.get(change.hash) ?? (await this.#originalOf(change)) ?? this.#takeBack(change));
    }
    return taken;
  }

  /**
   * The cursor in the new document for one of the old, at the same character or else at the one that took its place; undefined
   * when there is none.
   */
  cursor(cell: CellId, cursor: string): string | undefined {
    const isBefore = cursor.startsWith("-");
    const id = isBefore ? cursor.slice(1) : cursor;
    const sign = isBefore ? "-" : "";
    const later = this.#newOf.get(id);
    if (later?.place.endsWith(` #${id}`)) return sign + later.id;
    const text = textObject(this.#old, cell);
    const other = text === undefined ? undefined : this.#state.forward.object(text);
    if (text === undefined || other === undefined) return undefined;
    const same = this.#state.forward.element(text, id);
    if (same !== undefined) return sign + same;
    try {
      const next = this.#old.getCursorPosition(text, id);
      const at = isBefore ? next - 1 : next;
      return at >= 0 && at < this.#old.length(text) ? sign + this.#new.getCursor(other, at) : undefined;
    } catch {
      // It never was in this text.
      return undefined;
    }
  }

  /** Lets go of the memory. */
  free(): void {
    Automerge.free(this.#before);
    Automerge.free(this.#made);
  }

  #isBefore(hash: string): boolean {
    return (this.#old.getChangeMetaByHash(hash) ?? undefined) !== undefined;
  }

  #translate(change: DecodedChange): Translation & { readonly isWhole: boolean } {
    const deps = change.deps.flatMap((hash) => {
      const known = this.#translations.get(hash);
      if (!known && !this.#isBefore(hash)) throw new KromaError("missing", "A change of the old history is missing.");
      return known ?? [];
    });
    const seq = (this.#counts.get(change.actor) ?? 0) + 1;
    const { message, isWhole } = messageOf(change);
    const frame: ChangeFrame = {
      // In front, so that of insertions at one place those go first that went first in the old document.
      actor: this.seed.hash.slice(0, 8) + change.actor,
      seq,
      ...numbersOf(change, this.#newEnd, deps),
      deps: deps.length === 0 ? [this.seed.hash] : deps.map(({ hash }) => hash),
      time: change.time,
      message,
      author: seq === 1 ? (change.author ?? authorOf(this.#old, change.actor)) : undefined,
    };
    const find = (id: string): Translated | undefined => this.#newOf.get(id);
    return { ...translateChange(change, frame, this.#state.forward, find), isWhole };
  }

  #remember(change: DecodedChange, { hash, maxOp, became, were }: Translation): void {
    this.#translations.set(change.hash, { hash, maxOp });
    this.#originals.set(hash, { hash: change.hash, maxOp: change.startOp + change.ops.length - 1 });
    this.#counts.set(change.actor, (this.#counts.get(change.actor) ?? 0) + 1);
    for (const [id, translated] of became) this.#newOf.set(id, translated);
    for (const [id, original] of were) this.#oldOf.set(id, original);
  }

  /** The original of a change that `forward` made; undefined for any other, whatever it says of itself. */
  async #originalOf(change: DecodedChange): Promise<Uint8Array | undefined> {
    if (namesOriginal(change.message)) {
      throw new KromaError("unavailable", "A change that is too big to be carried over is not here as it was.");
    }
    const bytes = originalOf(change.message);
    if (!bytes) return undefined;
    try {
      await inspectChunks(bytes);
      const original = decodeChange(bytes);
      const known = this.#translations.get(original.hash);
      if (known) return known.hash === change.hash ? bytes : undefined;
      if (this.#isBefore(original.hash)) return undefined;
      const translation = this.#translate(original);
      if (translation.hash !== change.hash) return undefined;
      this.#remember(original, translation);
      return bytes;
    } catch {
      // It only looks like one: it was written in the new document.
      return undefined;
    }
  }

  #takeBack(change: DecodedChange): Uint8Array {
    const deps = change.deps.flatMap((hash): readonly Known[] => {
      const known = this.#originals.get(hash);
      if (known?.isTaken) return [known];
      // What comes after the first change of the new document comes after all that the old one was closed with.
      if (known) return [known, ...this.#closed];
      if (hash === this.seed.hash) return this.#closed;
      throw new KromaError("missing", "A change of the new history is missing.");
    });
    const { actor, seq, time, message, author } = change;
    const frame: ChangeFrame = {
      actor: `${this.seed.hash.slice(8, 16)}${actor}`,
      seq,
      ...numbersOf(change, this.#closed[0]?.maxOp ?? 0, deps),
      deps: deps.map(({ hash }) => hash),
      time,
      message: message ?? undefined,
      author: author ?? undefined,
    };
    const taken = translateChange(change, frame, this.#state.back, (id) => this.#oldOf.get(id));
    this.#originals.set(change.hash, { hash: taken.hash, maxOp: taken.maxOp, isTaken: true });
    for (const [id, original] of taken.became) this.#oldOf.set(id, original);
    this.#kept.set(change.hash, taken.bytes);
    return taken.bytes;
  }
}

/** The highest operation of a document. */
function endOf(backend: Backend): number {
  return Math.max(0, ...backend.getHeads().map((hash) => backend.getChangeMetaByHash(hash)?.maxOp ?? 0));
}

/** Where the operations of a translated change begin: those of all of them keep their order among each other. */
function numbersOf(
  { startOp }: DecodedChange,
  end: number,
  deps: readonly Known[],
): Pick<ChangeFrame, "startOp" | "after"> {
  const after = Math.max(end, ...deps.map(({ maxOp }) => maxOp));
  return { startOp: Math.max(startOp + end < MOST_SHIFTED ? startOp + end : startOp, after + 1), after };
}

function authorOf(backend: Backend, actor: string): string | undefined {
  return backend.getAuthorForActor(actor) ?? undefined;
}

function textObject(backend: Backend, cell: CellId): string | undefined {
  try {
    return backend.objInfo(`/cells/${cell}/source`).id;
  } catch {
    // There is no such cell.
    return undefined;
  }
}
