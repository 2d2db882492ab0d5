/** What the starts of one Python kernel have in common: the compiled interpreter, and whether restoring has failed here. */
import type { KernelHost } from "#core/kernel/kernel.ts";
import type { SharedParts } from "./wire.ts";

/** Facts by place of the assets: another place may hold another Pyodide. */
export class Starts {
  readonly #parts = new Map<string, SharedParts>();
  readonly #plain = new Set<string>();

  /** The compiled interpreter and the snapshot, once a start has had them. */
  parts(host: KernelHost): SharedParts | undefined {
    return this.#parts.get(keyOf(host));
  }

  share(host: KernelHost, parts: SharedParts): void {
    this.#parts.set(keyOf(host), parts);
  }

  /** True: the snapshot does not work in this browser. */
  isPlain(host: KernelHost): boolean {
    const key = keyOf(host);
    return this.#plain.has(key) || pageStorage()?.getItem(plainKey(key)) === "1";
  }

  /** Remembers that, in a page also for the next visit. */
  setPlain(host: KernelHost): void {
    const key = keyOf(host);
    this.#plain.add(key);
    try {
      pageStorage()?.setItem(plainKey(key), "1");
    } catch {
      // Storage is full or denied: it is tried again next time.
    }
  }
}

const keyOf = (host: KernelHost): string => host.asset("pyodide/");

/** Another browser version gets another try. */
const plainKey = (key: string): string =>
  `kroma-python-plain ${key} ${(globalThis as { navigator?: { userAgent: string } }).navigator?.userAgent}`;

interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** The page's own memory; nothing elsewhere. */
function pageStorage(): Storage | undefined {
  const scope = globalThis as { document?: unknown; localStorage?: Storage };
  try {
    return scope.document === undefined ? undefined : scope.localStorage;
  } catch {
    return undefined;
  }
}
