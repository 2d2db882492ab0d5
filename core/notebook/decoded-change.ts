/** Automerge's changes as it decodes them, with what its types leave out. */
import type * as Automerge from "@automerge/automerge/slim";

/** An operation. In maps it has a key, in texts and lists the id of an element. */
export interface DecodedOperation {
  readonly action: string;
  readonly obj: string;
  readonly key?: string;
  readonly elemId?: string;
  readonly insert?: boolean;
  readonly pred: readonly string[];
}

/** A decoded change. */
export type DecodedChange = Omit<Automerge.DecodedChange, "ops"> & { readonly ops: readonly DecodedOperation[] };

/** What Automerge says of two changes of one actor with one number, which contradictions.ts settles. */
export const DUPLICATE = "duplicate seq";

/** Orders ids of operations as Automerge does: by number, then by actor (automerge.org, "Binary Document Format"). */
export function byOperation(left: string, right: string): number {
  const difference = Number.parseInt(left, 10) - Number.parseInt(right, 10);
  if (difference !== 0) return difference;
  return left.slice(left.indexOf("@")) < right.slice(right.indexOf("@")) ? -1 : 1;
}
