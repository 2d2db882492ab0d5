/**
 * Downloaded packages, kept by the sha256 of their bytes: in the browser's Cache, in Node in a folder that the host
 * names. Whoever reads checks the hash, so a damaged entry is only a miss.
 */

declare global {
  /** Node's thread program names a folder that may be written. */
  var kromaCacheDirectory: string | undefined;
}

export interface WheelStore {
  read(sha256: string): Promise<Uint8Array | undefined>;
  write(sha256: string, bytes: Uint8Array): Promise<void>;
}

/** The part of node:fs/promises that is used; a kernel imports nothing of Node's. */
interface NodeFiles {
  readFile(path: string): Promise<Uint8Array>;
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  mkdir(path: string, options: { recursive: true }): Promise<unknown>;
}

const CACHE = "kroma-python-packages";

/** The store of this place, or undefined if it has none. */
export function openWheelStore(): WheelStore | undefined {
  const node = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const directory = globalThis.kromaCacheDirectory;
  if (directory !== undefined) {
    const files = node.process?.getBuiltinModule?.("node:fs/promises") as NodeFiles | undefined;
    return files && folderStore(files, `${directory}/python-packages`);
  }
  // Taken now, because a foreign notebook's worker gives it up later.
  return typeof caches === "undefined" ? undefined : cacheStore(caches);
}

function folderStore(files: NodeFiles, folder: string): WheelStore {
  return {
    async read(sha256) {
      try {
        // Pyodide takes no Buffer, which is a Uint8Array by another name.
        return new Uint8Array(await files.readFile(`${folder}/${sha256}`));
      } catch {
        return undefined;
      }
    },
    async write(sha256, bytes) {
      const temporary = `${folder}/${sha256}.${Math.random().toString(36).slice(2)}`;
      try {
        await files.mkdir(folder, { recursive: true });
        await files.writeFile(temporary, bytes);
        await files.rename(temporary, `${folder}/${sha256}`);
      } catch {
        // A full or read-only disk: it is downloaded again next time.
      }
    },
  };
}

function cacheStore(storage: CacheStorage): WheelStore {
  const address = (sha256: string) => `https://packages.invalid/${sha256}`;
  return {
    async read(sha256) {
      try {
        const found = await (await storage.open(CACHE)).match(address(sha256));
        return found && new Uint8Array(await found.arrayBuffer());
      } catch {
        return undefined;
      }
    },
    async write(sha256, bytes) {
      try {
        await (await storage.open(CACHE)).put(address(sha256), new Response(bytes.slice()));
      } catch {
        // Storage is full or denied: it is downloaded again next time.
      }
    },
  };
}
