/** Why a part of the page that is loaded when it is first opened is not there, in words for a person. */

/** What browsers and Vite say when a file of the page did not come (no standard has names for it). */
const NOT_COME = /dynamically imported module|importing a module script failed|unable to preload/i;

/** Says it: mostly the server is gone before the browser had kept all of Kroma for visits without it. */
export function loadFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return NOT_COME.test(message)
    ? `It is not in this browser yet, and ${location.host} does not answer. Open it again once you are connected.`
    : `This panel could not be loaded: ${message}`;
}
