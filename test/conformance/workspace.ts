/**
 * What every workspace must do, whatever holds its bytes. `SYNC_RULES` get two blocking clients of one workspace and
 * must run where one may block; `ASYNC_RULES` get the asynchronous client. Each rule works in a directory of its own.
 * They throw when a promise is broken: no test framework is needed, so they run in a browser's worker too.
 */
import { KromaError } from "#core/base/errors.ts";
import { FsError } from "#core/workspace/errno.ts";
import { isDirectory, isSymlink, MODE, type RecordLock } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import type { Workspace } from "#core/workspace/workspace.ts";

export interface SyncRule {
  readonly name: string;
  run(a: SyncFs, b: SyncFs, directory: string): void;
}
export interface AsyncRule {
  readonly name: string;
  run(workspace: Workspace, directory: string): Promise<void>;
}

/** Throws unless both are the same JSON. */
export function same(actual: unknown, expected: unknown, what = "value"): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

export function failsWith(code: string, work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (error instanceof FsError) return same(error.code, code, "error code");
    throw error;
  }
  throw new Error(`expected ${code}, but it worked`);
}

async function rejectsWith(code: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof KromaError) return same(error.code, code, "error code");
    throw error;
  }
  throw new Error(`expected ${code}, but it worked`);
}

/** Bytes that are different at each place. */
export function pattern(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function sameBytes(actual: Uint8Array, expected: Uint8Array, what = "bytes"): void {
  same(actual.length, expected.length, `length of ${what}`);
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] !== expected[i]) throw new Error(`${what}: byte ${i} is ${actual[i]}, not ${expected[i]}`);
  }
}

const names = (fs: SyncFs, path: string) =>
  fs
    .list(path)
    .map((entry) => entry.name)
    .sort();
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const utf8 = (value: string) => new TextEncoder().encode(value);
const writeLock = (start: number, length: number): RecordLock => ({ type: 1, start, length, process: 1 });

function inodeOf(fs: SyncFs, path: string): number {
  const stat = fs.resolve(path);
  if (!stat) throw new Error(`${path} is missing`);
  return stat.inode;
}

export const SYNC_RULES: readonly SyncRule[] = [
  {
    name: "a file written by one client is read at once by the other, also when its size stays",
    run(a, b, d) {
      for (const content of ["first", "other", "a longer one", ""]) {
        a.writeFile(`${d}/f`, content);
        same(b.readText(`${d}/f`), content);
        same(b.resolve(`${d}/f`)?.size, content.length);
      }
    },
  },
  {
    name: "a name that was looked for in vain is found once the other client makes it, and gone once it removes it",
    run(a, b, d) {
      a.makeDirectories(d);
      for (let round = 0; round < 6; round++) {
        same(b.exists(`${d}/x`), false);
        a.writeFile(`${d}/x`, "1");
        same(b.exists(`${d}/x`), true);
        b.remove(`${d}/x`);
        same(a.exists(`${d}/x`), false);
      }
    },
  },
  {
    name: "names in other scripts, with spaces and of 255 bytes survive; longer ones and wrong ones are refused",
    run(a, b, d) {
      const directory = a.makeDirectories(d);
      const good = ["äöü", "名前", "with space", "👩‍💻", "a".repeat(255), "-", "...", "new\nline"];
      for (const name of good) a.create(directory, name, MODE.file | 0o644);
      same(names(b, d), [...good].sort());
      failsWith("ENAMETOOLONG", () => a.create(directory, "a".repeat(256), MODE.file | 0o644));
      for (const bad of ["", ".", "..", "a/b", "nul\0"]) {
        failsWith("EINVAL", () => a.create(directory, bad, MODE.file | 0o644));
      }
    },
  },
  {
    name: "reads and writes at any offset, over holes and across blocks, give what was written and zeros between",
    run(a, b, d) {
      const inode = a.writeFile(`${d}/f`, "");
      const expected = new Uint8Array(30_000);
      for (const [offset, length] of [
        [5000, 10],
        [4090, 12],
        [20_000, 9_999],
        [0, 1],
        [12_287, 2],
      ] as const) {
        const bytes = pattern(length, offset + 1);
        a.write(inode, offset, bytes);
        expected.set(bytes, offset);
      }
      sameBytes(b.readFile(`${d}/f`), expected.subarray(0, 29_999));
      const part = new Uint8Array(100);
      same(b.read(inode, 29_990, part), 9);
      same(b.read(inode, 40_000, part), 0);
    },
  },
  {
    name: "a file cut short and made longer again has zeros where it was cut",
    run(a, b, d) {
      const inode = a.writeFile(`${d}/f`, pattern(10_000));
      a.setattr(inode, { size: 5000 });
      a.setattr(inode, { size: 12_000 });
      const expected = new Uint8Array(12_000);
      expected.set(pattern(10_000).subarray(0, 5000));
      sameBytes(b.readFile(`${d}/f`), expected);
      a.setattr(inode, { size: 100 });
      a.write(inode, 200, utf8("end"));
      const short = new Uint8Array(203);
      short.set(pattern(10_000).subarray(0, 100));
      short.set(utf8("end"), 200);
      sameBytes(b.readFile(`${d}/f`), short);
    },
  },
  {
    name: "a file larger than several chunks arrives whole",
    run(a, b, d) {
      const bytes = pattern(5 * 1024 * 1024 + 77);
      a.writeFile(`${d}/big`, bytes);
      sameBytes(b.readFile(`${d}/big`), bytes);
      a.remove(`${d}/big`);
    },
  },
  {
    name: "renaming replaces a file, moves a directory with all in it, and refuses what makes no sense",
    run(a, b, d) {
      a.writeFile(`${d}/new`, "new");
      a.writeFile(`${d}/old`, "old");
      a.move(`${d}/new`, `${d}/old`);
      same(b.readText(`${d}/old`), "new");
      same(names(b, d), ["old"]);
      a.writeFile(`${d}/one/deep/f`, "deep");
      a.makeDirectories(`${d}/two`);
      a.move(`${d}/one`, `${d}/two/three`);
      same(b.readText(`${d}/two/three/deep/f`), "deep");
      same(b.exists(`${d}/one`), false);
      failsWith("EINVAL", () => a.move(`${d}/two`, `${d}/two/three/four`));
      failsWith("ENOTDIR", () => a.move(`${d}/two`, `${d}/old`));
      failsWith("EISDIR", () => a.move(`${d}/old`, `${d}/two`));
      a.makeDirectories(`${d}/full/x`);
      failsWith("ENOTEMPTY", () => a.move(`${d}/two`, `${d}/full`));
      failsWith("ENOENT", () => a.move(`${d}/nothing`, `${d}/y`));
      a.move(`${d}/old`, `${d}/old`);
      same(b.readText(`${d}/old`), "new");
    },
  },
  {
    name: "directories are removed when empty, files by unlink only, and errors say why",
    run(a, b, d) {
      const directory = a.makeDirectories(d);
      a.writeFile(`${d}/sub/f`, "x");
      failsWith("ENOTEMPTY", () => a.unlink(directory, "sub", true));
      failsWith("EISDIR", () => a.unlink(directory, "sub"));
      failsWith("ENOTDIR", () => a.unlink(inodeOf(a, `${d}/sub`), "f", true));
      failsWith("ENOENT", () => a.unlink(directory, "none"));
      failsWith("ENOTDIR", () => a.readdir(inodeOf(a, `${d}/sub/f`)));
      failsWith("EISDIR", () => a.readFile(`${d}/sub`));
      failsWith("EEXIST", () => a.create(directory, "sub", MODE.directory | 0o755, { exclusive: true }));
      a.remove(`${d}/sub`);
      same(names(b, d), []);
    },
  },
  {
    name: "a removed file stays readable and writable for whoever has it open",
    run(a, b, d) {
      const inode = a.writeFile(`${d}/f`, "content");
      a.open(inode);
      b.remove(`${d}/f`);
      const into = new Uint8Array(7);
      same(a.read(inode, 0, into), 7);
      same(text(into), "content");
      a.write(inode, 7, utf8("!"));
      same(a.getattr(inode).size, 8);
      b.writeFile(`${d}/f`, "another");
      same(a.read(inode, 0, into), 7);
      same(text(into), "content");
      a.close(inode);
    },
  },
  {
    name: "a second name is the same file, until the last one goes",
    run(a, b, d) {
      const inode = a.writeFile(`${d}/one`, "1");
      const directory = inodeOf(a, d);
      a.link(inode, directory, "two");
      b.writeFile(`${d}/two`, "changed");
      same(a.readText(`${d}/one`), "changed");
      same(a.getattr(inode).links, 2);
      same(inodeOf(b, `${d}/two`), inodeOf(b, `${d}/one`));
      a.move(`${d}/one`, `${d}/two`);
      same(names(b, d), ["one", "two"], "names after renaming onto the same file");
      a.unlink(directory, "one");
      same(b.readText(`${d}/two`), "changed");
      same(b.resolve(`${d}/two`)?.links, 1);
      failsWith("EPERM", () => a.link(directory, directory, "loop"));
      failsWith("EEXIST", () => a.link(inode, directory, "two"));
    },
  },
  {
    name: "symbolic links are followed inside the workspace, and lead nowhere outside",
    run(a, b, d) {
      a.writeFile(`${d}/real/f`, "found");
      const directory = inodeOf(a, d);
      const link = (name: string, target: string) =>
        a.create(directory, name, MODE.symlink | 0o777, { target, exclusive: true });
      link("relative", "real/f");
      link("absolute", `/workspace/${d}/real`);
      link("up", "../../../../../../etc/passwd");
      link("outside", "/etc");
      link("dangling", "nothing");
      link("loop", "loop");
      same(b.readText(`${d}/relative`), "found");
      same(b.readText(`${d}/absolute/f`), "found");
      same(b.readText(`${d}/absolute/../real/f`), "found");
      same(b.exists(`${d}/up`), false);
      same(b.exists(`${d}/outside/passwd`), false);
      same(b.exists(`${d}/dangling`), false);
      failsWith("ELOOP", () => b.resolve(`${d}/loop`));
      const stat = b.resolve(`${d}/relative`, false);
      same(stat && isSymlink(stat), true);
      same(b.readlink(stat?.inode ?? 0), "real/f");
      failsWith("EINVAL", () => b.readlink(directory));
      a.unlink(directory, "relative");
      same(b.readText(`${d}/real/f`), "found");
    },
  },
  {
    name: "modes and times are kept and seen by the other",
    run(a, b, d) {
      const inode = a.writeFile(`${d}/script`, "#!/bin/sh");
      same(b.getattr(inode).mode & 0o777, 0o644);
      a.setattr(inode, { mode: 0o755 });
      same(b.getattr(inode).mode & 0o777, 0o755);
      a.setattr(inode, { modified: 1_600_000_000_250 });
      same(b.getattr(inode).modified, 1_600_000_000_250);
      const before = b.getattr(inode).modified;
      a.write(inode, 0, utf8("x"));
      same(b.getattr(inode).modified > before, true, "time moved on by a write");
    },
  },
  {
    name: "a directory's time is the same for both after a file is made, found or removed in it",
    run(a, b, d) {
      const directory = a.makeDirectories(d);
      const agree = (what: string) => same(a.getattr(directory), b.getattr(directory), what);
      agree("at first");
      a.create(directory, "f", MODE.file | 0o644);
      agree("made by the first");
      a.setattr(directory, { modified: 1_500_000_000_000 });
      a.create(directory, "f", MODE.file | 0o644);
      agree("found by the first");
      same(b.getattr(directory).modified, 1_500_000_000_000);
      b.create(directory, "g", MODE.directory | 0o755);
      agree("made by the second");
      a.unlink(directory, "f");
      agree("removed");
    },
  },
  {
    name: "creating with a taken name opens the file, exclusively it fails",
    run(a, b, d) {
      const directory = a.makeDirectories(d);
      const inode = a.writeFile(`${d}/f`, "kept");
      same(b.create(directory, "f", MODE.file | 0o600).inode, inode);
      same(b.readText(`${d}/f`), "kept");
      failsWith("EEXIST", () => b.create(directory, "f", MODE.file | 0o600, { exclusive: true }));
      failsWith("EEXIST", () => b.create(directory, "f", MODE.directory | 0o700));
    },
  },
  {
    name: "a directory of 3,000 names is listed whole, with what is known about each",
    run(a, b, d) {
      const directory = a.makeDirectories(d);
      const long = "n".repeat(120);
      for (let i = 0; i < 3000; i++) a.create(directory, `${long}${i}`, MODE.file | 0o644);
      const entries = b.readdir(directory);
      same(entries.length, 3000);
      same(new Set(entries.map((entry) => entry.name)).size, 3000);
      same(
        entries.every((entry) => entry.size === 0 && !isDirectory(entry)),
        true,
      );
      a.unlink(directory, `${long}7`);
      same(b.lookup(directory, `${long}7`), undefined);
      same(b.lookup(directory, `${long}8`)?.size, 0);
      a.remove(d);
    },
  },
  {
    name: "record locks keep the other out, byte by byte, and are dropped on close",
    run(a, b, d) {
      const inode = a.writeFile(`${d}/db`, "0123456789");
      a.open(inode);
      same(a.lock(inode, writeLock(0, 5)), true);
      same(b.lock(inode, writeLock(5, 5)), true);
      same(b.lock(inode, writeLock(4, 1)), false);
      same(b.getlock(inode, writeLock(0, 0)).type, 1);
      same(b.getlock(inode, writeLock(0, 0)).length, 5);
      same(a.lock(inode, { ...writeLock(2, 1), type: 2 }), true);
      same(b.lock(inode, writeLock(2, 1)), true);
      same(b.lock(inode, writeLock(1, 1)), false);
      same(a.lock(inode, { ...writeLock(0, 0), type: 2 }), true);
      same(b.lock(inode, { ...writeLock(0, 0), type: 2 }), true);
      same(a.lock(inode, { ...writeLock(0, 0), type: 0 }), true);
      same(b.lock(inode, { ...writeLock(0, 0), type: 0 }), true);
      same(b.lock(inode, writeLock(0, 1)), false);
      same(a.lock(inode, { ...writeLock(0, 0), type: 2 }), true);
      same(b.lock(inode, { ...writeLock(0, 0), type: 2 }), true);
      a.close(inode);
    },
  },
  {
    name: "the size of the disk is told, and a sync returns",
    run(a, b, d) {
      a.writeFile(`${d}/f`, "x");
      const usage = b.statfs();
      same(usage.blockSize > 0 && usage.blocks > 0 && usage.freeBlocks <= usage.blocks, true);
      a.sync();
      a.sync(inodeOf(a, `${d}/f`));
    },
  },
];

export const ASYNC_RULES: readonly AsyncRule[] = [
  {
    name: "files are written, read, listed and removed by path",
    async run(workspace, d) {
      await workspace.write(`${d}/sub/a.txt`, utf8("a"));
      await workspace.write(`${d}/b.txt`, utf8("bb"));
      same(text(await workspace.read(`${d}/sub/a.txt`)), "a");
      same(text(await workspace.read(`${d}/sub/a.txt`, { offset: 0, length: 9 })), "a");
      same((await workspace.read(`${d}/sub/a.txt`, { offset: 5, length: 9 })).length, 0);
      const list = await workspace.list(d);
      same(
        list.map(({ path, kind, size }) => [path, kind, size]),
        [
          [`${d}/b.txt`, "file", 2],
          [`${d}/sub`, "directory", 0],
        ],
      );
      await workspace.write(`${d}/b.txt`, utf8("c"));
      same(text(await workspace.read(`${d}/b.txt`)), "c");
      await workspace.rename(`${d}/sub`, `${d}/deep/er`);
      same(text(await workspace.read(`${d}/deep/er/a.txt`)), "a");
      await workspace.remove(`${d}/deep`);
      same((await workspace.list(d)).length, 1);
      same(await workspace.stat(`${d}/deep`), undefined);
      same((await workspace.stat(`${d}/b.txt`))?.kind, "file");
    },
  },
  {
    name: "a file keeps its time and whether it may be run, until they are given anew",
    async run(workspace, d) {
      const path = `${d}/tool.sh`;
      const what = async () => {
        const stat = await workspace.stat(path);
        return [stat?.executable, stat?.modified];
      };
      await workspace.write(path, utf8("echo"), { executable: true, modified: 1_700_000_000_000 });
      same(await what(), [true, 1_700_000_000_000]);
      same(
        (await workspace.list(d)).map(({ executable }) => executable),
        [true],
      );
      await workspace.write(path, utf8("echo 2"));
      same((await what())[0], true);
      await workspace.write(path, utf8("text"), { executable: false });
      same((await what())[0], false);
      await workspace.makeDirectory(`${d}/folder`);
      same((await workspace.stat(`${d}/folder`))?.executable, false);
    },
  },
  {
    name: "failures say what they are",
    async run(workspace, d) {
      await workspace.makeDirectory(`${d}/x/y`);
      await rejectsWith("missing", () => workspace.read(`${d}/none`));
      await rejectsWith("missing", () => workspace.list(`${d}/none`));
      await rejectsWith("missing", () => workspace.remove(`${d}/none`));
      await rejectsWith("invalid", () => workspace.read(`${d}/x`));
      await rejectsWith("invalid", () => workspace.write(`${d}/x`, new Uint8Array(1)));
      await rejectsWith("invalid", () => workspace.write(`${d}/../../outside`, new Uint8Array(1)));
      await rejectsWith("invalid", () => workspace.remove(""));
    },
  },
  {
    name: "Kroma's own directory is usable and not listed",
    async run(workspace) {
      await workspace.write(".kroma/values/conformance.json", utf8("1"));
      same(text(await workspace.read(".kroma/values/conformance.json")), "1");
      same(
        (await workspace.list("")).some((entry) => entry.path === ".kroma"),
        false,
      );
      same((await workspace.list(".kroma/values")).length > 0, true);
      await workspace.remove(".kroma/values/conformance.json");
    },
  },
  {
    name: "many calls at once are all answered rightly",
    async run(workspace, d) {
      const numbers = Array.from({ length: 60 }, (_, i) => i);
      await Promise.all(numbers.map((i) => workspace.write(`${d}/n/${i}`, pattern(i * 97, i + 1))));
      const all = await Promise.all(numbers.map((i) => workspace.read(`${d}/n/${i}`)));
      all.forEach((bytes, i) => sameBytes(bytes, pattern(i * 97, i + 1), `file ${i}`));
      same((await workspace.list(`${d}/n`)).length, 60);
    },
  },
  {
    name: "a watcher is told the changed paths",
    async run(workspace, d) {
      const seen = new Set<string>();
      await new Promise<void>((resolve, reject) => {
        const stop = workspace.watch((paths) => {
          for (const path of paths) seen.add(path);
          if (!seen.has(`${d}/watched`) || !seen.has(`${d}/renamed`)) return;
          stop();
          resolve();
        });
        workspace
          .write(`${d}/watched`, utf8("1"))
          .then(() => workspace.rename(`${d}/watched`, `${d}/renamed`))
          .catch(reject);
      });
    },
  },
  {
    name: "usage and flush answer",
    async run(workspace, d) {
      await workspace.write(`${d}/f`, pattern(100_000));
      await workspace.flush();
      same((await workspace.usage()).used >= 100_000, true);
    },
  },
];
