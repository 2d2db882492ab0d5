/** Values as text: the same as IPython prints them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cells, startPython } from "./harness.ts";

let python: Cells;
beforeAll(async () => {
  python = await startPython();
  await python.run("from collections import *; import re, types, datetime, math, enum, dataclasses");
}, 60_000);
afterAll(() => python.close());

const result = async (code: string) => (await python.run(code)).result;

test.each([
  ["type(1), str, dict, type", "(int, str, dict, type)"],
  ["class A:\n    class B: pass\nA, A.B, [A]", "(__main__.A, __main__.A.B, [__main__.A])"],
  ["class Meta(type):\n    def __repr__(cls): return 'meta!'\nclass M(metaclass=Meta): pass\nM", "meta!"],
  ["lambda x, *y: x", "<function __main__.<lambda>(x, *y)>"],
  ["math.sqrt", "<function math.sqrt(x, /)>"],
  ["defaultdict(list, a=[1])", "defaultdict(list, {'a': [1]})"],
  ["Counter('abb')", "Counter({'b': 2, 'a': 1})"],
  ["OrderedDict(a=1)", "OrderedDict([('a', 1)])"],
  ["Counter(), OrderedDict(), set(), frozenset(), (), []", "(Counter(), OrderedDict(), set(), frozenset(), (), [])"],
  ["deque([1, 2], maxlen=3), deque()", "(deque([1, 2], maxlen=3), deque([]))"],
  ["types.SimpleNamespace(a=1)", "namespace(a=1)"],
  ["{3, 1, 2}, frozenset({2, 1}), (1,)", "({1, 2, 3}, frozenset({1, 2}), (1,))"],
  ["re.compile(r'a\\d+', re.I)", "re.compile(r'a\\d+', re.IGNORECASE|re.UNICODE)"],
  ["ValueError(1, 'two'), KeyError('k')", "(ValueError(1, 'two'), KeyError('k'))"],
  ["x = [1]\nx.append(x)\nd = {}\nd['d'] = d\n(x, d)", "([1, [...]], {'d': {...}})"],
  ["namedtuple('P', 'a b')(1, 2)", "P(a=1, b=2)"],
  ["class L(list): pass\nL([1])", "[1]"],
  ["True, None, ..., 1.5, 10**30", "(True, None, Ellipsis, 1.5, 1000000000000000000000000000000)"],
  ["@dataclasses.dataclass\nclass P:\n    x: int\nP(1)", "P(x=1)"],
  ["'long ' * 40", `'${"long ".repeat(40)}'`],
])("%j", async (code, expected) => {
  expect(await result(code)).toBe(expected);
});

test("a plain object is told by its type and address", async () => {
  expect(await result("class Thing: pass\n[Thing()]")).toMatch(/^\[<__main__\.Thing at 0x[0-9a-f]+>\]$/);
});

test("long containers go over lines, a nested one under where it starts", async () => {
  const name = "x".repeat(60);
  expect(await result(`{'name': '${name}', 'values': [1, 2, 3], 'nested': {'k': list(range(25))}}`)).toBe(
    `{'name': '${name}',\n 'values': [1, 2, 3],\n 'nested': {'k': [0,\n` +
      Array.from({ length: 24 }, (_, index) => `   ${index + 1}`).join(",\n") +
      "]}}",
  );
  expect(await result("Counter({f'word number {i}': 9 - i for i in range(4)})")).toBe(
    "Counter({'word number 0': 9,\n         'word number 1': 8,\n         'word number 2': 7,\n         'word number 3': 6})",
  );
  expect(await result("[['cell %d %d' % (i, j) for j in range(4)] for i in range(2)]")).toBe(
    "[['cell 0 0', 'cell 0 1', 'cell 0 2', 'cell 0 3'],\n ['cell 1 0', 'cell 1 1', 'cell 1 2', 'cell 1 3']]",
  );
});

test("more than 1000 items are cut", async () => {
  expect((await result("list(range(5000))"))?.split("\n").slice(-2)).toEqual([" 999,", " ...]"]);
  expect((await result("dict.fromkeys(range(5000))"))?.split("\n").slice(-2)).toEqual([" 999: None,", " ...}"]);
});

test("objects write themselves with _repr_pretty_, and libraries register printers", async () => {
  const code = `
class Tree:
    def __init__(self, *kids): self.kids = kids
    def _repr_pretty_(self, p, cycle):
        with p.group(5, "Tree(", ")"):
            for index, kid in enumerate(self.kids):
                if index:
                    p.text(",")
                    p.breakable()
                p.pretty(kid)
Tree(Tree("a" * 30), Tree("b" * 40, "c" * 30))`;
  expect(await result(code)).toBe(
    `Tree(Tree('${"a".repeat(30)}'),\n     Tree('${"b".repeat(40)}',\n          '${"c".repeat(30)}'))`,
  );
  expect(
    await result(
      "from IPython.lib.pretty import pretty, for_type\n" +
        "class Money:\n    def __init__(self, n): self.n = n\n" +
        "for_type(Money, lambda value, p, cycle: p.text(f'{value.n} EUR'))\n(Money(5), pretty([Money(6)]))",
    ),
  ).toBe("(5 EUR, '[6 EUR]')");
});

test("functions registered in display_formatter show a type", async () => {
  await python.run(
    "class Point: pass\n" +
      "formatters = get_ipython().display_formatter.formatters\n" +
      "formatters['text/html'].for_type(Point, lambda point: '<i>point</i>')\n" +
      "formatters['text/latex'].for_type_by_name('fractions', 'Fraction', lambda x: f'${x}$')",
  );
  const { messages } = await python.run("import fractions\ndisplay(Point())\nfractions.Fraction(1, 2)");
  const data = messages.flatMap((message) => ("data" in message ? [message.data] : []));
  expect(data).toMatchObject([{ "text/html": "<i>point</i>" }, { "text/latex": "$1/2$" }]);
});
