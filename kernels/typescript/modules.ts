/**
 * Links and runs modules: those of the workspace, of npm and of URLs. Where a specifier leads and how its text is got is
 * the resolver's affair (`ModuleSource`); this file knows identities, cycles, order and staleness.
 *
 * A module of the workspace is loaded anew when its text, or that of anything it imports from the workspace, has
 * changed since; all else is loaded once.
 */
import { transformModule, type ModuleCode } from "./module-transform.ts";
import { SourceError } from "./source.ts";

/** What a specifier stands for. */
export type Resolved =
  /** Text to be linked here. `version` changes when the text has. */
  | { readonly kind: "text"; readonly id: string; readonly version: string }
  /** A module that the engine imports itself (shipped, already linked), or a value that is there. */
  | { readonly kind: "native"; readonly id: string; readonly load: () => Promise<object> };

/** Where modules come from. */
export interface ModuleSource {
  /** Throws a sentence that names the module and what to do. */
  resolve(specifier: string, from: string | undefined, attributes: Readonly<Record<string, string>>): Promise<Resolved>;
  /** The present version of what was resolved as `known`; undefined if it is gone. */
  version(id: string, known: string): string | undefined;
  read(id: string): Promise<{ readonly text: string; readonly bytes?: Uint8Array }>;
  /** Makes `document` and `window` exist. */
  needDocument(): Promise<void>;
  /** Compiles an expression under the name that stacks show. */
  compile(expression: string, name: string): unknown;
}

interface Scope {
  readonly modules: readonly object[];
  readonly exports: (getters: Readonly<Record<string, () => unknown>>) => void;
  readonly import: (specifier: unknown, options?: ImportOptions) => Promise<object>;
  readonly meta: object;
}
type Body = (scope: Scope) => Iterator<void, unknown> | AsyncIterator<void, unknown>;

/** The second argument of `import()`. */
export interface ImportOptions {
  readonly with?: Readonly<Record<string, string>>;
}

class Module {
  readonly id: string;
  readonly version: string;
  readonly namespace: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  code: ModuleCode | undefined;
  dependencies: (Module | object)[] = [];
  steps: Iterator<void, unknown> | AsyncIterator<void, unknown> | undefined;
  loaded: Promise<void> | undefined;
  evaluated: Promise<void> | undefined;
  state: "new" | "linked" | "running" | "done" | "failed" = "new";
  error: unknown;
  constructor(id: string, version: string) {
    this.id = id;
    this.version = version;
    Object.defineProperty(this.namespace, Symbol.toStringTag, { value: "Module" });
  }
}

const isTypeScript = (id: string) => /\.(ts|tsx|mts|jsx)$/.test(id.replace(/[?#].*$/, ""));

/** All modules of one kernel. */
export class Modules {
  readonly #source: ModuleSource;
  readonly #modules = new Map<string, Module>();
  readonly #native = new Map<string, Promise<object>>();

  constructor(source: ModuleSource) {
    this.#source = source;
  }

  /** The namespace of a module, loaded and run. */
  async import(specifier: string, from?: string, attributes: Readonly<Record<string, string>> = {}): Promise<object> {
    this.#dropStale();
    const found = await this.#find(specifier, from, attributes);
    if (!(found instanceof Module)) return found;
    await this.#loadAll(found);
    const linked = new Set<Module>();
    await this.#link(found, linked);
    for (const module of linked) this.#reexport(module, new Set());
    for (const module of linked) checkImports(module);
    await this.#evaluate(found, []);
    return found.namespace;
  }

  /** Forgets modules whose text has changed or that failed, and all that import them. */
  #dropStale(): void {
    const stale = new Set<Module>();
    for (const module of this.#modules.values()) {
      if (module.state === "failed" || this.#source.version(module.id, module.version) !== module.version)
        stale.add(module);
    }
    for (let size = -1; size !== stale.size;) {
      size = stale.size;
      for (const module of this.#modules.values()) {
        const isOld = (dependency: object) =>
          dependency instanceof Module && (stale.has(dependency) || dependency.state === "failed");
        if (module.dependencies.some(isOld)) stale.add(module);
      }
    }
    for (const module of stale) this.#modules.delete(module.id);
  }

  async #find(
    specifier: string,
    from: string | undefined,
    attributes: Readonly<Record<string, string>>,
  ): Promise<Module | object> {
    const resolved = await this.#source.resolve(specifier, from, attributes);
    if (resolved.kind === "native") {
      let namespace = this.#native.get(resolved.id);
      if (!namespace) {
        namespace = resolved.load();
        this.#native.set(resolved.id, namespace);
        namespace.catch(() => this.#native.delete(resolved.id));
      }
      return namespace;
    }
    // A file may be imported as code here and as text there.
    const key = attributes["type"] === undefined ? resolved.id : `${resolved.id}#${attributes["type"]}`;
    const known = this.#modules.get(key);
    if (known) return known;
    const module = new Module(resolved.id, resolved.version);
    this.#modules.set(key, module);
    module.loaded = this.#load(module, attributes);
    // Whoever asked first sees to it that all are loaded (loadAll); nobody else waits, so cycles are no harm.
    module.loaded.catch(() => undefined);
    return module;
  }

  async #load(module: Module, attributes: Readonly<Record<string, string>>): Promise<void> {
    try {
      const { text, bytes } = await this.#source.read(module.id);
      const type = attributes["type"] ?? (module.id.replace(/[?#].*$/, "").endsWith(".json") ? "json" : undefined);
      if (type === "json" || type === "text" || type === "bytes") {
        const value = type === "json" ? parseJson(text, module.id) : type === "text" ? text : bytes;
        module.code = { code: "", imports: [], stars: [], wanted: [], isAsync: false, wantsDocument: false };
        Object.defineProperty(module.namespace, "default", { value, enumerable: true });
        module.state = "done";
        return;
      }
      module.code = transformModule(text, isTypeScript(module.id));
      if (module.code.wantsDocument) await this.#source.needDocument();
      module.dependencies = await Promise.all(
        module.code.imports.map((item) => this.#find(item.specifier, module.id, item.attributes)),
      );
    } catch (error) {
      if (error instanceof SourceError && !("module" in error)) Object.assign(error, { module: module.id });
      module.error = error;
      module.state = "failed";
      throw error;
    }
  }

  async #loadAll(root: Module): Promise<void> {
    const seen = new Set<Module>();
    const visit = async (module: Module): Promise<void> => {
      if (seen.has(module)) return;
      seen.add(module);
      await module.loaded;
      await Promise.all(module.dependencies.filter((dependency) => dependency instanceof Module).map(visit));
    };
    await visit(root);
  }

  /** Runs each module to its first yield: functions and exports are there. */
  async #link(module: Module, seen: Set<Module>): Promise<void> {
    if (seen.has(module) || module.state !== "new") return;
    seen.add(module);
    const scope: Scope = {
      modules: module.dependencies.map((dependency) =>
        dependency instanceof Module ? dependency.namespace : dependency,
      ),
      exports: (getters) => {
        for (const [name, get] of Object.entries(getters))
          Object.defineProperty(module.namespace, name, { get, enumerable: true, configurable: true });
      },
      import: (specifier, options) => this.import(String(specifier), module.id, options?.with),
      meta: Object.freeze({ url: module.id }),
    };
    module.steps = (this.#source.compile(module.code!.code, module.id) as Body)(scope);
    await module.steps.next();
    for (const dependency of module.dependencies) if (dependency instanceof Module) await this.#link(dependency, seen);
    module.state = "linked";
  }

  /** `export * from`: all but default and what the module exports itself. */
  #reexport(module: Module, seen: Set<Module>): void {
    if (seen.has(module)) return;
    seen.add(module);
    for (const index of module.code!.stars) {
      const from = module.dependencies[index]!;
      if (from instanceof Module) this.#reexport(from, seen);
      const namespace = (from instanceof Module ? from.namespace : from) as Record<string, unknown>;
      for (const name of Object.keys(namespace)) {
        if (name === "default" || Object.hasOwn(module.namespace, name)) continue;
        Object.defineProperty(module.namespace, name, {
          get: () => namespace[name],
          enumerable: true,
          configurable: true,
        });
      }
    }
  }

  async #evaluate(module: Module, path: readonly Module[]): Promise<void> {
    if (module.state === "done") return;
    if (module.state === "failed") throw module.error;
    if (path.includes(module)) return; // a cycle: it is on its way
    module.evaluated ??= this.#run(module, [...path, module]);
    await module.evaluated;
  }

  async #run(module: Module, path: readonly Module[]): Promise<void> {
    module.state = "running";
    try {
      for (const dependency of module.dependencies) {
        if (dependency instanceof Module && !waitsFor(dependency, module)) await this.#evaluate(dependency, path);
      }
      await module.steps!.next();
      module.state = "done";
    } catch (error) {
      module.state = "failed";
      module.error = error;
      throw error;
    }
  }
}

/** True when `module` is running and (through running modules) imports `other`: to wait for it would be for ever. */
function waitsFor(module: Module, other: Module, seen = new Set<Module>()): boolean {
  if (module.state !== "running" || seen.has(module)) return false;
  seen.add(module);
  return module.dependencies.some(
    (dependency) => dependency instanceof Module && (dependency === other || waitsFor(dependency, other, seen)),
  );
}

function checkImports(module: Module): void {
  for (const { index, name } of module.code!.wanted) {
    const dependency = module.dependencies[index]!;
    if (name in (dependency instanceof Module ? dependency.namespace : dependency)) continue;
    const message = `The module "${module.code!.imports[index]!.specifier}" has no export named "${name}"`;
    module.state = "failed";
    module.error = Object.assign(new SourceError(message, undefined, undefined), { module: module.id });
    throw module.error;
  }
}

function parseJson(text: string, id: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw Object.assign(new SourceError(error instanceof Error ? error.message : String(error), undefined, undefined), {
      module: id,
    });
  }
}
