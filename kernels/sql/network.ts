/** The SQL worker's network: what it loads of Kroma's own, and nothing for the engine. */

/** A request that never comes to anything: the engine looks at its status. */
class NoRequest {
  readonly status = 0;
  readonly response = undefined;
  open(): void {}
  setRequestHeader(): void {}
  send(): void {}
  getAllResponseHeaders(): string {
    return "";
  }
  getResponseHeader(): string | null {
    return null;
  }
}

const ownFetch = globalThis.fetch;

/** Gives `fetch` back while something of Kroma's own is loaded; no query runs meanwhile. */
export async function withNetwork<T>(load: () => Promise<T>): Promise<T> {
  const refusing = globalThis.fetch;
  const set = (value: typeof fetch): void => {
    Object.defineProperty(globalThis, "fetch", { value, configurable: true, writable: true });
  };
  set(ownFetch);
  try {
    return await load();
  } finally {
    set(refusing);
  }
}

/** Takes away from this worker what asks the network. */
export function giveUpNetwork(): void {
  const refuse = (): Promise<never> => Promise.reject(new TypeError("SQL asks nobody on the network."));
  for (const [name, value] of Object.entries({ XMLHttpRequest: NoRequest, fetch: refuse })) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  for (const name of ["WebSocket", "EventSource", "Worker", "importScripts"]) {
    Object.defineProperty(globalThis, name, { value: undefined, configurable: true, writable: true });
  }
}
