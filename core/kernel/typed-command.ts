/** A command of `kroma` as it was typed in the Linux machine, handed to what carries it out in the page or in Node. */
export interface TypedCommand {
  /** Which kernel's program typed it. */
  readonly client: string;
  readonly words: readonly string[];
  /** Where; paths are relative to it. */
  readonly directory: string;
  /** What came over standard input. */
  readonly input: Uint8Array;
  readonly signal: AbortSignal;
}
