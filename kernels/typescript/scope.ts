/**
 * The names that cells share. They are properties of the global object, so that engines make them fast and every
 * function sees the newest value. A `const` is a property that cannot be written, only defined anew by its cell.
 *
 * A name of the language's own ("Map", "URL") that a cell declares would pull the ground from under the kernel and the
 * libraries; such names live in an object apart, and the cells that speak of them are evaluated `with` it.
 */

/** What the code of a cell calls; see transform.ts. */
export interface CellScope {
  readonly let: Record<string, unknown>;
  readonly const: Record<string, unknown>;
  /** Makes `name` exist, undefined if new, and writable. */
  variable(name: string): void;
  named<T>(value: T, name: string): T;
}

const { defineProperty, getOwnPropertyDescriptor } = Object;
/** Indirect, so that code sees the global scope and none of ours; taken before a cell can change it. */
const evaluateGlobally = Reflect.get(globalThis, "eval") as (code: string) => unknown;
const world = globalThis as unknown as Record<string, unknown>;

/** Functions, classes and namespaces that were there before any cell; attributes such as `name` or `status` are not among them. */
function grounds(): Set<string> {
  const names = new Set<string>();
  for (
    let object: object | null = globalThis;
    object && object !== Object.prototype;
    object = Object.getPrototypeOf(object)
  ) {
    for (const name of Object.getOwnPropertyNames(object)) {
      const value = getOwnPropertyDescriptor(object, name)?.value as unknown;
      if (typeof value === "function" || /^[A-Z]/.test(name)) names.add(name);
    }
  }
  for (const name of ["globalThis", "self", "crypto", "performance", "console", "navigator"]) names.add(name);
  for (const name of ["close", "onmessage", "postMessage", "print", "stop", "open", "find"]) names.delete(name);
  return names;
}

/** The shared names of one kernel. */
export class Names implements CellScope {
  readonly #ground = grounds();
  /** Declared names that shadow the language's own. */
  readonly #apart: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  readonly #user = new Set<string>();
  readonly let: Record<string, unknown>;
  readonly const: Record<string, unknown>;

  /** Names that code must not see, though they are there. */
  readonly #hidden: string;

  constructor(hidden: readonly string[] = []) {
    this.#hidden = hidden.join(",");
    this.let = this.#writer(true);
    this.const = this.#writer(false);
  }

  #home(name: string): object {
    return this.#ground.has(name) ? this.#apart : globalThis;
  }

  #define(name: string, value: unknown, writable: boolean): void {
    this.#user.add(name);
    defineProperty(this.#home(name), name, { value, writable, enumerable: true, configurable: true });
  }

  #writer(writable: boolean): Record<string, unknown> {
    return new Proxy(Object.create(null) as Record<string, unknown>, {
      set: (_target, name, value) => {
        this.#define(String(name), value, writable);
        return true;
      },
    });
  }

  variable(name: string): void {
    const home = this.#home(name) as Record<string, unknown>;
    if (this.#user.has(name)) {
      const found = getOwnPropertyDescriptor(home, name);
      if (found && "value" in found && found.writable) return;
    }
    this.#define(name, this.#user.has(name) ? home[name] : undefined, true);
  }

  named<T>(value: T, name: string): T {
    defineProperty(value as object, "name", { value: name, configurable: true });
    return value;
  }

  /** Makes a name of Kroma's own ("display", "kroma") visible to cells; a cell may declare it anew. */
  offer(name: string, value: unknown): void {
    defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
  }

  /** Same, but made when first used. */
  offerLazily(name: string, make: () => unknown): void {
    defineProperty(globalThis, name, {
      get: make,
      set: (value: unknown) => this.#define(name, value, true),
      enumerable: false,
      configurable: true,
    });
  }

  /** The names that cells declared. */
  get declared(): readonly string[] {
    return [...this.#user];
  }

  /** The value of a name as a cell would see it; `undefined` if there is none. */
  lookup(name: string): unknown {
    return name in this.#apart ? this.#apart[name] : world[name];
  }

  has(name: string): boolean {
    return name in this.#apart || name in globalThis;
  }

  #speaksOfShadowed(expression: string, names: readonly string[]): boolean {
    const shadowed = Object.keys(this.#apart).concat(names.filter((name) => this.#ground.has(name)));
    return shadowed.some((name) => expression.includes(name));
  }

  /** The text that evaluate() gives to the engine: columns of the first line in stacks are columns of this. */
  written(expression: string, names: readonly string[]): string {
    const inner = this.#speaksOfShadowed(expression, names)
      ? `(function(__apart){with(__apart){return ${expression}}})`
      : `(${expression})`;
    return this.#hidden === "" ? inner : `(function(${this.#hidden}){return ${inner}})()`;
  }

  /** Compiles an expression (transform.ts gives it) in the global scope, under the name that stacks will show. */
  evaluate(expression: string, sourceUrl: string, names: readonly string[]): unknown {
    const made = evaluateGlobally(`${this.written(expression, names)}\n//# sourceURL=${sourceUrl}`);
    return this.#speaksOfShadowed(expression, names) ? (made as (apart: object) => unknown)(this.#apart) : made;
  }
}
