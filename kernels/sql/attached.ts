/**
 * SQLite files under a name of their own, `ATTACH 'shop.db' AS shop`, as DuckDB's extension for them has it. Such a name is a
 * schema here, whose tables come when they are asked for: a view of the table under its file's name.
 */
import { KromaError } from "#core/base/errors.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { workspacePath } from "./paths.ts";
import { hasSqlite, listSqlite } from "./sqlite.ts";

const NAME = String.raw`"(?:[^"]|"")+"|[A-Za-z_]\w*`;
const ATTACH = new RegExp(
  String.raw`^ATTACH\s+(?:DATABASE\s+)?(IF\s+NOT\s+EXISTS\s+)?'((?:[^']|'')+)'(?:\s+AS\s+(${NAME}))?\s*(?:\(([^)]*)\))?$`,
  "i",
);
const DETACH = new RegExp(String.raw`^DETACH\s+(?:DATABASE\s+)?(?:IF\s+EXISTS\s+)?(${NAME})$`, "i");

/** What a statement asks for. */
export type Attachment =
  | { readonly type: "attach"; readonly path: string; readonly schema: string; readonly isOptional: boolean }
  | { readonly type: "detach"; readonly schema: string };

/** The SQLite file that a statement attaches, or the schema that it detaches; undefined for all else. */
export function readAttachment(text: string, files: () => SyncFs): Attachment | undefined {
  const [, optional, file, name, options = ""] = ATTACH.exec(text) ?? [];
  if (file !== undefined) {
    const path = workspacePath(file.replaceAll("''", "'"));
    const isNamed = /\bTYPE\s+'?sqlite/i.test(options);
    if (!isNamed && !hasSqlite(files(), path)) return undefined;
    const stem =
      path
        .split("/")
        .at(-1)
        ?.replace(/\.[^.]*$/, "") ?? path;
    return {
      type: "attach",
      path,
      schema: name === undefined ? stem : unquoted(name),
      isOptional: optional !== undefined,
    };
  }
  const schema = DETACH.exec(text)?.[1];
  return schema === undefined ? undefined : { type: "detach", schema: unquoted(schema) };
}

const unquoted = (name: string): string => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);

/** The attached files. */
export class Attached {
  readonly #files = new Map<string, { readonly path: string; readonly tables: readonly string[] }>();

  has(schema: string): boolean {
    return this.#files.has(schema.toLowerCase());
  }

  /** Takes a file in. Throws what is wrong with it. */
  async add(files: SyncFs, { path, schema }: Extract<Attachment, { type: "attach" }>): Promise<void> {
    if (this.has(schema)) throw new KromaError("invalid", `There is a database ${schema} already. DETACH it first.`);
    const tables = await listSqlite(files, path);
    this.#files.set(schema.toLowerCase(), { path, tables: tables.map(({ name }) => name) });
  }

  remove(schema: string): void {
    this.#files.delete(schema.toLowerCase());
  }

  /** Where tables of this name are, which case it is written in aside. */
  find(name: string): readonly { readonly schema: string; readonly path: string; readonly table: string }[] {
    const wanted = name.toLowerCase();
    return [...this.#files].flatMap(([schema, { path, tables }]) =>
      tables.filter((table) => table.toLowerCase() === wanted).map((table) => ({ schema, path, table })),
    );
  }
}
