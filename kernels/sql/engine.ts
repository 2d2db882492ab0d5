/** The part of duckdb-wasm's blocking bindings that is used, as the file in the site's assets gives it. */

/** The engine's memory and functions, as a runtime gets them (an Emscripten module). */
export interface EngineModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAPF64: Float64Array;
  _malloc(bytes: number): number;
  stackSave(): number;
  stackAlloc(bytes: number): number;
  stackRestore(at: number): void;
  ccall(name: string, returns: "number" | null, types: readonly string[], values: readonly unknown[]): number;
}

/** Bindings of an open engine. A `connection` is a number. */
export interface EngineBindings {
  instantiate(onProgress?: (progress: { readonly bytesLoaded: number }) => void): Promise<unknown>;
  open(config: object): void;
  connect(): { useUnsafe<T>(callback: (bindings: EngineBindings, connection: number) => T): T };
  /** All rows as an Arrow stream. */
  runQuery(connection: number, text: string): Uint8Array;
  /** The result's schema, or null: then it is polled for. */
  startPendingQuery(connection: number, text: string, streams: boolean): Uint8Array | null;
  pollPendingQuery(connection: number): Uint8Array | null;
  cancelPendingQuery(connection: number): boolean;
  /** The next record batch; empty at the end, null when it is not there yet. */
  fetchQueryResults(connection: number): Uint8Array | null;
  insertArrowFromIPCStream(
    connection: number,
    bytes: Uint8Array,
    into: { readonly name: string; readonly schema: string; readonly create: boolean },
  ): void;
}

/** The file `duckdb/duckdb.js`. */
export interface EngineLibrary {
  readonly DEFAULT_RUNTIME: object;
  readonly VoidLogger: new () => object;
  createDuckDB(bundles: object, logger: object, runtime: object): Promise<EngineBindings>;
}
