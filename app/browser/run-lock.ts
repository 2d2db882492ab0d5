/** Which of several tabs runs a notebook: the one that holds its Web Lock. When that tab ends, the next one takes over. */
import type { DocumentId } from "#core/base/ids.ts";

/** Waits for the right to run; `onHeld` is called when it is ours. The result gives it up. */
export function holdRunLock(document: DocumentId, onHeld: () => void): () => void {
  const stop = new AbortController();
  let release: (() => void) | undefined;
  navigator.locks
    .request(`kroma-run:${document}`, { signal: stop.signal }, () => {
      onHeld();
      return new Promise<void>((resolve) => (release = resolve));
    })
    // Aborted because the notebook closed before its turn came.
    .catch(() => undefined);
  return () => {
    stop.abort();
    release?.();
  };
}

/** True when another tab runs the notebook at this moment. */
export async function runsElsewhere(document: DocumentId): Promise<boolean> {
  const { held = [] } = await navigator.locks.query();
  return held.some((lock) => lock.name === `kroma-run:${document}`);
}
