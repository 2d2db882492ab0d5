/**
 * Keeps processes that collect garbage apart from those that write blocks which nothing names yet. The lock is SQLite's own on a
 * file: any number share it, or one has it alone, and the system lets go of it when a process dies, however it does
 * (https://sqlite.org/lockingv3.html).
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { KromaError } from "#core/base/errors.ts";

/** SQLite's result code for a lock that others have (sqlite.org/rescode). */
const SQLITE_BUSY = 5;
const AGAIN = 25;

/** How a lock is held: beside others who write, or alone. */
export type Holding = "shared" | "exclusive";

/**
 * Does the work while holding the lock on that file. `unavailable` when others keep it for longer than `patience` milliseconds.
 */
export async function withStoreLock<T>(
  file: string,
  holding: Holding,
  work: () => Promise<T>,
  patience = 60_000,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    const end = performance.now() + patience;
    while (!take(database, holding)) {
      if (performance.now() > end)
        throw new KromaError("unavailable", "Another Kroma is at work on the same blocks; please try again.");
      await sleep(AGAIN);
    }
    return await work();
  } finally {
    database.close();
  }
}

function take(database: DatabaseSync, holding: Holding): boolean {
  try {
    // Reading takes the shared lock, and keeps it to the end of the transaction.
    if (holding === "exclusive") database.exec("BEGIN EXCLUSIVE");
    else database.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
    return true;
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    // The lower byte says what; the rest of an extended code says why.
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return false;
    throw error;
  }
}
