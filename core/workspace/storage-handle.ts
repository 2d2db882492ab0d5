/**
 * The one thing the store needs from below: a file of bytes with the shape of FileSystemSyncAccessHandle.
 * OPFS gives such handles in a browser's worker; Node and the tests make them from a file or from memory.
 */

export interface StorageHandle {
  /** Answers how many bytes there were. */
  read(into: Uint8Array, options: { readonly at: number }): number;
  /** Answers how many bytes were written; fewer, or an exception, when the disk is full. */
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  flush(): void;
  getSize(): number;
  close(): void;
}

const PAGE = 64 << 10;

/** A handle in memory, for where there is no storage. It grows by pages. */
export class MemoryHandle implements StorageHandle {
  #pages: Uint8Array[] = [];
  #size = 0;

  read(into: Uint8Array, { at }: { readonly at: number }): number {
    const length = Math.max(0, Math.min(into.length, this.#size - at));
    for (let done = 0; done < length;) {
      const offset = (at + done) % PAGE;
      const page = this.#pages[Math.floor((at + done) / PAGE)] as Uint8Array;
      const part = page.subarray(offset, offset + length - done);
      into.set(part, done);
      done += part.length;
    }
    return length;
  }

  write(bytes: Uint8Array, { at }: { readonly at: number }): number {
    this.#reach(at + bytes.length);
    for (let done = 0; done < bytes.length;) {
      const offset = (at + done) % PAGE;
      const page = this.#pages[Math.floor((at + done) / PAGE)] as Uint8Array;
      const part = bytes.subarray(done, done + PAGE - offset);
      page.set(part, offset);
      done += part.length;
    }
    return bytes.length;
  }

  truncate(size: number): void {
    if (size > this.#size) return this.#reach(size);
    this.#pages.length = Math.ceil(size / PAGE);
    this.#pages.at(-1)?.fill(0, size % PAGE || PAGE);
    this.#size = size;
  }

  flush(): void {}

  getSize(): number {
    return this.#size;
  }

  close(): void {
    this.truncate(0);
  }

  #reach(size: number): void {
    while (this.#pages.length * PAGE < size) this.#pages.push(new Uint8Array(PAGE));
    this.#size = Math.max(this.#size, size);
  }
}
