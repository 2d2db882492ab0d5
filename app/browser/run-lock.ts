/** Which of several tabs runs a notebook: the one that holds its Web Lock. When that tab ends, the next one takes over. */
import type { DocumentId } from "#core/base/ids.ts";
import { placeFor } from "#plugins/indexeddb/place.ts";

/** Waits for the right to run; `onHeld` is called when it is ours. The result gives it up. */
export function holdRunLock(document: DocumentId, onHeld: () => void): () => void {
  const stop = new AbortController();
  let release: (() => void) | undefined;
  Promise.resolve(lockOf(document))
    .then((lock) =>
      navigator.locks.request(lock, { signal: stop.signal }, () => {
        onHeld();
        return new Promise<void>((resolve) => (release = resolve));
      }),
    )
    .catch((error: unknown) => {
      // A browser that denies storage denies locks too; tabs then share nothing, and each runs its own. Otherwise the
      // notebook was closed before its turn came.
      if (isDenied(error)) onHeld();
    });
  return () => {
    stop.abort();
    release?.();
  };
}

/** True when another tab runs the notebook at this moment. */
export async function runsElsewhere(document: DocumentId): Promise<boolean> {
  try {
    const [name, { held = [] }] = await Promise.all([lockOf(document), navigator.locks.query()]);
    return held.some((lock) => lock.name === name);
  } catch (error) {
    if (isDenied(error)) return false;
    throw error;
  }
}

const lockOf = (document: DocumentId): string | Promise<string> => placeFor(`-run:${document}`);

const isDenied = (error: unknown): boolean => error instanceof DOMException && error.name === "SecurityError";
