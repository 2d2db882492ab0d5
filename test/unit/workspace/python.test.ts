/** The workspace as Python sees it: real Pyodide on the Emscripten file system, beside another client. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadPyodide, type PyodideAPI } from "pyodide";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createWorkspaceFs, type EmscriptenFs, type Fcntl } from "#core/workspace/emscripten.ts";
import type { OpenWorkspace } from "#core/workspace/host.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { startFolderWorkspace } from "#plugins/folder/folder.node.ts";
import { startStore } from "./start-store.ts";

interface MountingFs extends EmscriptenFs {
  mkdirTree(path: string): void;
  mount(type: object, options: object, path: string): void;
}

/** Pyodide whose `__syscall_fcntl64` can be replaced once its FS exists. */
async function startPython(): Promise<{ python: PyodideAPI; wrapFcntl(wrap: (original: Fcntl) => Fcntl): void }> {
  const { instantiate } = WebAssembly;
  let fcntl: Fcntl | undefined;
  WebAssembly.instantiate = ((source: BufferSource, imports: WebAssembly.Imports) => {
    const environment = imports["env"];
    const original = environment?.["__syscall_fcntl64"] as Fcntl | undefined;
    if (environment && original) {
      fcntl ??= original;
      environment["__syscall_fcntl64"] = Object.assign(
        (fd: number, command: number, argument: number) => (fcntl as Fcntl)(fd, command, argument),
        { sig: "iiip" },
      );
    }
    return instantiate(source, imports);
  }) as typeof WebAssembly.instantiate;
  try {
    const python = await loadPyodide();
    return {
      python,
      wrapFcntl(wrap) {
        if (!fcntl) throw new Error("Pyodide did not import fcntl.");
        fcntl = wrap(fcntl);
      },
    };
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

const scratch = mkdtempSync(join(tmpdir(), "workspace-python-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const kinds: readonly { readonly name: string; start(): Promise<OpenWorkspace> }[] = [
  { name: "a store", start: async () => (await startStore({})).open },
  { name: "a real folder", start: () => startFolderWorkspace(scratch) },
];

describe.each(kinds)("Python on $name", ({ start }) => {
  let open: OpenWorkspace;
  let other: SyncFs;
  let python: PyodideAPI;
  const run = (code: string): unknown => python.runPython(code);

  beforeAll(async () => {
    open = await start();
    other = new SyncFs(open.shared);
    const started = await startPython();
    python = started.python;
    const module = (python as unknown as { _module: { FS: MountingFs; HEAPU8: Uint8Array } })._module;
    const workspace = createWorkspaceFs(module.FS, new SyncFs(open.shared));
    module.FS.mkdirTree("/workspace");
    module.FS.mount(workspace.type, {}, "/workspace");
    started.wrapFcntl((original) => workspace.fcntl(original, () => module.HEAPU8.buffer));
    run("import os, sys; os.chdir('/workspace'); sys.path.insert(0, '/workspace')");
  }, 60_000);
  afterAll(async () => {
    other.release();
    await open.close();
  });

  test("reads what another writes and writes what another reads, at once", () => {
    for (let i = 0; i < 5; i++) {
      other.writeFile("shared.txt", `round ${i}`);
      expect(run("open('shared.txt').read()")).toBe(`round ${i}`);
      run(`open('back.txt', 'w').write('answer ${i} ü')`);
      expect(other.readText("back.txt")).toBe(`answer ${i} ü`);
    }
    run("os.remove('shared.txt')");
    expect(other.exists("shared.txt")).toBe(false);
    other.writeFile("shared.txt", "again");
    expect(run("os.path.exists('shared.txt') and open('shared.txt').read()")).toBe("again");
  });

  test("opens files in every mode, seeks, appends and truncates", () => {
    const result = run(`
with open('modes', 'wb') as f: f.write(bytes(range(256)) * 40)
with open('modes', 'r+b') as f:
    f.seek(5000); f.write(b'HERE'); f.seek(-4, 1); back = f.read(4); f.truncate(6000)
with open('modes', 'ab') as f: f.write(b'END'); end = f.tell()
with open('modes', 'rb') as f: f.seek(-3, 2); last = f.read()
try: open('modes', 'x'); exclusive = 'made'
except FileExistsError: exclusive = 'refused'
fd = os.open('sparse', os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600); os.pwrite(fd, b'z', 9000); hole = os.pread(fd, 2, 100); os.ftruncate(fd, 100); os.fsync(fd); os.close(fd)
str([back, end, last, exclusive, hole, os.path.getsize('sparse'), oct(os.stat('sparse').st_mode)])
`);
    expect(result).toBe("[b'HERE', 6003, b'END', 'refused', b'\\x00\\x00', 100, '0o100600']");
  });

  test("walks, renames, replaces and removes trees", () => {
    const result = run(`
import shutil, pathlib, tempfile
os.makedirs('tree/a/b'); pathlib.Path('tree/a/b/f.txt').write_text('x'); pathlib.Path('tree/g').touch()
walked = sorted((d, sorted(s), sorted(f)) for d, s, f in os.walk('tree'))
os.rename('tree/a', 'tree/c'); os.replace('tree/g', 'tree/c/b/f.txt')
globbed = sorted(str(p) for p in pathlib.Path('tree').rglob('*'))
shutil.copytree('tree', 'copy'); shutil.move('copy/c', 'copy/moved')
errors = []
for work in (lambda: os.rmdir('tree'), lambda: os.remove('tree'), lambda: os.listdir('none'), lambda: os.mkdir('tree'), lambda: os.listdir('tree/c/b/f.txt')):
    try: work()
    except OSError as e: errors.append(type(e).__name__)
with tempfile.NamedTemporaryFile(dir='.') as t: t.write(b'1'); t.flush(); size = os.path.getsize(t.name)
with tempfile.TemporaryDirectory(dir='.') as t: pathlib.Path(t, 'x').touch()
shutil.rmtree('tree'); left = sorted(os.listdir('copy')); shutil.rmtree('copy')
str([walked, globbed, errors, size, left, os.path.exists('tree')])
`);
    expect(result).toBe(
      "[[('tree', ['a'], ['g']), ('tree/a', ['b'], []), ('tree/a/b', [], ['f.txt'])], " +
        "['tree/c', 'tree/c/b', 'tree/c/b/f.txt'], " +
        "['OSError', 'IsADirectoryError', 'FileNotFoundError', 'FileExistsError', 'NotADirectoryError'], " +
        "1, ['moved'], False]",
    );
  });

  test("keeps modes, times and links, and sees those of others", () => {
    const result = run(`
pathlib.Path('m').write_text('m'); os.chmod('m', 0o640); os.utime('m', (1_600_000_000.5, 1_600_000_000.5))
if os.path.lexists('l'): os.remove('l')
os.symlink('m', 'l')
s = os.stat('m')
str([oct(s.st_mode), s.st_mtime, os.readlink('l'), open('l').read(), os.path.islink('l'), s.st_ino == os.stat('l').st_ino])
`);
    expect(result).toBe("['0o100640', 1600000000.5, 'm', 'm', True, True]");
    const stat = other.resolve("m");
    expect([(stat?.mode ?? 0) & 0o777, stat?.modified]).toEqual([0o640, 1_600_000_000_500]);
    other.setattr(stat?.inode ?? 0, { mode: 0o444 });
    expect(run("oct(os.stat('m').st_mode)")).toBe("0o100444");
    expect(run("os.path.exists('/workspace/../workspace/m')")).toBe(true);
  });

  test("reads a file to its end that another removed meanwhile", () => {
    other.writeFile("held", "still here");
    run("held = open('held')");
    other.remove("held");
    expect(run("held.read()")).toBe("still here");
    expect(run("held.close(); os.path.exists('held')")).toBe(false);
  });

  test("imports modules that another writes, and sees their edits on reload", () => {
    other.writeFile("pack/__init__.py", "from .part import value");
    other.writeFile("pack/part.py", "value = 1");
    expect(run("import importlib; importlib.invalidate_caches(); import pack; pack.value")).toBe(1);
    other.writeFile("pack/part.py", "value = 22222");
    expect(run("importlib.reload(pack.part).value")).toBe(22222);
  });

  test("works with sqlite3, whose locks keep others out while it writes", () => {
    const result = run(`
import sqlite3
db = sqlite3.connect('data.db'); db.execute('pragma journal_mode=delete')
db.execute('create table t(n)'); db.executemany('insert into t values (?)', [(i,) for i in range(1000)]); db.commit()
db.execute('begin exclusive'); db.execute('insert into t values (7)')
db.execute('select count(*) from t').fetchone()[0]
`);
    expect(result).toBe(1001);
    const inode = other.resolve("data.db")?.inode ?? 0;
    // SQLite's PENDING byte and SHARED range: https://www.sqlite.org/lockingv3.html
    const shared = { type: 0, start: 0x40000002, length: 510, process: 1 } as const;
    expect(other.lock(inode, shared)).toBe(false);
    run("db.commit()");
    expect(other.lock(inode, shared)).toBe(true);
    const failed = run(`
db.execute('pragma busy_timeout=0')
try: db.execute('begin exclusive'); r = 'began'
except sqlite3.OperationalError as e: r = str(e)
r
`);
    expect(failed).toBe("database is locked");
    other.lock(inode, { ...shared, type: 2 });
    expect(
      run(
        "db.execute('begin exclusive'); db.rollback(); db.close(); sqlite3.connect('data.db').execute('select sum(n) from t').fetchone()[0]",
      ),
    ).toBe(499507);
  });

  test("works with zip archives and mmap", () => {
    const result = run(`
import zipfile, mmap
with zipfile.ZipFile('z.zip', 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('a.txt', 'A' * 10000)
with zipfile.ZipFile('z.zip') as z: unzipped = z.read('a.txt') == b'A' * 10000
pathlib.Path('mapped').write_bytes(b'0123456789' * 2000)
with open('mapped', 'r+b') as f:
    with mmap.mmap(f.fileno(), 0) as m: part = bytes(m[10_000:10_005]); m[3:6] = b'abc'; m.flush()
str([unzipped, part, pathlib.Path('mapped').read_bytes()[:8], os.path.getsize('mapped')])
`);
    expect(result).toBe("[True, b'01234', b'012abc67', 20000]");
    expect(other.readText("mapped").slice(0, 8)).toBe("012abc67");
  });

  test("takes record locks that others respect", () => {
    run("import fcntl; locked = open('lock', 'w+'); fcntl.lockf(locked, fcntl.LOCK_EX | fcntl.LOCK_NB)");
    const inode = other.resolve("lock")?.inode ?? 0;
    const mine = { type: 1, start: 0, length: 0, process: 7 } as const;
    expect(other.lock(inode, mine)).toBe(false);
    run("fcntl.lockf(locked, fcntl.LOCK_UN)");
    expect(other.lock(inode, mine)).toBe(true);
    const code =
      "try: fcntl.lockf(locked, fcntl.LOCK_EX | fcntl.LOCK_NB); r = 'got it'\nexcept OSError as e: r = type(e).__name__\nr";
    expect(run(code)).toBe("BlockingIOError");
    other.lock(inode, { ...mine, type: 2 });
    expect(run(code)).toBe("got it");
    run("locked.close()");
    expect(other.lock(inode, mine)).toBe(true);
    other.lock(inode, { ...mine, type: 2 });
  });

  test("handles many files and large ones", () => {
    const result = run(`
os.makedirs('many', exist_ok=True)
for i in range(300):
    with open(f'many/{i}', 'w') as f: f.write(str(i))
total = sum(int(open(f'many/{i}').read()) for i in range(300)); count = len(os.listdir('many')); sizes = sum(e.stat().st_size for e in os.scandir('many'))
data = os.urandom(3_000_000); pathlib.Path('large').write_bytes(data)
same = pathlib.Path('large').read_bytes() == data
shutil.rmtree('many')
str([total, count, sizes, same])
`);
    expect(result).toBe("[44850, 300, 790, True]");
  });
});
