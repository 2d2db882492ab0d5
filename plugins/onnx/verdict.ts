/** What was found of a model on a device: whether it gives the same answer there. */
import { boolean, maxLength, object, pipe, safeParse, string } from "valibot";

const schema = object({ isSame: boolean(), words: pipe(string(), maxLength(1000)) });

/** Found once for each model, and kept. */
export interface Verdict {
  readonly isSame: boolean;
  /** How the answers compared. */
  readonly words: string;
}

/** A verdict as it was kept; undefined for what is none. */
export function readVerdict(value: unknown): Verdict | undefined {
  const result = safeParse(schema, value);
  return result.success ? result.output : undefined;
}
