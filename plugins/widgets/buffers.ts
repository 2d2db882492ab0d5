/**
 * Jupyter's way of sending binary values: the JSON has holes, `buffer_paths` says where, and the bytes follow in the
 * same order (ipywidgets, "Jupyter widget messaging protocol" 2.1). Values are DataViews on this side, as there.
 */

export type Path = readonly (string | number)[];
export type State = Readonly<Record<string, unknown>>;

/** `state` with each buffer put where its path says. Paths that lead nowhere are left out. */
export function putBuffers(
  state: State,
  paths: readonly Path[],
  buffers: readonly (ArrayBuffer | ArrayBufferView)[],
): State {
  if (paths.length === 0) return state;
  const next = copyAlong(state) as Record<string, unknown>;
  paths.forEach((path, index) => {
    const buffer = buffers[index];
    const last = path.at(-1);
    if (buffer === undefined || last === undefined) return;
    let place: unknown = next;
    for (const key of path.slice(0, -1))
      place = isContainer(place) && Object.hasOwn(place, key) ? place[key] : undefined;
    // "__proto__" as a key would reach what all objects share.
    if (isContainer(place) && last !== "__proto__") place[last] = viewOf(buffer);
  });
  return next;
}

/** The opposite: `state` without its binary values, and where they were. */
export function takeBuffers(state: State): { state: State; paths: Path[]; buffers: ArrayBuffer[] } {
  const paths: Path[] = [];
  const buffers: ArrayBuffer[] = [];
  const walk = (value: unknown, path: Path): unknown => {
    if (isBinary(value)) {
      paths.push(path);
      buffers.push(bytesOf(value));
      return undefined;
    }
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]) ?? null);
    if (!isPlain(value)) return value;
    const copy: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      const kept = walk(item, [...path, key]);
      if (kept !== undefined) copy[key] = kept;
    }
    return copy;
  };
  return { state: walk(state, []) as State, paths, buffers };
}

type Container = Record<string | number, unknown>;

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null && !isBinary(value);
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isBinary(value: unknown): value is ArrayBuffer | ArrayBufferView {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function copyAlong(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyAlong);
  if (isBinary(value) || !isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyAlong(item)]));
}

function bytesOf(value: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  if (value instanceof ArrayBuffer) return value.slice(0);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice().buffer;
}

function viewOf(buffer: ArrayBuffer | ArrayBufferView): DataView {
  return buffer instanceof ArrayBuffer
    ? new DataView(buffer)
    : new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
