/** The store: what it keeps over a crash, how it reuses space, what it does when there is none. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resolvePath } from "#core/workspace/file-tree.ts";
import { isDirectory, MODE, ROOT } from "#core/workspace/protocol.ts";
import { MemoryHandle, type StorageHandle } from "#core/workspace/storage-handle.ts";
import { TreeStore } from "#core/workspace/tree-store.ts";
import { pattern } from "../../conformance/workspace.ts";
import { storeHandles } from "./file-handle.ts";

const FILE = MODE.file | 0o644;
const DIRECTORY = MODE.directory | 0o755;

function copyOf(handle: StorageHandle, size = handle.getSize()): MemoryHandle {
  const bytes = new Uint8Array(Math.min(size, handle.getSize()));
  handle.read(bytes, { at: 0 });
  const copy = new MemoryHandle();
  copy.write(bytes, { at: 0 });
  return copy;
}

function create(tree: TreeStore, name: string, bytes: Uint8Array, parent = ROOT): number {
  const { inode } = tree.create(parent, name, FILE, "", false);
  tree.write(inode, 0, bytes);
  return inode;
}

function contentOf(tree: TreeStore, path: string): Uint8Array {
  const stat = resolvePath(tree, path, true);
  const bytes = new Uint8Array(stat.size);
  tree.read(stat.inode, 0, bytes);
  return bytes;
}

/** Every path with its content's sum. */
function all(tree: TreeStore, inode = ROOT, at = ""): string[] {
  return tree
    .list(inode)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${at}/${entry.name}`;
      if (isDirectory(entry)) return [path, ...all(tree, entry.inode, path)];
      const bytes = contentOf(tree, path);
      return [`${path} ${bytes.length} ${bytes.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0)}`];
    });
}

/** Handles that stay open when the store that used them is thrown away. */
function memory(): { readonly blocks: MemoryHandle; readonly journal: readonly [MemoryHandle, MemoryHandle] } {
  return { blocks: new MemoryHandle(), journal: [new MemoryHandle(), new MemoryHandle()] };
}

describe("a crash", () => {
  test("at any byte of the journal leaves the tree of some commit, and work goes on from there", () => {
    const handles = memory();
    const tree = new TreeStore(handles);
    const states: { readonly size: number; readonly tree: readonly string[] }[] = [];
    const keep = () => {
      tree.commit();
      states.push({ size: tree.sizes.journal, tree: all(tree) });
    };
    keep();
    const directory = tree.create(ROOT, "d", DIRECTORY, "", true).inode;
    keep();
    for (let i = 0; i < 4; i++) {
      create(tree, `f${i}`, pattern(i * 3000 + 10, i + 1), directory);
      keep();
    }
    tree.rename(directory, "f0", ROOT, "moved");
    keep();
    const temporary = create(tree, "state.tmp", pattern(5000, 9));
    tree.rename(ROOT, "state.tmp", ROOT, "state");
    tree.link(temporary, directory, "other-name");
    keep();
    tree.unlink(directory, "f3", false);
    tree.setattr(temporary, { mode: 0o600 });
    keep();
    const journal = tree.sizes.journal;
    const slot = handles.journal[1].getSize() === journal ? 1 : 0;
    const start = states[0]?.size ?? 0;
    for (let cut = start; cut <= journal; cut++) {
      const survivors = handles.journal.map((handle, i) => copyOf(handle, i === slot ? cut : undefined));
      const copy = { blocks: copyOf(handles.blocks), journal: survivors as [MemoryHandle, MemoryHandle] };
      const again = new TreeStore(copy);
      const expected = states.filter((state) => state.size <= cut).at(-1)?.tree;
      expect(all(again), `journal cut at ${cut} of ${journal}`).toEqual(expected);
      expect(again.damagedBlocks).toBe(0);
      create(again, "after", pattern(9000, 5));
      again.sync();
      const third = new TreeStore(copy);
      expect(all(third)).toEqual(all(again));
    }
  });

  test("that leaves a torn frame and whole old ones behind it does not bring the old ones back", () => {
    const handles = memory();
    const tree = new TreeStore(handles);
    const ends: number[] = [];
    for (const name of ["aa", "bb", "cc"]) {
      tree.create(ROOT, name, FILE, "", true);
      tree.commit();
      ends.push(tree.sizes.journal);
    }
    const slot = handles.journal[0].getSize() === ends[2] ? 0 : 1;
    const torn = handles.journal[slot] as MemoryHandle;
    // A byte of the second frame is wrong; the third is whole.
    torn.write(Uint8Array.of(0xff), { at: (ends[1] ?? 0) - 3 });
    const again = new TreeStore(handles);
    expect(again.list(ROOT).map(({ name }) => name)).toEqual(["aa"]);
    again.create(ROOT, "dd", FILE, "", true);
    again.commit();
    expect(new TreeStore(handles).list(ROOT).map(({ name }) => name)).toEqual(["aa", "dd"]);
  });

  test("during compaction leaves the old journal in force", () => {
    const handles = memory();
    const tree = new TreeStore({ ...handles, compactAt: 2000 });
    let before: readonly string[] = [];
    let journals: readonly MemoryHandle[] = [];
    const isCompacted = () =>
      tree.sizes.journal < (journals[0]?.getSize() ?? 0) || tree.sizes.journal < (journals[1]?.getSize() ?? 0);
    for (let i = 0; i < 200; i++) {
      create(tree, `f${i % 10}`, pattern(100 + i, i + 1));
      journals = handles.journal.map((handle) => copyOf(handle));
      tree.commit();
      before = all(tree);
      if (isCompacted() && i > 20) break;
    }
    // The snapshot in the new slot is torn at every place in turn.
    const slot = handles.journal[0].getSize() === tree.sizes.journal ? 0 : 1;
    for (const cut of [0, 1, 23, 24, 100, tree.sizes.journal - 1]) {
      const parts = [0, 1].map((i) =>
        i === slot ? copyOf(handles.journal[i] as MemoryHandle, cut) : (journals[i] as MemoryHandle),
      );
      const again = new TreeStore({
        blocks: copyOf(handles.blocks),
        journal: parts.map((part) => copyOf(part)) as [MemoryHandle, MemoryHandle],
      });
      expect(again.list(ROOT).length).toBe(before.length);
    }
    expect(all(new TreeStore(handles))).toEqual(before);
  });

  test("of a writing process, killed at any time, leaves a prefix of what it did", async () => {
    const scratch = mkdtempSync(join(tmpdir(), "workspace-kill-"));
    try {
      for (let round = 0; round < 4; round++) {
        const directory = join(scratch, String(round));
        const acknowledged = await killWhileWriting(directory, 150 + round * 170);
        const tree = new TreeStore(storeHandles(directory));
        expect(tree.damagedBlocks).toBe(0);
        const numbers = tree
          .list(ROOT)
          .filter(({ name }) => name.startsWith("f"))
          .map(({ name }) => Number(name.slice(1)))
          .sort((a, b) => a - b);
        expect(numbers).toEqual(numbers.map((_, i) => i));
        expect(numbers.length).toBeGreaterThanOrEqual(acknowledged);
        for (const i of numbers.slice(0, acknowledged)) {
          expect(Buffer.compare(contentOf(tree, `f${i}`), pattern(i % 9000, i + 1))).toBe(0);
        }
        if (acknowledged > 0) {
          const state = JSON.parse(new TextDecoder().decode(contentOf(tree, "state.json"))) as { n: number };
          expect(state.n).toBeGreaterThanOrEqual(acknowledged - 1);
        }
        tree.end();
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});

/** Answers how many files the process said were committed before it was killed. */
function killWhileWriting(directory: string, lines: number): Promise<number> {
  const child = spawn(process.execPath, [new URL("./writing-process.ts", import.meta.url).pathname, directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    let last = 0;
    createInterface(child.stdout).on("line", (line) => {
      last = Number(line);
      if (last >= lines) child.kill("SIGKILL");
    });
    child.on("exit", (_, signal) => (signal === "SIGKILL" ? resolve(last) : reject(new Error("it ended by itself"))));
  });
}

describe("space", () => {
  test("that is freed is used again, and the end of the file is cut off", () => {
    const handles = memory();
    const tree = new TreeStore(handles);
    for (let i = 0; i < 8; i++) create(tree, `f${i}`, pattern(400_000, i + 1));
    tree.sync();
    const full = tree.sizes.blocks;
    for (let i = 0; i < 7; i++) tree.unlink(ROOT, `f${i}`, false);
    tree.sync();
    for (let i = 0; i < 7; i++) create(tree, `g${i}`, pattern(400_000, i + 10));
    tree.sync();
    expect(tree.sizes.blocks).toBe(full);
    for (let i = 0; i < 7; i++) tree.unlink(ROOT, `g${i}`, false);
    tree.unlink(ROOT, "f7", false);
    tree.sync();
    expect(tree.sizes).toMatchObject({ blocks: 0, used: 0 });
    create(tree, "again", pattern(10_000));
    tree.sync();
    expect(contentOf(new TreeStore(handles), "again")).toEqual(pattern(10_000));
  });

  test("freed by a file is not used before the journal that says so is on disk", () => {
    const handles = memory();
    const tree = new TreeStore(handles);
    create(tree, "old", pattern(8000, 1));
    tree.sync();
    const journal = handles.journal.map((handle) => copyOf(handle)) as [MemoryHandle, MemoryHandle];
    tree.unlink(ROOT, "old", false);
    create(tree, "new", pattern(8000, 2));
    // Only the blocks reached the disk.
    const again = new TreeStore({ blocks: copyOf(handles.blocks), journal });
    expect(contentOf(again, "old")).toEqual(pattern(8000, 1));
  });

  test("that runs out is ENOSPC, what is there stays, and a failed write leaves nothing behind", () => {
    const tree = new TreeStore({ ...memory(), quota: 40 * 4096 });
    create(tree, "kept", pattern(20_000));
    const { inode } = tree.create(ROOT, "big", FILE, "", true);
    expect(() => tree.write(inode, 0, pattern(200_000))).toThrow("ENOSPC");
    expect(tree.getattr(inode).size).toBe(0);
    tree.write(inode, 0, pattern(100_000));
    expect(contentOf(tree, "big")).toEqual(pattern(100_000));
    expect(contentOf(tree, "kept")).toEqual(pattern(20_000));
    expect(tree.statfs().freeBlocks).toBe(40 - 5 - 25);
  });

  test("that the disk refuses is ENOSPC too, for bytes and for the journal, and nothing is lost when there is room again", () => {
    const handles = memory();
    let room = true;
    const limited = (handle: MemoryHandle): StorageHandle => ({
      read: (into, at) => handle.read(into, at),
      write(bytes, at) {
        if (!room) throw new DOMException("no room", "QuotaExceededError");
        return handle.write(bytes, at);
      },
      truncate: (size) => handle.truncate(size),
      flush: () => handle.flush(),
      getSize: () => handle.getSize(),
      close: () => undefined,
    });
    const tree = new TreeStore({
      blocks: limited(handles.blocks),
      journal: [limited(handles.journal[0]), limited(handles.journal[1])],
    });
    create(tree, "first", pattern(100));
    const { inode } = tree.create(ROOT, "second", FILE, "", true);
    room = false;
    expect(() => tree.write(inode, 0, pattern(5000))).toThrow("ENOSPC");
    expect(() => tree.commit()).toThrow("ENOSPC");
    expect(tree.trouble).toContain("full");
    expect(() => tree.create(ROOT, "third", FILE, "", true)).toThrow("ENOSPC");
    room = true;
    tree.sync();
    expect(tree.trouble).toBeUndefined();
    expect(all(new TreeStore(handles))).toEqual(all(tree));
  });

  test("with an index that cannot be read is refused, not overwritten", () => {
    const handles = memory();
    const tree = new TreeStore(handles);
    create(tree, "f", pattern(100));
    tree.sync();
    for (const slot of handles.journal) if (slot.getSize() > 0) slot.write(pattern(40), { at: 0 });
    expect(() => new TreeStore(handles)).toThrow("damaged");
    expect(handles.blocks.getSize()).toBeGreaterThan(0);
  });
});

test("after any operations, with compactions between, reopening gives the same tree", () => {
  const step = fc.record({
    do: fc.constantFrom("write", "truncate", "unlink", "rename", "mkdir", "link", "commit", "sync", "reopen"),
    at: fc.nat(7),
    to: fc.nat(7),
    size: fc.nat(20_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const handles = memory();
      let tree = new TreeStore({ ...handles, compactAt: 600 });
      const attempt = (work: () => unknown) => {
        try {
          work();
        } catch (error) {
          expect(String(error)).toMatch(/ENOENT|EEXIST|EISDIR|ENOTDIR|ENOTEMPTY|EPERM|EINVAL/);
        }
      };
      steps.forEach((one, seed) => {
        const name = `n${one.at}`;
        const inode = () => tree.lookup(ROOT, name).inode;
        attempt(() => {
          switch (one.do) {
            case "write":
              return tree.write(tree.create(ROOT, name, FILE, "", false).inode, one.size, pattern(one.size, seed));
            case "truncate":
              return tree.setattr(inode(), { size: one.size });
            case "unlink":
              return tree.unlink(ROOT, name, isDirectory(tree.lookup(ROOT, name)));
            case "rename":
              return tree.rename(ROOT, name, ROOT, `n${one.to}`);
            case "mkdir":
              return tree.create(ROOT, name, DIRECTORY, "", true);
            case "link":
              return tree.link(inode(), ROOT, `n${one.to}`);
            case "commit":
              return tree.commit();
            case "sync":
              return tree.sync();
            case "reopen":
              tree.commit();
              tree = new TreeStore({ ...handles, compactAt: 600 });
          }
        });
      });
      tree.commit();
      const again = new TreeStore(handles);
      expect(again.damagedBlocks).toBe(0);
      expect(all(again)).toEqual(all(tree));
      expect(again.sizes.used).toBe(tree.sizes.used);
    }),
    { numRuns: 200 },
  );
});
