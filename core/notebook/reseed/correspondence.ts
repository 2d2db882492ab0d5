/**
 * What an operation of the old document, in the state in which it was closed, is in the first change of the new one, and
 * the other way round. Objects and keys are found by their path, characters by their place in the text.
 */
import type * as Automerge from "@automerge/automerge/slim";
import { valuesOf, type StoredValue } from "./seed.ts";

/** One of the two states, seen from the other. All ids are operations of the one, and what is given back is of the other. */
export interface StateSide {
  /** A map or a text; undefined when it is not in the other. */
  object(id: string): string | undefined;
  /** What stands for these values of a key. */
  values(object: string, key: string, operations: readonly string[]): readonly string[];
  /** A character that is in both texts. */
  element(text: string, id: string): string | undefined;
  /** The character in whose place, or behind which, that one was; undefined when there never was such a one. */
  anchor(text: string, id: string): string | undefined;
}

type Backend = ReturnType<typeof Automerge.getBackend>;

/** Both sides of two documents, of which neither has anything later than the state. */
export class Correspondence {
  readonly forward: StateSide;
  readonly back: StateSide;

  constructor(before: Backend, seed: Backend) {
    const toNew = new Table();
    const toOld = new Table();
    pairMaps(before, "_root", seed, "_root", toNew, toOld);
    this.forward = new Side(toNew, before, seed);
    this.back = new Side(toOld, seed, before);
  }
}

class Table {
  readonly objects = new Map<string, string>([["_root", "_root"]]);
  /** By object and key: what is meant by the value, and what stands for it. */
  readonly keys = new Map<string, { readonly meant: ReadonlySet<string>; readonly stands: readonly string[] }>();
}

class Side implements StateSide {
  readonly #table: Table;
  readonly #from: Backend;
  readonly #to: Backend;

  constructor(table: Table, from: Backend, to: Backend) {
    this.#table = table;
    this.#from = from;
    this.#to = to;
  }

  object(id: string): string | undefined {
    return this.#table.objects.get(id);
  }

  values(object: string, key: string, operations: readonly string[]): readonly string[] {
    const entry = this.#table.keys.get(placeOf(object, key));
    return entry && operations.some((operation) => entry.meant.has(operation)) ? entry.stands : [];
  }

  element(text: string, id: string): string | undefined {
    const at = this.#position(text, id);
    const other = this.object(text);
    if (at === undefined || other === undefined || at >= this.#from.length(text)) return undefined;
    return this.#from.getCursor(text, at) === id ? this.#to.getCursor(other, at) : undefined;
  }

  anchor(text: string, id: string): string | undefined {
    if (id === "_head") return id;
    const there = this.element(text, id);
    if (there !== undefined) return there;
    const at = this.#position(text, id);
    const other = this.object(text);
    if (at === undefined || other === undefined) return undefined;
    return at === 0 ? "_head" : this.#to.getCursor(other, at - 1);
  }

  /** Where a character is, or was; undefined when it never was in this text. */
  #position(text: string, id: string): number | undefined {
    try {
      return this.#from.getCursorPosition(text, id);
    } catch {
      return undefined;
    }
  }
}

const placeOf = (object: string, key: string): string => `${object} ${key}`;

function pairMaps(before: Backend, oldMap: string, seed: Backend, newMap: string, toNew: Table, toOld: Table): void {
  for (const key of seed.keys(newMap)) {
    const [made] = valuesOf(seed, newMap, key);
    const old = valuesOf(before, oldMap, key);
    const shown = old.at(-1);
    if (made === undefined || shown === undefined) continue;
    const all = old.map(({ operation }) => operation);
    // Whoever overwrites what the new document shows has overwritten all that the old one had in its place.
    toOld.keys.set(placeOf(newMap, key), { meant: new Set([made.operation]), stands: all });
    toNew.keys.set(placeOf(oldMap, key), { meant: meantBy(made, old), stands: [made.operation] });
    if (made.type !== shown.type || (made.type !== "map" && made.type !== "text")) continue;
    toNew.objects.set(shown.operation, made.operation);
    toOld.objects.set(made.operation, shown.operation);
    if (made.type === "map") pairMaps(before, shown.operation, seed, made.operation, toNew, toOld);
  }
}

/** The values that one of the new document stands for: those that are the same, or else the one that was shown. */
function meantBy(made: StoredValue, old: readonly StoredValue[]): ReadonlySet<string> {
  const same = old.filter(({ type, value }) => type === made.type && type === "str" && value === made.value);
  return new Set((same.length > 0 ? same : old.slice(-1)).map(({ operation }) => operation));
}
