/** Stopping a verb by a signal: what is under way ends in order, and what is done stays. */

/** A signal that aborts at the first SIGINT or SIGTERM; a second one ends the program at once. `end` stops listening. */
export function stopOnSignals(): { readonly signal: AbortSignal; end(): void } {
  const stop = new AbortController();
  const handle = (name: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(name === "SIGINT" ? 130 : 143);
    stop.abort(name);
  };
  process.on("SIGINT", handle);
  process.on("SIGTERM", handle);
  return {
    signal: stop.signal,
    end() {
      process.off("SIGINT", handle);
      process.off("SIGTERM", handle);
    },
  };
}
