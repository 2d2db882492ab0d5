/** Tasks that write text: piece by piece, and until they are stopped. */
import type { Library, LibraryPipeline } from "./library.ts";
import type { Task } from "./tasks.ts";

/** Runs what writes text: each piece is told, and a signal ends it. */
export async function written(
  library: Library,
  task: Task,
  run: LibraryPipeline,
  values: readonly unknown[],
  signal: AbortSignal,
  onText: (text: string) => void,
): Promise<unknown> {
  const stopping = new library.InterruptableStoppingCriteria();
  const stop = (): void => stopping.interrupt();
  signal.addEventListener("abort", stop, { once: true });
  const [first, ...rest] = values;
  const options = rest.pop() as Record<string, unknown>;
  // Of several texts at once the pieces can't be told apart.
  const isOne = !Array.isArray(first) || typeof first[0] !== "string";
  const streamer =
    isOne && task.takes === "text" && run.tokenizer
      ? { streamer: new library.TextStreamer(run.tokenizer, { skip_prompt: true, callback_function: onText }) }
      : {};
  try {
    const result = await run(first, ...rest, { ...streamer, ...options, stopping_criteria: stopping });
    signal.throwIfAborted();
    return result;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
