/**
 * Blocks in a folder, a file each, for any number of processes at once. A block is written beside its place, brought to the disk,
 * and put there by renaming: whoever looks finds the whole block or none, also after a power cut. Files lie in folders by the
 * last characters of their names but one, as Kubo's flatfs does, for the first characters are the same for all.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { KromaError } from "#core/base/errors.ts";
import { blockCid, checkBlock, inlineBytes, storedName, type BlockCodec } from "#core/store/cid.ts";
import type { BlockStore } from "#core/store/stores.ts";

const ENDING = ".block";
/** What a process that was killed left beside is removed after so long, in milliseconds; nobody writes a block for an hour. */
const LEFT_OVER = 60 * 60 * 1000;

/** The blocks in that folder, which is made when first written to. */
export class FolderBlockStore implements BlockStore {
  readonly #folder: string;
  readonly #made = new Set<string>();
  /** Folders with new names in them that may not be on the disk yet. */
  readonly #unsettled = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(bytes: Uint8Array, codec?: BlockCodec): Promise<string> {
    const cid = await blockCid(bytes, codec);
    const { folder, path } = this.#place(cid);
    // One that is there and whole is not written again; one that is damaged is made good.
    if (await isSame(path, bytes)) {
      // Another process may have put it there a moment ago.
      this.#unsettled.add(folder);
      return cid;
    }
    await this.#make(folder);
    const beside = `${path}.${randomUUID()}`;
    try {
      const file = await open(beside, "wx", 0o600);
      try {
        await file.writeFile(bytes);
        await file.datasync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
      this.#unsettled.add(folder);
    } catch (error) {
      await rm(beside, { force: true });
      throw refusal(error);
    }
    return cid;
  }

  /** Resolves when the names of all blocks that were put are on the disk, too; their bytes are when `put` resolves. */
  async settle(): Promise<void> {
    const folders = [...this.#unsettled];
    this.#unsettled.clear();
    if (folders.length > 0) folders.push(this.#folder);
    await Promise.all(folders.map(syncFolder));
  }

  async get(cid: string): Promise<Uint8Array | undefined> {
    const inline = inlineBytes(cid);
    if (inline) return inline;
    const bytes = await present(readFile(this.#place(cid).path));
    return bytes && checkBlock(cid, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }

  async has(cid: string): Promise<boolean> {
    return inlineBytes(cid) !== undefined || (await present(stat(this.#place(cid).path))) !== undefined;
  }

  async remove(cid: string): Promise<void> {
    await rm(this.#place(cid).path, { force: true }).catch((error: unknown) => {
      throw refusal(error);
    });
  }

  async *list(): AsyncGenerator<string> {
    for (const folder of (await present(readdir(this.#folder))) ?? []) {
      for (const name of (await present(readdir(join(this.#folder, folder)))) ?? []) {
        if (name.endsWith(ENDING)) yield name.slice(0, -ENDING.length);
        else await removeOld(join(this.#folder, folder, name));
      }
    }
  }

  #place(cid: string): { folder: string; path: string } {
    const name = storedName(cid);
    const folder = join(this.#folder, name.slice(-3, -1));
    return { folder, path: join(folder, `${name}${ENDING}`) };
  }

  async #make(folder: string): Promise<void> {
    if (this.#made.has(folder)) return;
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw refusal(error);
    }
    this.#made.add(folder);
  }
}

async function syncFolder(path: string): Promise<void> {
  // Windows has no such thing, and needs none: its file system keeps names in order.
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function isSame(path: string, bytes: Uint8Array): Promise<boolean> {
  const found = await present(stat(path));
  if (found?.size !== bytes.byteLength) return false;
  const kept = await present(readFile(path));
  return kept !== undefined && Buffer.compare(kept, bytes) === 0;
}

async function removeOld(path: string): Promise<void> {
  const found = await present(stat(path));
  if (found && Date.now() - found.mtimeMs > LEFT_OVER) await rm(path, { force: true });
}

/** What was asked for, or undefined when it isn't there. */
async function present<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw refusal(error);
  }
}

function refusal(error: unknown): unknown {
  if (error instanceof KromaError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const what =
    code === "ENOSPC" || code === "EDQUOT"
      ? "exhausted"
      : code === "EACCES" || code === "EPERM" || code === "EROFS"
        ? "denied"
        : "unavailable";
  return new KromaError(what, `The blocks can't be kept or read: ${message}.`, { cause: error });
}
