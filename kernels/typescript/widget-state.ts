/**
 * Widget state on its way to the page and back: JSON with holes where bytes were, as Jupyter's widget protocol 2.1 sends
 * it (`buffer_paths` says where the holes are, the bytes follow in the same order).
 */

export type Path = readonly (string | number)[];
export type State = Readonly<Record<string, unknown>>;

/** A state that can be sent. */
export interface PackedState {
  readonly state: State;
  readonly buffer_paths: readonly Path[];
  readonly buffers: readonly ArrayBuffer[];
}

/** What the protocol calls a model inside a state; undefined for anything that is no widget. */
export type ModelName = (value: object) => string | undefined;

/** The state with its bytes taken out and copied. Throws a TypeError that names the place of what is no data. */
export function packState(values: State, modelName: ModelName): PackedState {
  const paths: Path[] = [];
  const buffers: ArrayBuffer[] = [];
  const above: object[] = [];
  const refuse = (path: Path, what: string): never => {
    throw new TypeError(`${path.join(".")} cannot be shared with a widget: it is ${what}`);
  };
  /** Undefined: leave it out. */
  const pack = (value: unknown, path: Path): unknown => {
    if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint")
      return refuse(path, `a ${typeof value}`);
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
      paths.push(path);
      buffers.push(copyOf(value));
      return undefined;
    }
    if (value instanceof Date) return value.toJSON();
    const name = modelName(value);
    if (name !== undefined) return name;
    if (above.includes(value)) return refuse(path, "part of itself");
    above.push(value);
    const packed = Array.isArray(value)
      ? // A hole keeps its place, so that the paths of what follows stay right.
        Array.from(value as unknown[], (item, index) => pack(item, [...path, index]) ?? null)
      : packObject(value, path);
    above.pop();
    return packed;
  };
  const packObject = (value: object, path: Path): unknown => {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null)
      return refuse(path, `a ${(value.constructor as { name?: string } | undefined)?.name ?? "strange object"}`);
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) => {
        const kept = pack(item, [...path, key]);
        return kept === undefined ? [] : [[key, kept]];
      }),
    );
  };
  return { state: packObject({ ...values }, []) as State, buffer_paths: paths, buffers };
}

/** The opposite; bytes become DataViews, as they are in the widget's module. What makes no sense is left out. */
export function unpackState(data: unknown, buffers: readonly ArrayBuffer[]): State {
  const { state, buffer_paths: paths } = (data ?? {}) as { readonly state?: unknown; readonly buffer_paths?: unknown };
  if (typeof state !== "object" || state === null) return {};
  // Only copies come over a port, so this object is nobody else's.
  const values = state as Record<string, unknown>;
  if (!Array.isArray(paths)) return values;
  for (const [index, path] of (paths as Path[]).entries()) {
    const buffer = buffers[index];
    const last = Array.isArray(path) ? path.at(-1) : undefined;
    if (!buffer || last === undefined || last === "__proto__") continue;
    let place: unknown = values;
    for (const key of path.slice(0, -1))
      place = isObject(place) && Object.hasOwn(place, key) ? place[String(key)] : undefined;
    if (isObject(place)) place[String(last)] = new DataView(buffer);
  }
  return values;
}

/** The bytes of a buffer or a view on one, in a buffer of their own. */
export function copyOf(value: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  if (value instanceof ArrayBuffer) return value.slice(0);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice().buffer;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
