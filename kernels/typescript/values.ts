/** `kroma.get` and `kroma.set` for cells: core/workspace/values.ts, with Arrow once a cell has imported it. */
import { KromaError } from "#core/base/errors.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { type ArrowCodec, decodeValue, findValue, getValue, setValue } from "#core/workspace/values.ts";

interface ArrowModule {
  readonly Table: new (...values: never[]) => object;
  readonly tableToIPC: (table: object, type: "stream") => Uint8Array;
  readonly tableFromIPC: (bytes: Uint8Array) => object;
}

/** The values of a workspace. */
export class CellValues {
  readonly #connect: () => SyncFs;
  #arrow: ArrowCodec | undefined;

  constructor(connect: () => SyncFs) {
    this.#connect = connect;
  }

  /** Told of each npm module that a cell has loaded. */
  learn(name: string, module: object): void {
    if (name !== "apache-arrow" || !("tableToIPC" in module)) return;
    const { Table, tableToIPC, tableFromIPC } = module as ArrowModule;
    this.#arrow = {
      isTable: (value) => value instanceof Table,
      encode: (table) => tableToIPC(table as object, "stream"),
      decode: (bytes) => tableFromIPC(bytes),
    };
  }

  /** The value of this name; `fallback` (a list of none or one) stands for an absent one. */
  get(name: string, fallback: readonly unknown[]): unknown {
    const files = this.#connect();
    const found = fallback.length > 0 ? findValue(files, name) : undefined;
    if (fallback.length > 0) return found ? decodeValue(found, this.#arrow) : fallback[0];
    if (!this.#arrow && findValue(files, name)?.extension === "arrow") {
      throw new KromaError(
        "unavailable",
        `${name} is an Arrow table: import * as arrow from "apache-arrow" first, then get it`,
      );
    }
    return getValue(files, name, this.#arrow);
  }

  set(name: string, value: unknown): void {
    setValue(this.#connect(), name, value, this.#arrow);
  }
}
