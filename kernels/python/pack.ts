/**
 * The sparse memory snapshot ("pack") of a started interpreter: the pages of the WebAssembly heap that differ from a
 * freshly instantiated one. Pages over static data are stored as XOR against it, which compresses better. Layout:
 * "KPK2", length of the JSON head, the head, padding to 16, changed pages, XOR pages.
 */
import { KromaError } from "#core/base/errors.ts";

const MAGIC = 0x324b504b;
export const PAGE = 256;

/** The head of a pack. Runs are pairs of (first page, number of pages). */
export interface PackHead {
  /** Pyodide's build id; a pack fits one build only. */
  readonly buildId: string;
  /** Hash of everything the pack was made from. */
  readonly key: string;
  /** Bytes of the heap. */
  readonly heap: number;
  /** Bytes at the bottom that hold static data. */
  readonly low: number;
  readonly runs: readonly number[];
  readonly xorRuns: readonly number[];
  /** Pyodide's own table of JavaScript references. */
  readonly references: unknown;
  /** Bytes of python_stdlib.zip, which is fetched only when needed. */
  readonly stdlibSize: number;
}

export interface Pack {
  readonly head: PackHead;
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** Reads a pack; throws KromaError `corrupt` if it is not one, or cut off. */
export function parsePack(buffer: ArrayBufferLike): Pack {
  const corrupt = (why: string) => new KromaError("corrupt", `The Python snapshot is damaged: ${why}.`);
  if (buffer.byteLength < 16) throw corrupt("it is too short");
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== MAGIC) throw corrupt("it has another format");
  const length = view.getUint32(4, true);
  if (8 + length > buffer.byteLength) throw corrupt("its head is cut off");
  let head: PackHead;
  try {
    // The copy is for shared memory, which TextDecoder refuses.
    head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length).slice())) as PackHead;
  } catch {
    throw corrupt("its head can't be read");
  }
  const offset = (8 + length + 15) & ~15;
  let pages = 0;
  for (const runs of [head.runs, head.xorRuns]) for (let i = 1; i < runs.length; i += 2) pages += runs[i] ?? 0;
  if (offset + pages * PAGE !== buffer.byteLength) throw corrupt("pages are missing");
  return { head, bytes: new Uint8Array(buffer), offset };
}

/** Puts the pack's pages into `heap`. `low` is a copy of the fresh instance's first `head.low` bytes. */
export function applyPack(pack: Pack, heap: Uint8Array, low: Uint8Array): void {
  let from = pack.offset;
  const { runs, xorRuns } = pack.head;
  for (let i = 0; i < runs.length; i += 2) {
    const size = (runs[i + 1] ?? 0) * PAGE;
    heap.set(pack.bytes.subarray(from, from + size), (runs[i] ?? 0) * PAGE);
    from += size;
  }
  const words = new Uint32Array(heap.buffer, heap.byteOffset, heap.length >> 2);
  const base = new Uint32Array(low.buffer, low.byteOffset, low.length >> 2);
  const delta = new Uint32Array(pack.bytes.buffer, pack.bytes.byteOffset, pack.bytes.length >> 2);
  for (let i = 0; i < xorRuns.length; i += 2) {
    const size = (xorRuns[i + 1] ?? 0) * PAGE;
    let word = ((xorRuns[i] ?? 0) * PAGE) >> 2;
    for (let at = from >> 2, end = (from + size) >> 2; at < end; at++, word++) {
      words[word] = (base[word] ?? 0) ^ (delta[at] ?? 0);
    }
    from += size;
  }
}

/**
 * Makes a pack. `fresh` is the heap right after instantiation, `before` the heap right before a restore would happen:
 * pages that differ in either are kept, since the code that runs in between may write other things elsewhere.
 */
export function makePack(
  heap: Uint8Array,
  fresh: Uint8Array,
  before: Uint8Array,
  rest: Pick<PackHead, "buildId" | "key" | "references" | "stdlibSize">,
): Uint8Array {
  let top = fresh.length;
  while (top > 0 && fresh[top - 1] === 0) top--;
  const low = Math.ceil(top / 65_536) * 65_536;
  const runs: number[] = [];
  const xorRuns: number[] = [];
  const pages: Uint8Array[] = [];
  const xorPages: Uint8Array[] = [];
  const zero = new Uint8Array(PAGE);
  const pageOf = (of: Uint8Array, at: number) => (at + PAGE <= of.length ? of.subarray(at, at + PAGE) : zero);
  const equal = (a: Uint8Array, b: Uint8Array) => {
    for (let i = 0; i < PAGE; i++) if (a[i] !== b[i]) return false;
    return true;
  };
  const add = (list: number[], page: number) => {
    const length = list.length;
    if (length && (list[length - 2] ?? 0) + (list[length - 1] ?? 0) === page)
      list[length - 1] = (list[length - 1] ?? 0) + 1;
    else list.push(page, 1);
  };
  for (let page = 0; page < heap.length / PAGE; page++) {
    const at = page * PAGE;
    const now = heap.subarray(at, at + PAGE);
    const was = pageOf(fresh, at);
    if (equal(now, was) && equal(pageOf(before, at), was)) continue;
    if (at < low) {
      xorPages.push(now.map((byte, i) => byte ^ (was[i] ?? 0)));
      add(xorRuns, page);
    } else {
      pages.push(now);
      add(runs, page);
    }
  }
  const head: PackHead = { ...rest, heap: heap.length, low, runs, xorRuns };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const offset = (8 + json.length + 15) & ~15;
  const result = new Uint8Array(offset + (pages.length + xorPages.length) * PAGE);
  const view = new DataView(result.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, json.length, true);
  result.set(json, 8);
  let to = offset;
  for (const page of [...pages, ...xorPages]) {
    result.set(page, to);
    to += PAGE;
  }
  return result;
}
