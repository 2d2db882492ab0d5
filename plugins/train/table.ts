/**
 * Columns of a Parquet or Arrow file of the workspace as a dataset: the file is read a row group or a record batch at a time, so it
 * may be larger than memory. The libraries load when used.
 */
import type { RecordBatch, RecordBatchReader } from "apache-arrow";
import { gunzipSync } from "fflate";
import { KromaError } from "#core/base/errors.ts";
import type { Stat } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import type { Chunk, Dataset, Numbers } from "./dataset.ts";
import { digestOf } from "./digest.ts";
import { workspacePath } from "./path.ts";
import type { TableSource } from "./request.ts";

type FileHandle = Parameters<typeof RecordBatchReader.from>[0];

/** Rows that are read at once must fit into memory with room to spare. */
const MOST_NUMBERS = 2 ** 28;
const DIGESTED_AT_ONCE = 2 ** 20;

/** A file that is read in places. */
interface OpenFile {
  readonly name: string;
  readonly size: number;
  read(from: number, to: number): Uint8Array<ArrayBuffer>;
}

/** The columns of a file that are wanted, a piece at a time. */
interface ColumnReader {
  /** Every column there is. */
  readonly columns: readonly string[];
  readonly chunks: readonly number[];
  /** The values of columns in a chunk, each as long as the chunk has rows. */
  read(chunk: number, columns: readonly string[]): Promise<readonly ArrayLike<unknown>[]>;
}

/** Opens a file. Throws `missing` without it, `corrupt` when it is neither, `invalid` for columns that can't be learned from. */
export async function openTable(
  files: SyncFs,
  { file: path, x, y }: TableSource,
  [xName, yName]: readonly [string, string],
): Promise<Dataset> {
  const name = workspacePath(path);
  const stat = files.resolve(name);
  if (!stat) throw new KromaError("missing", `There is no file ${path} in the workspace.`);
  const file = openFile(files, name, stat);
  const reader = await readerOf(file);
  const rows = reader.chunks.reduce((sum, count) => sum + count, 0);
  if (rows === 0) throw new KromaError("invalid", `${name} has no rows: there is nothing to learn from.`);
  const [xs, ys] = [x, y].map((asked) => (typeof asked === "string" ? [asked] : asked)) as [string[], string[]];
  for (const column of [...xs, ...ys]) {
    if (reader.columns.includes(column)) continue;
    const shown = reader.columns.slice(0, 20).join(", ") + (reader.columns.length > 20 ? " …" : "");
    throw new KromaError("invalid", `${name} has no column "${column}". It has: ${shown}.`);
  }
  const firstRows = reader.chunks.map((_, index) =>
    reader.chunks.slice(0, index).reduce((sum, count) => sum + count, 0),
  );
  const first = reader.chunks.findIndex((count) => count > 0);
  const start = await reader.read(first, [...xs, ...ys]);
  const widths = [...xs, ...ys].map((_, index) => widthOf(start[index]?.[0]));
  const [inputs, targets] = [widths.slice(0, xs.length), widths.slice(xs.length)].map((list) =>
    list.reduce((sum, width) => sum + width, 0),
  ) as [number, number];
  const together = async (chunk: number): Promise<Chunk> => {
    const count = reader.chunks[chunk] ?? 0;
    if (count * (inputs + targets) > MOST_NUMBERS)
      throw new KromaError(
        "exhausted",
        `A row group of ${name} has ${count} rows, which are too many to be read at once. Write it with smaller ones.`,
      );
    const values = await reader.read(chunk, [...xs, ...ys]);
    const laidOut = (from: number, to: number, width: number): Numbers => {
      const numbers = new Float32Array(count * width);
      let at = 0;
      for (let row = 0; row < count; row++)
        for (let index = from; index < to; index++) {
          const column = [...xs, ...ys][index] ?? "";
          const size = widths[index] ?? 1;
          layOut(
            values[index]?.[row],
            numbers,
            at,
            size,
            () => `"${column}" of ${name} in row ${(firstRows[chunk] ?? 0) + row}`,
          );
          at += size;
        }
      return numbers;
    };
    return { x: laidOut(0, xs.length, inputs), y: laidOut(xs.length, xs.length + ys.length, targets) };
  };
  return {
    names: { x: xName, y: yName },
    inputs,
    targets,
    chunks: reader.chunks,
    digest: `${await fileDigest(file)} ${JSON.stringify([xs, ys])}`,
    read: together,
  };
}

const openFile = (files: SyncFs, name: string, { inode, size }: Stat): OpenFile => ({
  name,
  size,
  read(from, to) {
    const bytes = new Uint8Array(Math.max(0, Math.min(size, to) - from));
    return bytes.subarray(0, files.read(inode, from, bytes));
  },
});

/** A digest of digests, so that a file need not be in memory. */
async function fileDigest({ size, read }: OpenFile): Promise<string> {
  const digests: string[] = [];
  for (let at = 0; at < size; at += DIGESTED_AT_ONCE) digests.push(await digestOf(read(at, at + DIGESTED_AT_ONCE)));
  return digestOf(new TextEncoder().encode(digests.join()));
}

const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value) || isVector(value);

/** apache-arrow's lists. */
const isVector = (value: unknown): value is { readonly length: number; get(index: number): unknown } =>
  typeof value === "object" && value !== null && "get" in value && "length" in value;

const widthOf = (value: unknown): number => (isList(value) ? value.length : 1);

function layOut(value: unknown, to: Float32Array, at: number, width: number, where: () => string): void {
  const list = isList(value) ? value : [value];
  if (list.length !== width)
    throw new KromaError("invalid", `${where()} has ${list.length} numbers, and the first row has ${width}.`);
  for (let index = 0; index < width; index++) {
    const item = isVector(list) ? list.get(index) : list[index];
    if (typeof item !== "number" && typeof item !== "bigint" && typeof item !== "boolean") {
      const what =
        item === null || item === undefined ? "no value" : `a ${item instanceof Date ? "date" : typeof item}`;
      throw new KromaError("invalid", `${where()} has ${what}, and networks learn from numbers.`);
    }
    to[at + index] = Number(item);
  }
}

async function readerOf(file: OpenFile): Promise<ColumnReader> {
  const magic = new TextDecoder().decode(file.read(0, 6));
  try {
    if (magic.startsWith("PAR1")) return await readParquet(file);
    if (magic === "ARROW1" || magic.startsWith("\ufffd\ufffd\ufffd\ufffd")) return await readArrow(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  throw new KromaError("corrupt", `${file.name} is neither a Parquet nor an Arrow file.`);
}

const unreadable = ({ name }: OpenFile, error: unknown): KromaError => {
  const why = error instanceof Error ? error.message : String(error);
  return new KromaError("corrupt", `${name} is damaged, or of a kind that can't be read here: ${why}`, {
    cause: error,
  });
};

async function readParquet(file: OpenFile): Promise<ColumnReader> {
  const { parquetMetadataAsync, parquetRead, parquetSchema } = await import("hyparquet");
  const buffer = {
    byteLength: file.size,
    slice: (start: number, end = file.size) => file.read(start < 0 ? file.size + start : start, end).slice().buffer,
  };
  const compressors = { GZIP: (input: Uint8Array, size: number) => gunzipSync(input, { out: new Uint8Array(size) }) };
  const metadata = await parquetMetadataAsync(buffer);
  const chunks = metadata.row_groups.map(({ num_rows }) => Number(num_rows));
  return {
    columns: parquetSchema(metadata).children.map(({ element }) => element.name),
    chunks,
    async read(chunk, columns) {
      const rowStart = chunks.slice(0, chunk).reduce((sum, rows) => sum + rows, 0);
      const rows = chunks[chunk] ?? 0;
      const values = new Map(columns.map((column) => [column, Array.from<unknown>({ length: rows })]));
      try {
        await parquetRead({
          file: buffer,
          metadata,
          compressors,
          columns: [...new Set(columns)],
          rowStart,
          rowEnd: rowStart + rows,
          onChunk({ columnName, columnData, rowStart: from }) {
            const list = values.get(columnName);
            for (let at = 0; list && at < columnData.length; at++) {
              const row = from + at - rowStart;
              if (row >= 0 && row < rows) list[row] = columnData[at];
            }
          },
        });
      } catch (error) {
        throw unreadable(file, error);
      }
      return columns.map((column) => values.get(column) ?? []);
    },
  };
}

async function readArrow(file: OpenFile): Promise<ColumnReader> {
  const { AsyncRecordBatchFileReader, RecordBatchReader, tableFromIPC } = await import("apache-arrow");
  const opened = await RecordBatchReader.from(fileHandle(file));
  const chunks: number[] = [];
  let batchAt: (chunk: number) => Promise<RecordBatch | undefined | null>;
  let { schema } = await opened.open();
  if (opened instanceof AsyncRecordBatchFileReader) {
    batchAt = (chunk) => opened.readRecordBatch(chunk);
    // The index of a file tells where its batches are, but not how many rows they have.
    for (let chunk = 0; chunk < opened.numRecordBatches; chunk++) chunks.push((await batchAt(chunk))?.numRows ?? 0);
  } else {
    // A stream has no index: it is read whole.
    const table = tableFromIPC(file.read(0, file.size));
    schema = table.schema;
    batchAt = (chunk) => Promise.resolve(table.batches[chunk]);
    for (const { numRows } of table.batches) chunks.push(numRows);
  }
  return {
    columns: schema.fields.map(({ name }) => name),
    chunks,
    async read(chunk, wanted) {
      const batch = await batchAt(chunk).catch((error: unknown) => Promise.reject(unreadable(file, error)));
      return wanted.map((column) => {
        const vector = batch?.getChild(column);
        return Array.from({ length: batch?.numRows ?? 0 }, (_, row): unknown => vector?.get(row));
      });
    },
  };
}

/** What apache-arrow asks of a file of Node's, which is how it reads a batch and not the whole. */
function fileHandle({ size, read }: OpenFile): FileHandle {
  const handle = {
    fd: 0,
    stat: () => Promise.resolve({ size }),
    read(buffer: Uint8Array, offset: number, length: number, position: number) {
      const bytes = read(position, position + length);
      buffer.set(bytes, offset);
      return Promise.resolve({ bytesRead: bytes.length, buffer });
    },
    close: () => Promise.resolve(),
  };
  return handle as unknown as FileHandle;
}
