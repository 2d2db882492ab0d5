/**
 * What a worker that runs a foreign notebook gives up before the first line of it: the storage of Kroma's origin, and
 * ways to reach other tabs or start workers that would have it all again.
 */

const GLOBALS = [
  "indexedDB",
  "caches",
  "BroadcastChannel",
  "Worker",
  "SharedWorker",
  "WebTransport",
  "WebSocketStream",
  "EventSource",
  "Notification",
  "FileSystemObserver",
  "cookieStore",
  "localStorage",
  "sessionStorage",
  "kromaReadSync",
  "importScripts",
];
const NAVIGATOR = ["storage", "locks", "serviceWorker", "permissions", "usb", "serial", "hid", "gpu", "storageBuckets"];

/** Removes them for good, from the object and from every prototype that has them. */
export function giveUpPowers(): void {
  remove(globalThis, GLOBALS);
  const navigator = (globalThis as { navigator?: object }).navigator;
  if (navigator) remove(navigator, NAVIGATOR);
}

function remove(target: object, names: readonly string[]): void {
  for (const name of names) {
    for (let owner: object | null = target; owner; owner = Object.getPrototypeOf(owner) as object | null) {
      if (!Object.hasOwn(owner, name)) continue;
      if (!Reflect.deleteProperty(owner, name)) {
        Reflect.defineProperty(owner, name, { value: undefined, writable: false, configurable: false });
      }
    }
  }
}
