/** Values between languages: the examples that every codec must pass, and the rules of VALUES.md on a workspace. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tableFromArrays, tableFromIPC, tableToIPC, Table } from "apache-arrow";
import fc from "fast-check";
import { SyncFs } from "#core/workspace/sync-client.ts";
import * as values from "#core/workspace/values.ts";
import { fromJson, type Json, toJson } from "#core/workspace/values-json.ts";
import { dtypeOf, type NumberArray, type ShapedArray } from "#core/workspace/npy.ts";
import jsonExamples from "../../fixtures/values/json.json" with { type: "json" };
import npyExamples from "../../fixtures/values/npy.json" with { type: "json" };
import { startStore, type StartedStore } from "./start-store.ts";

const { decodeValue, encodeValue } = values;
const fromHex = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const toHex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

describe("JSON values", () => {
  test.each(jsonExamples)("$name comes back the same", ({ json }) => {
    expect(toJson(fromJson(json as Json))).toEqual(json);
  });

  test("plain data of any shape travels", () => {
    fc.assert(
      fc.property(
        fc.anything({
          values: [
            fc.string({ unit: "binary" }),
            fc.double().map((n) => (Object.is(n, -0) ? 0 : n)),
            fc.boolean(),
            fc.constant(null),
            fc.constantFrom("$kroma", "value", "NaN"),
            fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }),
            fc.date({ noInvalidDate: true }),
          ],
          key: fc.oneof(fc.string(), fc.constantFrom("$kroma", "value", "__proto__")),
          withNullPrototype: false,
        }),
        (value) => {
          const { extension, bytes } = encodeValue(value);
          expect(extension).toBe("json");
          expect(decodeValue({ extension, bytes })).toEqual(value);
        },
      ),
    );
  });

  test("what cannot travel is refused with the place where it is", () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    expect(() => encodeValue({ a: [1, { f: () => 1 }] })).toThrow("value.a[1].f cannot travel: it is a function");
    expect(() => encodeValue(loop)).toThrow("value.self cannot travel: it contains itself");
    expect(() => encodeValue(undefined)).toThrow("value cannot travel");
    expect(() => encodeValue({ "a b": Symbol("x") })).toThrow('value["a b"] cannot travel');
    expect(() => encodeValue([new WeakMap()])).toThrow("value[0] cannot travel: it is a WeakMap");
    expect(() => encodeValue(new Map([[1, 2]]))).toThrow("a key is no string");
    const shared = { n: 1 };
    expect(toJson([shared, shared])).toEqual([{ n: 1 }, { n: 1 }]);
  });

  test("damaged values are said to be", () => {
    const bad = (text: string) => () => decodeValue({ extension: "json", bytes: new TextEncoder().encode(text) });
    expect(bad("{")).toThrow("not valid JSON");
    expect(bad('{"$kroma":"surprise","value":1}')).toThrow("unknown kind");
    expect(bad('{"$kroma":"bytes","value":"%"}')).toThrow("not base64");
    expect(bad('{"$kroma":"array","dtype":"<f8","shape":[9],"value":""}')).toThrow("cut short");
    expect(() => decodeValue({ extension: "npy", bytes: new Uint8Array(200) })).toThrow("not a NumPy file");
  });
});

describe("arrays", () => {
  test.each(npyExamples)("$name", ({ dtype, shape, values: elements, hex, canonical }) => {
    const bytes = fromHex(hex);
    const decoded = decodeValue({ extension: "npy", bytes }) as NumberArray | ShapedArray;
    const data = "data" in decoded ? decoded.data : decoded;
    expect("data" in decoded ? decoded.shape : [decoded.length]).toEqual(shape);
    expect(Array.from(data as Iterable<unknown>, String)).toEqual(elements.map(String));
    if (!canonical) return;
    expect(dtypeOf(data)).toBe(dtype);
    expect(toHex(encodeValue(decoded).bytes)).toBe(hex);
  });

  test("an array of a file that lies at an odd place in memory is read all the same", () => {
    const { bytes } = encodeValue(Float64Array.of(1.5, 2.5));
    const odd = new Uint8Array(bytes.length + 3);
    odd.set(bytes, 3);
    expect(decodeValue({ extension: "npy", bytes: odd.subarray(3) })).toEqual(Float64Array.of(1.5, 2.5));
  });
});

describe("on a workspace", () => {
  let store: StartedStore;
  let fs: SyncFs;
  beforeAll(async () => {
    store = await startStore({});
    fs = new SyncFs(store.open.shared);
  });
  afterAll(async () => {
    fs.release();
    await store.open.close();
  });

  test("a value set is got, replaced by one of another kind, listed and removed", () => {
    values.setValue(fs, "x", { a: 1 });
    values.setValue(fs, "a.b-c_1", Float64Array.of(1, 2));
    expect(values.getValue(fs, "x")).toEqual({ a: 1 });
    values.setValue(fs, "x", Uint8Array.of(1, 2, 3));
    expect(values.getValue(fs, "x")).toEqual(Uint8Array.of(1, 2, 3));
    expect(values.listValues(fs)).toEqual(["a.b-c_1", "x"]);
    expect(fs.list(".kroma/values").map((entry) => entry.name)).toEqual(["a.b-c_1.npy", "x.bin"]);
    expect(values.removeValue(fs, "x")).toBe(true);
    expect(values.removeValue(fs, "x")).toBe(false);
    expect(() => values.getValue(fs, "x")).toThrow("No value is called x. There are: a.b-c_1.");
  });

  test("names that could leave the directory are refused", () => {
    for (const name of ["", "a/b", "..", "a..b", "../x", "1a", "a b", "a".repeat(129), "ä"]) {
      expect(() => values.setValue(fs, name, 1)).toThrow("is no name for a value");
    }
  });

  test("Arrow tables travel when the library is passed in", () => {
    const arrow: values.ArrowCodec = {
      isTable: (value) => value instanceof Table,
      encode: (table) => tableToIPC(table as Table, "stream"),
      decode: (bytes) => tableFromIPC(bytes),
    };
    values.setValue(fs, "table", tableFromArrays({ n: Int32Array.of(1, 2, 3) }), arrow);
    const table = values.getValue(fs, "table", arrow) as Table;
    expect(table.numRows).toBe(3);
    expect(Array.from(table.getChild("n") ?? [])).toEqual([1, 2, 3]);
    expect(() => values.getValue(fs, "table")).toThrow("apache-arrow");
  });
});
