/** Completion and inspection. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cells, startPython } from "./harness.ts";

let python: Cells;
beforeAll(async () => {
  python = await startPython();
  await python.run(
    "import os, math\nclass Cat:\n    '''A cat.'''\n    def purr(self, loud=False):\n        '''Purrs.'''\n    @property\n    def costly(self): raise RuntimeError('ran')\n    _hidden = 1\ncat = Cat()\ntable = {'alpha': 1, 'beta': {'gamma': 2}}\ndef draw(width, *, colour='red'): pass\nopen('data file.csv', 'w').close(); os.makedirs('datadir', exist_ok=True)",
  );
}, 60_000);
afterAll(() => python.close());
const labels = async (code: string, cursor?: number) =>
  (await python.complete(code, cursor)).matches.map((match) => match.label);

test("names, attributes and keywords", async () => {
  expect(await labels("cat.")).toEqual(["costly", "purr"]);
  expect(await labels("cat._h")).toEqual(["_hidden"]);
  expect(await labels("x = cat.pu")).toEqual(["purr"]);
  expect(await labels("mat")).toContain("math");
  expect(await labels("whi")).toEqual(["while"]);
  expect(await labels("foo(len(math.sq")).toEqual(["sqrt"]);
  expect(await labels("os.path.joi")).toEqual(["join"]);
  expect(await labels("'text'.upp")).toEqual(["upper"]);
  expect(await labels("table['beta'].ke")).toEqual(["keys"]);
  expect(await labels("unknown.x")).toEqual([]);
  expect(await labels("3.")).toEqual([]);
});

test("kinds and the range that is replaced, in UTF-16 units", async () => {
  const reply = await python.complete("'😀'; cat.pu");
  expect(reply).toMatchObject({ start: 10, end: 12, matches: [{ label: "purr", kind: "function" }] });
  expect((await python.complete("Ca")).matches).toContainEqual({ label: "Cat", kind: "class" });
  expect(await python.complete("cat.purr and tab", 6)).toMatchObject({ start: 4, end: 6 });
});

test("keys, parameters, modules, magics and files", async () => {
  expect(await labels("table['al")).toEqual(["alpha"]);
  expect(await labels("table['beta']['")).toEqual(["gamma"]);
  expect(await labels("draw(1, col")).toContain("colour=");
  expect(await labels("import statis")).toContain("statistics");
  expect(await labels("from math import sq")).toEqual(["sqrt"]);
  expect(await labels("import os.pa")).toEqual([]);
  expect(await labels("%timei")).toEqual(["%timeit"]);
  expect(await labels("%%capt")).toEqual(["%%capture"]);
  expect(await labels("open('data")).toEqual(["data file.csv", "datadir/"]);
});

test("no code of the user's is run", async () => {
  expect(await labels("cat.costly.")).toEqual([]);
  expect(await labels("draw(1).")).toEqual([]);
});

test("inspection tells signature and documentation, of a call too", async () => {
  const text = async (code: string, cursor?: number) => (await python.inspect(code, cursor)).data?.["text/plain"];
  expect(await text("cat.purr")).toMatch(/Signature: purr\(loud=False\)[^]*Purrs\./);
  expect(await text("draw(1, ")).toContain("draw(width, *, colour='red')");
  expect(await text("cat.purr(loud=math.sqrt(4), ")).toContain("purr(loud=False)");
  expect(await text("math.sqrt", 7)).toContain("square root");
  expect(await text("table")).toContain("alpha");
  expect(await text("nothing_there")).toBeUndefined();
});

test("completion answers while a cell awaits", async () => {
  const running = python.run("import asyncio; print('go'); await asyncio.sleep(30)");
  await python.next((message) => message.type === "stream");
  expect(await labels("cat.pu")).toEqual(["purr"]);
  python.interrupt();
  await running;
});
