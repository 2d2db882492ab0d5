/** A storage handle on a real file, for tests of the store in Node. */
import * as nodeFs from "node:fs";
import type { StorageHandle } from "#core/workspace/storage-handle.ts";

export function fileHandle(path: string): StorageHandle {
  const descriptor = nodeFs.openSync(path, nodeFs.existsSync(path) ? "r+" : "w+");
  return {
    read: (into, { at }) => nodeFs.readSync(descriptor, into, 0, into.length, at),
    write: (bytes, { at }) => nodeFs.writeSync(descriptor, bytes, 0, bytes.length, at),
    truncate: (size) => nodeFs.ftruncateSync(descriptor, size),
    flush: () => nodeFs.fsyncSync(descriptor),
    getSize: () => nodeFs.fstatSync(descriptor).size,
    close: () => nodeFs.closeSync(descriptor),
  };
}

/** The three handles of a store in a directory. */
export function storeHandles(directory: string): {
  readonly blocks: StorageHandle;
  readonly journal: readonly [StorageHandle, StorageHandle];
} {
  nodeFs.mkdirSync(directory, { recursive: true });
  return {
    blocks: fileHandle(`${directory}/blocks`),
    journal: [fileHandle(`${directory}/journal-0`), fileHandle(`${directory}/journal-1`)],
  };
}
