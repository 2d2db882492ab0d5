/**
 * How old documents become new ones: a numbered list, forward only. The entry at index n turns schema n + 1 into
 * n + 2. A migration must do the same on every peer, so it may use nothing but the document.
 */
import * as Automerge from "@automerge/automerge/slim";
import { KromaError } from "../base/errors.ts";

/** What every document has, whatever its age. */
export interface Versioned {
  schema: number;
}

/** Changes a document of one schema into the next, in place. */
export type Migration = (document: Record<string, unknown>) => void;

/** None yet: the first schema is the present one. */
export const MIGRATIONS: readonly Migration[] = [];

/** The schema that this program writes. */
export const SCHEMA = MIGRATIONS.length + 1;

/** The document at the present schema. `invalid` when it is newer than this program or has no schema at all. */
export function migrate<D extends Versioned>(
  document: Automerge.Doc<D>,
  migrations: readonly Migration[] = MIGRATIONS,
): Automerge.Doc<D> {
  const newest = migrations.length + 1;
  const schema: unknown = document.schema;
  if (typeof schema !== "number" || !Number.isInteger(schema) || schema < 1) {
    throw new KromaError("invalid", "This is not a notebook document: it has no schema number.");
  }
  if (schema > newest) {
    throw new KromaError("invalid", `This notebook has schema ${schema}; this Kroma knows up to ${newest}. Update it.`);
  }
  let migrated = document;
  for (let from = schema; from < newest; from += 1) {
    const step = migrations[from - 1] as Migration;
    migrated = Automerge.change(migrated, { time: 0, message: `migrate to schema ${from + 1}` }, (draft) => {
      step(draft as unknown as Record<string, unknown>);
      (draft as Versioned).schema = from + 1;
    });
  }
  return migrated;
}
