/** Writes small Parquet files for tests: required columns, plain values, one page each (https://parquet.apache.org/docs/file-format/). */
import { gzipSync } from "fflate";

type Values = readonly string[] | readonly number[] | readonly bigint[];
const TYPE = { bigint: 2, number: 5, string: 6 } as const;
const GZIP = 2;

const varint = (value: number | bigint): number[] => {
  const bytes: number[] = [];
  let rest = BigInt(value);
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return [...bytes, Number(rest)];
};
const zigzag = (value: number): number[] => varint(BigInt(value) * 2n);

/** Thrift's compact protocol: fields by number, each with its type. */
type Field =
  | readonly [number, "i32" | "i64", number]
  | readonly [number, "text", string]
  | readonly [number, "struct", readonly Field[]]
  | readonly [number, "list", "i32" | "text" | "struct", readonly unknown[]];
const CODE = { i32: 5, i64: 6, text: 8, list: 9, struct: 12 } as const;
const text = (value: string): number[] => [...varint(Buffer.byteLength(value)), ...Buffer.from(value)];

function struct(fields: readonly Field[]): number[] {
  const bytes: number[] = [];
  let last = 0;
  for (const field of fields) {
    bytes.push(((field[0] - last) << 4) | CODE[field[1]]);
    last = field[0];
    if (field[1] === "struct") bytes.push(...struct(field[2]));
    else if (field[1] === "text") bytes.push(...text(field[2]));
    else if (field[1] === "list") {
      const [, , kind, items] = field;
      bytes.push((items.length << 4) | CODE[kind]);
      for (const item of items) {
        bytes.push(
          ...(kind === "struct"
            ? struct(item as Field[])
            : kind === "text"
              ? text(item as string)
              : zigzag(item as number)),
        );
      }
    } else bytes.push(...zigzag(field[2]));
  }
  return [...bytes, 0];
}

function plain(values: Values): Uint8Array {
  const bytes: Uint8Array[] = [];
  for (const value of values) {
    if (typeof value === "number") bytes.push(new Uint8Array(Float64Array.of(value).buffer));
    else if (typeof value === "bigint") bytes.push(new Uint8Array(BigInt64Array.of(value).buffer));
    else bytes.push(new Uint8Array(Uint32Array.of(Buffer.byteLength(value)).buffer), Buffer.from(value));
  }
  return new Uint8Array(Buffer.concat(bytes));
}

/** A file of columns that are all of the same length, in row groups of so many rows. */
export function makeParquet(
  columns: Readonly<Record<string, Values>>,
  packed = false,
  most = Infinity,
): Uint8Array<ArrayBuffer> {
  const rows = Object.values(columns)[0]?.length ?? 0;
  const parts: Uint8Array[] = [Buffer.from("PAR1")];
  const sizeSoFar = (): number => parts.reduce((sum, part) => sum + part.length, 0);
  const groups: Field[][] = [];
  for (let first = 0; first < rows; first += most) {
    const count = Math.min(most, rows - first);
    const before = sizeSoFar();
    const chunks = Object.entries(columns).map(([name, values]): Field[] => {
      const content = plain(values.slice(first, first + count) as Values);
      const stored = packed ? gzipSync(content) : content;
      const page: Field[] = [
        [1, "i32", count],
        [2, "i32", 0],
        [3, "i32", 3],
        [4, "i32", 3],
      ];
      const header = struct([
        [1, "i32", 0],
        [2, "i32", content.length],
        [3, "i32", stored.length],
        [5, "struct", page],
      ]);
      const offset = sizeSoFar();
      parts.push(Uint8Array.from(header), stored);
      const meta: Field[] = [
        [1, "i32", typeOf(values)],
        [2, "list", "i32", [0]],
        [3, "list", "text", [name]],
        [4, "i32", packed ? GZIP : 0],
        [5, "i64", count],
        [6, "i64", header.length + content.length],
        [7, "i64", header.length + stored.length],
        [9, "i64", offset],
      ];
      return [
        [2, "i64", offset],
        [3, "struct", meta],
      ];
    });
    groups.push([
      [1, "list", "struct", chunks],
      [2, "i64", sizeSoFar() - before],
      [3, "i64", count],
    ]);
  }
  const schema: Field[][] = [
    [
      [4, "text", "schema"],
      [5, "i32", Object.keys(columns).length],
    ],
    ...Object.entries(columns).map(([name, values]): Field[] => [
      [1, "i32", typeOf(values)],
      [3, "i32", 0],
      [4, "text", name],
      ...(typeOf(values) === TYPE.string ? [[6, "i32", 0] as const] : []),
    ]),
  ];
  const footer = Uint8Array.from(
    struct([
      [1, "i32", 1],
      [2, "list", "struct", schema],
      [3, "i64", rows],
      [4, "list", "struct", groups],
    ]),
  );
  parts.push(footer, new Uint8Array(Uint32Array.of(footer.length).buffer), Buffer.from("PAR1"));
  return new Uint8Array(Buffer.concat(parts));
}

const typeOf = (values: Values): number => TYPE[typeof values[0] as keyof typeof TYPE];
