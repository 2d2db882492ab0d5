/**
 * Under which name this Kroma keeps what it keeps. A gateway puts many copies of Kroma, older and newer ones, below paths of one origin,
 * which has one storage: under the same names they would wait for each other's locks, collect each other's blocks as garbage, and a
 * newer one would change a database so that an older one can't open it any more. So each has its storage by its path.
 */

/** The name for the Kroma at "/", and for those that were there when all still had it. */
export const PLAIN_PLACE = "kroma";

let place: Promise<string> | undefined;

/** What the names of this Kroma's databases, folders and locks begin with; the same in its page and its workers. */
export function storagePlace(): string | Promise<string> {
  const path = ownPath();
  if (path === "/") return PLAIN_PLACE;
  place ??= import("./place-register.ts").then(({ placeOf }) => placeOf(path));
  return place;
}

/** The name of something in it. */
export function placeFor(name: string): string | Promise<string> {
  const own = storagePlace();
  return typeof own === "string" ? `${own}${name}` : own.then((found) => `${found}${name}`);
}

/** The folder of the app: its page knows it, and its workers are in a folder in it. */
function ownPath(): string {
  if (import.meta.env.DEV) return "/";
  return new URL("./", typeof document === "undefined" ? new URL("../", location.href) : document.baseURI).pathname;
}
