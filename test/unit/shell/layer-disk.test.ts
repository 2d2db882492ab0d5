/** The disk of a machine's changes over the store that keeps it: crashes at any point, a store that is full or gone. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ERRNO, FsError } from "#core/workspace/errno.ts";
import { MemoryHandle, type StorageHandle } from "#core/workspace/storage-handle.ts";
import { MODE, ROOT } from "#core/workspace/protocol.ts";
import { TreeStore } from "#core/workspace/tree-store.ts";
import { LAYER_BLOCK, LayerDisk } from "#kernels/shell/layer-disk.ts";
import { type DiskFiles, LayerStore, packBlocks } from "#kernels/shell/layer-store.ts";

const BLOCKS = 24;
const SIZE = BLOCKS * LAYER_BLOCK;

/** A store as a client of its server sees it, without the server. */
const filesOf = (tree: TreeStore): DiskFiles => ({
  lookup(parent, name) {
    try {
      return tree.lookup(parent, name);
    } catch (error) {
      if (error instanceof FsError && error.errno === ERRNO.ENOENT) return undefined;
      throw error;
    }
  },
  create: (parent, name, mode) => tree.create(parent, name, mode, "", false),
  setattr: (inode, change) => tree.setattr(inode, change),
  read: (inode, offset, into) => tree.read(inode, offset, into),
  write(inode, offset, bytes) {
    tree.write(inode, offset, bytes);
    return bytes.length;
  },
  rename: (from, name, to, newName) => tree.rename(from, name, to, newName),
  unlink: (parent, name) => tree.unlink(parent, name, false),
  sync: () => tree.sync(),
});

type Step =
  | { readonly file: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly file: number; readonly size: number }
  | { readonly flushed: number };

/** Three files that remember what was done to them, in order. */
class Recorder {
  readonly steps: Step[] = [];
  readonly #files = [new MemoryHandle(), new MemoryHandle(), new MemoryHandle()];

  handle(file: number): StorageHandle {
    const memory = this.#files[file] as MemoryHandle;
    return {
      read: (into, options) => memory.read(into, options),
      write: (bytes, { at }) => {
        this.steps.push({ file, at, bytes: bytes.slice() });
        return memory.write(bytes, { at });
      },
      truncate: (size) => {
        this.steps.push({ file, size });
        memory.truncate(size);
      },
      flush: () => void this.steps.push({ flushed: file }),
      getSize: () => memory.getSize(),
      close: () => undefined,
    };
  }
}

const open = (handles: readonly StorageHandle[], options: { quota?: number; compactAt?: number } = {}): TreeStore => {
  const [blocks, first, second] = handles as [StorageHandle, StorageHandle, StorageHandle];
  return new TreeStore({ blocks, journal: [first, second], now: () => 0, ...options });
};

/** The files as a crash after `count` steps leaves them; `survives` decides about what was not flushed by then. */
function crashed(steps: readonly Step[], count: number, survives: (step: number) => boolean): StorageHandle[] {
  const done = steps.slice(0, count);
  const flushed = [0, 1, 2].map((file) => done.findLastIndex((step) => "flushed" in step && step.flushed === file));
  const files = [new MemoryHandle(), new MemoryHandle(), new MemoryHandle()];
  done.forEach((step, index) => {
    if ("flushed" in step) return;
    if (index > (flushed[step.file] ?? -1) && !survives(index)) return;
    const file = files[step.file] as MemoryHandle;
    if ("size" in step) file.truncate(step.size);
    else file.write(step.bytes, { at: step.at });
  });
  return files;
}

const content = (disk: LayerDisk): Uint8Array => {
  let bytes: Uint8Array = new Uint8Array(0);
  disk.get(0, SIZE, (got) => (bytes = got));
  return bytes;
};
const isSame = (left: Uint8Array, right: Uint8Array, index: number): boolean =>
  Buffer.compare(
    left.subarray(index * LAYER_BLOCK, (index + 1) * LAYER_BLOCK),
    right.subarray(index * LAYER_BLOCK, (index + 1) * LAYER_BLOCK),
  ) === 0;

/** A block of the guest's journal that ends a transaction. */
const COMMIT = new Uint8Array(LAYER_BLOCK).fill(7);
new DataView(COMMIT.buffer).setUint32(0, 0xc03b3998);
new DataView(COMMIT.buffer).setUint32(4, 2);

const template = packBlocks([[3, new Uint8Array(LAYER_BLOCK).fill(1)]]);

describe("a crash", () => {
  const write = fc.record({
    block: fc.integer({ min: 0, max: BLOCKS - 3 }),
    count: fc.integer({ min: 1, max: 3 }),
    fill: fc.integer({ min: 1, max: 255 }),
    commits: fc.boolean(),
  });
  const property = (power: boolean) =>
    fc.property(
      fc.array(write, { minLength: 1, maxLength: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.infiniteStream(fc.boolean()),
      fc.boolean(),
      (writes, when, chance, compacts) => {
        const recorder = new Recorder();
        const tree = open(
          [0, 1, 2].map((file) => recorder.handle(file)),
          compacts ? { compactAt: 300 } : {},
        );
        const disk = new LayerDisk({ size: SIZE });
        disk.attach(new LayerStore(filesOf(tree), SIZE, template));
        const born = recorder.steps.length;
        /** The disk's content after each write, and how many steps had been done by then. */
        const states: { readonly steps: number; readonly bytes: Uint8Array; readonly ordered: boolean }[] = [
          { steps: born, bytes: content(disk), ordered: true },
        ];
        for (const { block, count, fill, commits } of writes) {
          const bytes = commits ? COMMIT.slice() : new Uint8Array(count * LAYER_BLOCK).fill(fill);
          if (commits) bytes[100] = fill;
          disk.set(block * LAYER_BLOCK, bytes, () => undefined);
          if (fill % 3 === 0) tree.commit();
          states.push({ steps: recorder.steps.length, bytes: content(disk), ordered: commits });
        }
        const count = born + Math.floor(when * (recorder.steps.length - born + 1));
        const handles = crashed(recorder.steps, count, power ? () => chance.next().value === true : () => true);
        const again = new LayerDisk({ size: SIZE });
        again.attach(new LayerStore(filesOf(open(handles)), SIZE, template));
        const found = content(again);
        // All before the last write that ends a transaction and was begun after, is there, whatever came later.
        const reached = states.findLastIndex(({ steps }) => steps <= count);
        const last = states.findLastIndex(({ ordered }, index) => ordered && index <= reached);
        // The next write waits until the one that ended the transaction is on disk.
        const safe = last === reached ? Math.max(0, last - 1) : last;
        for (let index = 0; index < BLOCKS; index++) {
          expect(states.slice(safe).some(({ bytes }) => isSame(bytes, found, index))).toBe(true);
        }
      },
    );

  test("of the browser leaves each block as it was at the journal's last order, or as written since", () => {
    fc.assert(property(false), { numRuns: 150 });
  });

  test("of the power does so too, whichever of the later writes came through", () => {
    fc.assert(property(true), { numRuns: 150 });
  });
});

describe("a store that is full", () => {
  test("keeps what it has; what comes later is in memory, and is read as it was written", () => {
    const handles = [new MemoryHandle(), new MemoryHandle(), new MemoryHandle()];
    const tree = open(handles, { quota: 6 * LAYER_BLOCK });
    const troubles: unknown[] = [];
    const disk = new LayerDisk({ size: SIZE, onFull: (error) => troubles.push(error) });
    disk.attach(new LayerStore(filesOf(tree), SIZE, template));
    const fill = (index: number, value: number) =>
      disk.set(index * LAYER_BLOCK, new Uint8Array(LAYER_BLOCK).fill(value), () => undefined);
    for (let index = 0; index < 10; index++) fill(index, 10 + index);
    expect(troubles).toHaveLength(1);
    expect(disk.isStored).toBe(false);
    fill(0, 99);
    disk.set(4096 * 12 + 512, new Uint8Array(512).fill(5), () => undefined);
    const bytes = content(disk);
    expect([0, 1, 9].map((index) => bytes[index * LAYER_BLOCK])).toEqual([99, 11, 19]);
    expect([...bytes.subarray(4096 * 12 + 511, 4096 * 12 + 513)]).toEqual([0, 5]);
    tree.sync();
    const again = new LayerDisk({ size: SIZE });
    again.attach(new LayerStore(filesOf(open(handles)), SIZE, template));
    // The first five in order, and the template's own; nothing of what came after the one that did not fit.
    const stored = content(again);
    expect(Array.from({ length: 10 }, (_, index) => stored[index * LAYER_BLOCK])).toEqual([
      10, 11, 12, 13, 14, 15, 0, 0, 0, 0,
    ]);
  });

  test("takes what waited, in its order, as others give room back", () => {
    const handles = [new MemoryHandle(), new MemoryHandle(), new MemoryHandle()];
    const tree = open(handles, { quota: 14 * LAYER_BLOCK });
    const files = filesOf(tree);
    const others = ["small", "large"].map((name, index) => {
      const { inode } = files.create(ROOT, name, MODE.file | 0o600);
      files.write(inode, 0, new Uint8Array((index === 0 ? 2 : 6) * LAYER_BLOCK));
      return name;
    });
    const told: string[] = [];
    const disk = new LayerDisk({
      size: SIZE,
      onFull: (_error, waits) => told.push(waits ? "waits" : "full"),
      onRoom: () => told.push("room"),
      onGivenUp: () => told.push("given up"),
    });
    disk.attach(new LayerStore(files, SIZE, template));
    const fill = (index: number, value: number) =>
      disk.set(index * LAYER_BLOCK, new Uint8Array(LAYER_BLOCK).fill(value), () => undefined);
    for (let index = 0; index < 10; index++) fill(index, 10 + index);
    fill(0, 99);
    const stored = () => {
      const again = new LayerDisk({ size: SIZE });
      again.attach(new LayerStore(filesOf(tree), SIZE, template));
      return Array.from({ length: 10 }, (_, index) => content(again)[index * LAYER_BLOCK]);
    };
    disk.retry();
    const before = stored().filter((value) => value !== 0).length;
    expect(before).toBeLessThan(8);
    expect(disk.isStored).toBe(false);
    files.unlink(ROOT, others[0] ?? "");
    disk.retry();
    expect(stored().filter((value) => value !== 0).length).toBe(before + 2);
    expect(stored()[0]).toBe(10);
    expect(disk.isStored).toBe(false);
    files.unlink(ROOT, others[1] ?? "");
    disk.retry();
    expect(told).toEqual(["waits", "room"]);
    expect(disk.isStored).toBe(true);
    expect(stored()).toEqual([99, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    fill(1, 77);
    expect(stored()[1]).toBe(77);
  });

  test("is not waited for without end", () => {
    const told: string[] = [];
    const disk = new LayerDisk({
      size: 1 << 30,
      onFull: (_error, waits) => told.push(waits ? "waits" : "full"),
      onGivenUp: () => told.push("given up"),
    });
    let room = 0;
    disk.attach({
      read: (_offset, into) => into.fill(0),
      write: () => {
        if (room === 0) throw new FsError(ERRNO.ENOSPC);
      },
      flush: () => undefined,
    });
    const piece = new Uint8Array(1 << 20).fill(1);
    for (let at = 0; at < 70; at++) disk.set(at << 20, piece, () => undefined);
    expect(told).toEqual(["waits", "given up"]);
    room = 1;
    disk.retry();
    expect(disk.isStored).toBe(false);
    const read = new Uint8Array(2);
    disk.get(69 << 20, 2, (bytes) => read.set(bytes));
    expect([...read]).toEqual([1, 1]);
  });

  test("and one that does not answer is not tried again", () => {
    const told: boolean[] = [];
    const disk = new LayerDisk({ size: SIZE, onFull: (_error, waits) => told.push(waits) });
    let writes = 0;
    disk.attach({
      read: (_offset, into) => into.fill(0),
      write: () => {
        writes++;
        throw new FsError(ERRNO.EIO);
      },
      flush: () => undefined,
    });
    disk.set(0, new Uint8Array(LAYER_BLOCK), () => undefined);
    disk.retry();
    expect([told, writes]).toEqual([[false], 1]);
  });

  test("that cannot hold a new disk leaves none behind", () => {
    const tree = open([new MemoryHandle(), new MemoryHandle(), new MemoryHandle()], { quota: 0 });
    expect(() => new LayerStore(filesOf(tree), SIZE, template)).toThrow(FsError);
    expect(filesOf(tree).lookup(1, "disk")).toBeUndefined();
  });
});

test("a disk that was set aside is kept, and a new one starts from the template", () => {
  const files = filesOf(open([new MemoryHandle(), new MemoryHandle(), new MemoryHandle()]));
  for (const name of ["disk-damaged", "disk-damaged-2"]) {
    const store = new LayerStore(files, SIZE, template);
    store.write(0, new Uint8Array(LAYER_BLOCK).fill(9));
    expect(store.setAside()).toBe(name);
    expect(files.lookup(1, name)?.size).toBe(SIZE);
  }
  const fresh = new Uint8Array(2 * LAYER_BLOCK);
  const store = new LayerStore(files, SIZE, template);
  store.read(0, fresh);
  expect(fresh.every((byte) => byte === 0)).toBe(true);
  store.read(3 * LAYER_BLOCK, fresh);
  expect([fresh[0], fresh[LAYER_BLOCK]]).toEqual([1, 0]);
});

test("a store that is gone is told, and the guest's read does not end with wrong bytes", () => {
  const lost: unknown[] = [];
  const disk = new LayerDisk({ size: SIZE, onLost: (error) => lost.push(error) });
  disk.attach({
    read: () => {
      throw new FsError(ERRNO.EIO);
    },
    write: () => undefined,
    flush: () => undefined,
  });
  disk.get(0, LAYER_BLOCK, () => expect.fail("it was answered"));
  expect(lost).toHaveLength(1);
});
