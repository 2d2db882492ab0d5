/** Values between languages, as VALUES.md says, and the workspace's files, in the real shared workspace. */
import { mkdtemp, readFile, rm, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startFolderWorkspace } from "#plugins/folder/folder.node.ts";
import { type Cells, startPython } from "./harness.ts";

let python: Cells;
let folder: string;
let workspace: Awaited<ReturnType<typeof startFolderWorkspace>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-python-"));
  await writeFile(join(folder, "given.txt"), "given\n");
  workspace = await startFolderWorkspace(folder);
  python = await startPython({ workspace: workspace.shared });
  await python.run("import kroma, array, math, datetime, os");
}, 60_000);
afterAll(async () => {
  python.close();
  await workspace.close();
  await rm(folder, { recursive: true, force: true });
});
const result = async (code: string) => {
  const run = await python.run(code);
  if (run.error) throw new Error(run.traceback);
  return run.result;
};

test("cells run in the workspace, whose files are those on disk", async () => {
  expect(await result("os.getcwd(), open('given.txt').read()")).toBe("('/workspace', 'given\\n')");
  await result("os.makedirs('data', exist_ok=True); open('data/made.txt', 'w').write('made')");
  expect(await readFile(join(folder, "data/made.txt"), "utf8")).toBe("made");
  await writeFile(join(folder, "data/made.txt"), "changed outside");
  expect(await result("open('data/made.txt').read()")).toBe("'changed outside'");
  await mkdir(join(folder, "lib"));
  await writeFile(join(folder, "lib/__init__.py"), "answer = 42\n");
  expect(await result("import lib; lib.answer")).toBe("42");
  expect((await python.run("import lib.missing_part")).error?.ename).toBe("ModuleNotFoundError");
  expect(
    await result(
      "import sqlite3\nc = sqlite3.connect('db.sqlite'); c.execute('create table t(a)'); c.execute('insert into t values (5)'); c.commit(); c.close()\nsqlite3.connect('db.sqlite').execute('select a from t').fetchall()",
    ),
  ).toBe("[(5,)]");
  expect((await python.run("open('no/such')")).error?.ename).toBe("FileNotFoundError");
});

test("kroma.files reads, writes, lists and removes", async () => {
  await result("kroma.files.write('k/a.txt', 'text'); kroma.files.write('k/b.bin', b'\\x00\\x01')");
  expect(await result("kroma.files.read_text('k/a.txt'), kroma.files.read('k/b.bin'), kroma.files.list('k')")).toBe(
    "('text', b'\\x00\\x01', ['a.txt', 'b.bin'])",
  );
  expect(await result("kroma.files.remove('k'); kroma.files.exists('k'), '.kroma' in kroma.files.list()")).toBe(
    "(False, False)",
  );
});

test.each([
  "{'a': [1, 2.5, 'x', None, True], 'b': {'c': []}}",
  "'text ✓'",
  "2**53",
  "2**80",
  "-2**64",
  "float('inf')",
  "[-math.inf, 0.1, -0.0]",
  "{'when': datetime.datetime(2024, 2, 29, 12, 30, tzinfo=datetime.timezone.utc), 'day': datetime.date(2024, 1, 2)}",
  "{'raw': b'\\x00\\xff'}",
  "{'$kroma': 'mine', 'x': 1}",
  "{'deep': {'$kroma': 1}}",
  "b'bytes'",
  "array.array('d', [1.5, -2])",
  "array.array('i', [])",
  "array.array('B', [1, 255])",
  "{'arr': array.array('h', [1, -1])}",
  "''",
  "None",
])("%s comes back as it was", async (code) => {
  expect(await result(`v = ${code}\nkroma.set('v', v)\ng = kroma.get('v')\n(type(g) is type(v), g == v)`)).toBe(
    "(True, True)",
  );
});

test("NaN, tuples, bytearrays and memoryviews come back as what languages share", async () => {
  expect(await result("kroma.set('v', math.nan); math.isnan(kroma.get('v'))")).toBe("True");
  expect(await result("kroma.set('v', (1, (2,))); kroma.get('v')")).toBe("[1, [2]]");
  expect(await result("kroma.set('v', bytearray(b'ab')); kroma.get('v')")).toBe("b'ab'");
  expect(
    await result(
      "m = memoryview(array.array('d', range(6))).cast('B').cast('d', [2, 3]); kroma.set('v', m); g = kroma.get('v'); g.shape, g.tolist()",
    ),
  ).toBe("((2, 3), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])");
});

test("a value has one file, in NumPy's own format for arrays", async () => {
  await result("kroma.set('one', 1); kroma.set('one', b'x'); kroma.set('one', array.array('d', [1, 2, 3]))");
  expect(await result("sorted(f for f in os.listdir('.kroma/values') if f.startswith('one'))")).toBe("['one.npy']");
  const head = await result("open('.kroma/values/one.npy', 'rb').read()[:80]");
  expect(head).toContain("\\x93NUMPY\\x01\\x00v\\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }");
  expect(await result("len(open('.kroma/values/one.npy', 'rb').read())")).toBe("152");
});

test("a big array makes no second copy of itself", async () => {
  expect(
    await result(
      "import tracemalloc\nbig = array.array('d', bytes(8)) * 1_000_000\ntracemalloc.start()\nkroma.set('big', big)\nafter_set = tracemalloc.get_traced_memory()[1]\ntracemalloc.reset_peak()\ncopy = kroma.get('big')\nafter_get = tracemalloc.get_traced_memory()[1]\ntracemalloc.stop()\nafter_set < 1_000_000, after_get < 9_000_000, copy == big",
    ),
  ).toBe("(True, True, True)");
});

test("what can't travel is refused with its place, bad names too, and what is absent is told", async () => {
  expect((await python.run("kroma.set('v', {'a': [1, print]})")).error).toMatchObject({
    ename: "TypeError",
    evalue: expect.stringContaining("value['a'][1]"),
  });
  expect((await python.run("x = []; x.append(x); kroma.set('v', x)")).error?.evalue).toContain("contains itself");
  expect((await python.run("kroma.set('v', {1: 2})")).error?.ename).toBe("TypeError");
  for (const name of ["'../x'", "''", "'1a'", "'a/b'", "'a..b'", "'a' * 129", "5"]) {
    expect((await python.run(`kroma.set(${name}, 1)`)).error?.ename, name).toBe("ValueError");
  }
  expect((await python.run("kroma.get('absent')")).error).toMatchObject({
    ename: "KeyError",
    evalue: expect.stringContaining("one"),
  });
  expect(await result("kroma.get('absent', 'else')")).toBe("'else'");
  expect(await result("kroma.remove('one'); 'one' in kroma.list()")).toBe("False");
});

test("a second kernel sees the values and files of the first", async () => {
  await result("kroma.set('shared', {'n': 1}); open('both.txt', 'w').write('seen')");
  const other = await startPython({ workspace: workspace.shared });
  expect((await other.run("import kroma; kroma.get('shared'), open('both.txt').read()")).result).toBe(
    "({'n': 1}, 'seen')",
  );
  other.close();
});
