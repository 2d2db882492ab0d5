/**
 * Whether two runs of one model on the same feeds gave the same answer: by this it is decided whether a graphics processor may run
 * it. Floats may differ a little, since sums are made in another order there; everything else has to be equal.
 */
import type { Tensors } from "./run-session.ts";
import { elementsOf } from "./runtime.ts";
import { described } from "./tensors.ts";

/** By how much a float may differ from the processor's: `absolute`, and `relative` of the processor's value, added up. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

/** Of 32-bit floats (and wider, which graphics processors do not have), and of 16-bit ones, whose step is 1/1024 of their value. */
export const TOLERANCES = {
  wide: { absolute: 1e-4, relative: 1e-3 },
  half: { absolute: 1e-3, relative: 1e-2 },
} as const satisfies Readonly<Record<string, Tolerance>>;

/** How two answers compare. Outputs without elements show nothing. */
export type Agreement =
  | { readonly kind: "same" | "different"; readonly words: string }
  | { readonly kind: "nothing"; readonly words: string };

/**
 * Compares an answer with the processor's. A NaN agrees with a NaN and an infinity with itself; the rule for the others is that of
 * NumPy's `allclose` (https://numpy.org/doc/stable/reference/generated/numpy.allclose.html).
 */
export function compareAnswers(processor: Tensors, graphics: Tensors): Agreement {
  let compared = 0;
  let largest = 0;
  let tolerance: Tolerance | undefined;
  for (const [index, tensor] of processor.tensors.entries()) {
    const at = graphics.tensors.findIndex(({ name }) => name === tensor.name);
    const other = graphics.tensors[at];
    if (!other) return different(`it did not give the output "${tensor.name}"`);
    if (other.type !== tensor.type || other.dims?.join() !== tensor.dims?.join()) {
      const shapes = `${described(other.type, other.dims)} instead of ${described(tensor.type, tensor.dims)}`;
      return different(`its output "${tensor.name}" was ${shapes}`);
    }
    const mine = elements(tensor, processor.buffers[index]);
    const theirs = elements(other, graphics.buffers[at]);
    if (mine.length !== theirs.length) return different(`its output "${tensor.name}" had ${theirs.length} elements`);
    compared += mine.length;
    const allowed = toleranceOf(mine);
    const { gap, worst } = allowed ? floatGap(mine, theirs, allowed) : exactGap(mine, theirs);
    if (worst !== undefined) {
      const values = `${shown(theirs[worst])} instead of ${shown(mine[worst])}`;
      const rule = allowed ? `floats may differ by ${toleranceWords(allowed)}` : "these have to be equal";
      return different(`its output "${tensor.name}" had ${values}; ${rule}`);
    }
    if (!allowed) continue;
    largest = Math.max(largest, gap);
    tolerance = allowed;
  }
  if (compared === 0) return { kind: "nothing", words: "there was nothing in the outputs to compare" };
  const how = tolerance
    ? `floats differ by ${shown(largest)} at most, and may by ${toleranceWords(tolerance)}`
    : "all of it is equal";
  return { kind: "same", words: how };
}

/** "0.0001 + 0.1 % of the value". */
export const toleranceWords = ({ absolute, relative }: Tolerance): string =>
  `${absolute} + ${relative * 100} % of the value`;

type Elements = ArrayLike<number | bigint | string>;

const different = (words: string): Agreement => ({ kind: "different", words });

const elements = ({ type, strings }: Tensors["tensors"][number], buffer: ArrayBuffer | undefined): Elements =>
  strings ?? (elementsOf(type, buffer ?? new ArrayBuffer()) as unknown as Elements);

/** Undefined for what has to be equal: also half floats, where this platform has only their bits. */
function toleranceOf(values: Elements): Tolerance | undefined {
  if (values instanceof Float32Array || values instanceof Float64Array) return TOLERANCES.wide;
  return Object.prototype.toString.call(values) === "[object Float16Array]" ? TOLERANCES.half : undefined;
}

interface Gap {
  /** The largest difference. */
  readonly gap: number;
  /** Where a difference is too large; the largest of those. */
  readonly worst: number | undefined;
}

function floatGap(mine: Elements, theirs: Elements, { absolute, relative }: Tolerance): Gap {
  let gap = 0;
  let worst: number | undefined;
  for (let at = 0; at < mine.length; at++) {
    const left = mine[at] as number;
    const right = theirs[at] as number;
    if (left === right || (Number.isNaN(left) && Number.isNaN(right))) continue;
    const difference = Math.abs(left - right);
    // Also where only one is no number, or infinite.
    if (!Number.isFinite(difference)) return { gap: Infinity, worst: at };
    const isTooLarge = difference > absolute + relative * Math.abs(left);
    if (isTooLarge && (worst === undefined || difference > gap)) worst = at;
    gap = Math.max(gap, difference);
  }
  return { gap, worst };
}

function exactGap(mine: Elements, theirs: Elements): Gap {
  for (let at = 0; at < mine.length; at++) if (mine[at] !== theirs[at]) return { gap: 0, worst: at };
  return { gap: 0, worst: undefined };
}

const shown = (value: number | bigint | string | undefined): string =>
  typeof value === "number" ? String(Number(value.toPrecision(3))) : JSON.stringify(String(value)).slice(0, 40);
