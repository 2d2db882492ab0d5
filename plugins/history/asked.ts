/** What the history panel is to show first: asked for by a command before the panel is there. */

/** The panel's id. */
export const HISTORY_PANEL = "history";

/** The list, what changed while one was away, the place where the present version is named, or shortening it. */
export type Asked = "list" | "away" | "name" | "shorten";

let asked: Asked = "list";
const listeners = new Set<(what: Asked) => void>();

/** Has the panel show that, now if it is open, else when it is opened. */
export function askFor(what: Asked): void {
  asked = listeners.size === 0 ? what : "list";
  for (const listener of listeners) listener(what);
}

/** What was asked for; once it was taken, the list. */
export function takeAsked(): Asked {
  const taken = asked;
  asked = "list";
  return taken;
}

/** Calls `listener` with what is asked for while the panel is open. Returns the way to stop. */
export function onAsked(listener: (what: Asked) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
