/**
 * Runs cells, one at a time, in this worker's global scope, and says what came of them. It knows messages, not how they
 * travel: worker.ts wires it.
 */
import type { ExecuteRequest, FromKernel } from "#core/kernel/messages.ts";
import { bundle, DisplayHandle } from "./display.ts";
import type { Sources } from "./errors.ts";
import type { Ownership } from "./guard.ts";
import { speaksOfDocument } from "./module-transform.ts";
import type { ImportOptions, Modules } from "./modules.ts";
import type { Output } from "./output.ts";
import type { Names } from "./scope.ts";
import { SourceError } from "./source.ts";
import { transformCell, type CellCode, type CellImport } from "./transform.ts";

export interface InterpreterParts {
  readonly names: Names;
  readonly modules: Modules;
  readonly sources: Sources;
  readonly output: Output;
  readonly owner: Ownership;
  readonly needDocument: () => Promise<void>;
  /** Ends what an interrupted request has started. */
  readonly cancel: (request: string) => void;
}

/** Thrown into what waits when a cell is interrupted. */
export class KeyboardInterrupt extends Error {
  override readonly name = "KeyboardInterrupt";
}

type CellFunction = (scope: object) => Promise<unknown>;

export class Interpreter {
  readonly #parts: InterpreterParts;
  readonly #owners = new Map<string, string>();
  #last = Promise.resolve();
  #count = 0;
  #cells = 0;
  #running: { readonly request: string; readonly stop: (reason: KeyboardInterrupt) => void } | undefined;

  constructor(parts: InterpreterParts) {
    this.#parts = parts;
  }

  /** Runs a request after those that came before. */
  execute(request: ExecuteRequest): Promise<void> {
    this.#last = this.#last.then(() => this.#execute(request));
    return this.#last;
  }

  /** Ends the running cell where it waits, with all it has started. Code that never waits is not reached. */
  interrupt(): void {
    if (!this.#running) return;
    this.#parts.cancel(this.#running.request);
    this.#running.stop(new KeyboardInterrupt("The cell was interrupted"));
  }

  /** The request that code thrown from belongs to: by its stack, else the one that runs or ran last. */
  ownerOf(error: unknown): string {
    for (const cell of this.#parts.sources.cellsOf(error)) {
      const owner = this.#owners.get(cell);
      if (owner !== undefined) return owner;
    }
    return this.#parts.owner.current;
  }

  async #execute(request: ExecuteRequest): Promise<void> {
    const { output, owner, sources } = this.#parts;
    const parent = request.id;
    owner.current = parent;
    output.send({ type: "status", status: "busy", parent });
    const isCounted = !request.silent && request.storeHistory !== false;
    if (isCounted) this.#count++;
    const url = `kroma-cell-${++this.#cells}.ts`;
    this.#owners.set(url, parent);
    let status: "ok" | "error" = "ok";
    try {
      const value = await this.#run(request, url);
      owner.current = parent;
      // `display(x)` as the last expression has shown x already.
      if (value !== undefined && !(value instanceof DisplayHandle) && !request.silent) {
        const count = this.#count;
        const data = await bundle(value, {});
        output.send({ type: "execute_result", parent, data, metadata: {}, count });
      }
    } catch (error) {
      owner.current = parent;
      status = "error";
      const report = sources.report(error, url);
      const { line, ...rest } = report;
      output.send({ type: "error", parent, ...rest, ...(line === undefined ? {} : { line }) });
    }
    await output.flush();
    const reply: FromKernel = {
      type: "execute_reply",
      parent,
      status,
      count: isCounted ? this.#count : undefined,
    };
    output.send(reply);
    output.send({ type: "status", status: "idle", parent });
  }

  async #run(request: ExecuteRequest, url: string): Promise<unknown> {
    const { names, sources, needDocument } = this.#parts;
    const label = request.name ?? `cell ${this.#cells}`;
    sources.add(url, { label, source: request.code }, request.code);
    const cell = transformCell(request.code);
    sources.add(url, { label, source: request.code }, names.written(cell.code, cell.names));
    if (speaksOfDocument(request.code) || /<\/|\/>/.test(request.code)) await needDocument();
    const run = names.evaluate(cell.code, url, cell.names) as CellFunction;
    const stopped = new Promise<never>((_resolve, reject) => {
      this.#running = { request: request.id, stop: reject };
    });
    stopped.catch(() => undefined);
    try {
      return await Promise.race([run(this.#scope(cell, url)), stopped]);
    } finally {
      this.#running = undefined;
    }
  }

  /** What a cell's code calls `__kroma`. */
  #scope(cell: CellCode, url: string): object {
    const { names, modules, sources } = this.#parts;
    return {
      let: names.let,
      const: names.const,
      variable: (name: string) => names.variable(name),
      named: <T>(value: T, name: string) => names.named(value, name),
      imports: () => Promise.all(cell.imports.map((wanted) => this.#import(wanted))),
      pick: (namespace: object, name: string, index: number, isUsed: boolean) =>
        this.#pick(namespace, name, cell.imports[index]!, isUsed),
      import: async (specifier: unknown, options?: ImportOptions) => {
        const line = sources.lineIn(new Error("for its stack"), url);
        try {
          return await modules.import(String(specifier), undefined, options?.with);
        } catch (error) {
          if (line !== undefined) sources.at(error, line);
          throw error;
        }
      },
      meta: Object.freeze({ url: "file:///workspace/" }),
    };
  }

  async #import(wanted: CellImport): Promise<object> {
    try {
      return await this.#parts.modules.import(wanted.specifier, undefined, wanted.attributes);
    } catch (error) {
      this.#parts.sources.at(error, wanted.line);
      throw error;
    }
  }

  #pick(namespace: object, name: string, wanted: CellImport, isUsed: boolean): unknown {
    if (name in namespace) return (namespace as Readonly<Record<string, unknown>>)[name];
    // `import fs from` a module without a default export gives the whole, as bundlers do.
    if (name === "default" && Object.keys(namespace).length > 0) return namespace;
    if (!isUsed) return undefined; // a type
    throw new SourceError(`The module "${wanted.specifier}" has no export named "${name}"`, wanted.line, undefined);
  }
}
