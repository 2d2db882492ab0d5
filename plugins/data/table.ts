/** Draws what names a table's file (`application/vnd.kroma.table+json`), or is the bytes of one. */
import { maxLength, object, optional, picklist, pipe, safeParse, string } from "valibot";
import type { Drawing, RenderContext } from "#kit/renderers.ts";
import { showGrid } from "./grid.ts";
import type { TableFormat, TableSource } from "./messages.ts";
import { TABLE_MIME } from "./mime.ts";

/** `path` is a file of the workspace, `table` one of those that it has. The format is told by its ending, unless it is said. */
const schema = object({
  path: pipe(string(), maxLength(4096)),
  format: optional(picklist(["csv", "tsv", "parquet", "arrow", "sqlite"])),
  table: optional(pipe(string(), maxLength(4096))),
});

const BYTES: Readonly<Record<string, TableFormat>> = {
  "application/vnd.apache.parquet": "parquet",
  "application/vnd.apache.arrow.file": "arrow",
  "application/vnd.apache.arrow.stream": "arrow",
};
const ENDINGS: Readonly<Record<string, TableFormat>> = {
  tsv: "tsv",
  tab: "tsv",
  parquet: "parquet",
  pq: "parquet",
  arrow: "arrow",
  arrows: "arrow",
  feather: "arrow",
  db: "sqlite",
  db3: "sqlite",
  sqlite: "sqlite",
  sqlite3: "sqlite",
};

/** Shows the table. What can't be shown is said in its place. */
export const drawing: Drawing = {
  async render(element, context) {
    const found = await fileOf(context);
    if (typeof found === "string") {
      const said = document.createElement("p");
      said.textContent = found;
      element.append(said);
      return undefined;
    }
    return showGrid(element, found.source, {
      name: found.name,
      worker: () => new Worker(new URL("./table.worker.ts", import.meta.url), { type: "module", name: "kroma-table" }),
    });
  },
};

interface Found {
  readonly name: string;
  readonly source: TableSource;
}

/** The table's file, or a sentence why there is none. */
async function fileOf({ mimeType, data, file }: RenderContext): Promise<Found | string> {
  const format = BYTES[mimeType];
  if (format) {
    if (typeof data !== "string") return "This table has no bytes.";
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    return { name: "The table", source: { file: new Blob([bytes]), format } };
  }
  const named = safeParse(schema, data);
  if (mimeType !== TABLE_MIME || !named.success) return "This output names no table.";
  const { path, table } = named.output;
  const blob = await file?.(path);
  if (!blob) return `The file ${path} is not in the workspace any more.`;
  const ending = path.split(".").at(-1)?.toLowerCase() ?? "";
  const kind = named.output.format ?? ENDINGS[ending] ?? "csv";
  if (kind !== "sqlite") return { name: path, source: { file: blob, format: kind } };
  const [wal, journal] = await Promise.all([file?.(`${path}-wal`), file?.(`${path}-journal`)]);
  return { name: path, source: { file: blob, format: kind, table, wal, journal } };
}
