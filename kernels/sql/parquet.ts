/** Parquet files as columns, read by hyparquet, which loads when it is used. */
import { KromaError } from "#core/base/errors.ts";
import type { Columns } from "./columns.ts";

/** All of a file. Throws `corrupt` for what is none, or damaged. */
export async function readParquet(bytes: Uint8Array<ArrayBuffer>): Promise<Columns> {
  const [{ parquetMetadataAsync, parquetRead }, { gunzipSync }] = await Promise.all([
    import("hyparquet"),
    import("fflate"),
  ]);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const file = { byteLength: buffer.byteLength, slice: (start: number, end?: number) => buffer.slice(start, end) };
  const compressors = { GZIP: (input: Uint8Array, size: number) => gunzipSync(input, { out: new Uint8Array(size) }) };
  try {
    const metadata = await parquetMetadataAsync(file);
    const rows = Number(metadata.num_rows);
    const columns = new Map<string, unknown[]>();
    await parquetRead({
      file,
      metadata,
      compressors,
      onChunk({ columnName, columnData, rowStart }) {
        let values = columns.get(columnName);
        if (!values) columns.set(columnName, (values = Array.from({ length: rows })));
        for (let at = 0; at < columnData.length && rowStart + at < rows; at += 1) {
          values[rowStart + at] = columnData[at];
        }
      },
    });
    return columns;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new KromaError("corrupt", `The Parquet file is damaged or cut off: ${why}.`, { cause: error });
  }
}
