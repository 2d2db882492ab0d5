/**
 * Starts Pyodide: from the memory snapshot, or plainly. All of Pyodide's inner parts that Kroma touches are touched
 * here: the Emscripten factory and instantiation (to share the compiled module, grow the heap and cap it), the restore
 * hook, the lazy standard library, the trampoline.
 */
import type { loadPyodide as loadPyodideType, PyodideInterface } from "pyodide";
import type { Fcntl } from "#core/workspace/emscripten.ts";
import { applyPack, parsePack, type Pack } from "./pack.ts";
import type { SharedParts } from "./wire.ts";

declare global {
  /** Node's thread program gives a way to read a file: URL without waiting. */
  var kromaReadSync: ((url: string) => Uint8Array) | undefined;
}

/** The parts of Emscripten's module and Pyodide's API that are used here. */
export interface EmscriptenModule {
  readonly HEAPU8: Uint8Array;
  readonly HEAPU32: Uint32Array;
  readonly FS: EmscriptenFs;
  readonly _malloc: (size: number) => number;
  readonly _free: (at: number) => void;
  readonly _sbrk: (size: number) => number;
  readonly __PyRuntime: number;
  readonly __PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET: number;
}

interface EmscriptenFs {
  readonly ErrnoError: new (errno: number) => Error;
  unlink(path: string): void;
  createFile(parent: string, name: string, properties: object, canRead: boolean, canWrite: boolean): object;
}

export interface PyodideApi {
  restoreSnapshot(snapshot: unknown): unknown;
  on_fatal?: (error: unknown) => void;
  readonly config: { readonly BUILD_ID: string };
  install(buffer: unknown, filename: string, directory: string | undefined, metadata: unknown): Promise<void>;
}

interface EmscriptenSettings {
  instantiateWasm: (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ) => object;
  INITIAL_MEMORY: number | undefined;
  readonly API: PyodideApi;
}

type CreateModule = (settings: EmscriptenSettings) => Promise<EmscriptenModule>;

/** Pyodide with the inner doors that Kroma uses. */
export interface Python extends PyodideInterface {
  readonly _module: EmscriptenModule;
  readonly _api: PyodideApi;
}

/** A lock file without packages: the real one is read when a package is first wanted. */
const EMPTY_LOCK = (version: string) => ({
  info: { abi_version: "2026_0", arch: "wasm32", platform: "emscripten_5_0_3", version, python: "3.14.2" },
  packages: {},
});

/** A module that makes Pyodide's error marker with the engine's own externref table (from Pyodide's loader). */
const ERROR_MARKER =
  "AGFzbQEAAAABDANfAGAAAW9gAW8BfwMDAgECBygCE0pzdl9HZXRFcnJvcl9pbXBvcnQAAA5Kc3ZFcnJvcl9DaGVjawABChMCBwD7AQD7GwsJACAA+xr7FAAL";

async function errorMarker(): Promise<WebAssembly.ModuleImports> {
  try {
    const bytes = Uint8Array.from(atob(ERROR_MARKER), (character) => character.charCodeAt(0));
    return (await WebAssembly.instantiate(bytes)).instance.exports as WebAssembly.ModuleImports;
  } catch {
    // The engine lacks garbage-collected references.
    const marker = Symbol("error marker");
    return { Jsv_GetError_import: () => marker, JsvError_Check: (value: unknown) => value === marker };
  }
}

export interface Started {
  readonly python: Python;
  /** What later starts can share, known now. */
  readonly parts: SharedParts;
  readonly snapshot: boolean;
  /** From now on the heap does not grow beyond so many bytes: Python raises MemoryError instead. */
  limitMemory(bytes: number): void;
  /** Puts another function in the place of the C library's fcntl. */
  wrapFcntl(wrap: (original: Fcntl) => Fcntl): void;
}

/** What the interpreter is started from. */
export interface StartOptions {
  /** URL (ending in "/") of the assets. */
  readonly assets: string;
  /** Compiled interpreter and snapshot of an earlier start. */
  readonly shared: SharedParts | undefined;
  /** True: without the snapshot. */
  readonly plain: boolean;
}

/** The address of an asset as Pyodide's own loader wants it: a path in Node, else a URL. */
function folder(url: string): string {
  return url.startsWith("file:") ? decodeURIComponent(new URL(url).pathname) : url;
}

async function fetchBytes(url: string): Promise<ArrayBuffer> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await response.arrayBuffer();
}

/** The snapshot in memory that other workers can have too. */
function toShared(buffer: ArrayBuffer): ArrayBuffer | SharedArrayBuffer {
  if (typeof SharedArrayBuffer === "undefined") return buffer;
  const shared = new SharedArrayBuffer(buffer.byteLength);
  new Uint8Array(shared).set(new Uint8Array(buffer));
  return shared;
}

/**
 * Starts the interpreter. Rejects if the snapshot can't be used at all (absent, damaged, of another build), when
 * nothing has been started yet: then call again with `plain`. `restoring` is called when its pages are in place.
 */
export async function startInterpreter(
  init: StartOptions,
  mark: (what: string) => void,
  restoring: () => void,
): Promise<Started> {
  const base = `${init.assets}pyodide/`;
  const module = init.shared?.module;
  // Everything is asked for at once.
  const wasm = module ? undefined : fetch(`${base}pyodide.asm.wasm`);
  wasm?.catch(() => undefined);
  const glue = import(/* @vite-ignore */ `${base}pyodide.asm.mjs`) as Promise<{ default: CreateModule }>;
  glue.catch(() => undefined);
  const loader = import(/* @vite-ignore */ `${base}pyodide.mjs`) as Promise<{
    loadPyodide: typeof loadPyodideType;
    version: string;
  }>;
  loader.catch(() => undefined);
  let pack: Pack | undefined;
  let packBuffer = init.shared?.pack;
  if (!init.plain) {
    packBuffer ??= toShared(await fetchBytes(`${base}kroma.pack`));
    pack = parsePack(packBuffer);
    mark("pack");
  }
  const { loadPyodide, version } = await loader;
  let compiled: WebAssembly.Module | undefined;
  let restored = false;
  let limit = Infinity;
  let fcntl: Fcntl = () => -52;

  const createPyodideModule = async (settings: EmscriptenSettings): Promise<EmscriptenModule> => {
    const create = (await glue).default;
    let memory: WebAssembly.Memory | undefined;
    let low = new Uint8Array();
    const instantiated = new Promise<never>((_, reject) => {
      settings.instantiateWasm = (imports, done) => {
        void (async () => {
          const environment = Object.assign((imports["env"] ??= {}), await errorMarker()) as Record<string, unknown>;
          // Imports are bound for good, so what may be wrapped later is called through here.
          fcntl = environment["__syscall_fcntl64"] as Fcntl;
          environment["__syscall_fcntl64"] = (fd: number, command: number, argument: number) =>
            fcntl(fd, command, argument);
          let instance: WebAssembly.Instance;
          if (module) {
            instance = await WebAssembly.instantiate(module, imports);
            compiled = module;
          } else {
            const response = await (wasm as Promise<Response>);
            if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
            const isWasm = response.headers.get("content-type")?.startsWith("application/wasm");
            const result = isWasm
              ? await WebAssembly.instantiateStreaming(response, imports)
              : await WebAssembly.instantiate(await response.arrayBuffer(), imports);
            instance = result.instance;
            compiled = result.module;
          }
          mark("instance");
          memory = instance.exports["memory"] as WebAssembly.Memory;
          if (pack) {
            if (pack.head.buildId !== settings.API.config.BUILD_ID) {
              throw new Error("The Python snapshot was made for another build of Pyodide.");
            }
            const missing = Math.ceil((pack.head.heap - memory.buffer.byteLength) / 65_536);
            if (missing > 0) memory.grow(missing);
            low = new Uint8Array(memory.buffer).slice(0, pack.head.low);
          }
          capMemory(memory, () => limit);
          done(instance, compiled);
        })().catch(reject);
        return {};
      };
    });
    const emscripten = await Promise.race([create(settings), instantiated]);
    mark("factory");
    const used = pack;
    if (used) {
      settings.INITIAL_MEMORY = undefined;
      settings.API.restoreSnapshot = () => {
        const heap = new Uint8Array((memory as WebAssembly.Memory).buffer);
        // Where CPython keeps the engine's own call trampoline: the snapshot's would be another engine's.
        const words = new Int32Array(heap.buffer);
        const place = () =>
          (emscripten.__PyRuntime + (words[emscripten.__PyEM_EMSCRIPTEN_TRAMPOLINE_OFFSET >> 2] ?? 0)) >> 2;
        const trampoline = words[place()] ?? 0;
        applyPack(used, heap, low);
        words[place()] = trampoline;
        restored = true;
        restoring();
        mark("restored");
        return used.head.references;
      };
    }
    return emscripten;
  };

  const options: Record<string, unknown> = {
    indexURL: folder(base),
    packageBaseUrl: folder(base),
    lockFileContents: EMPTY_LOCK(version),
    checkAPIVersion: false,
    createPyodideModule,
  };
  if (pack) {
    // A dummy: the pages come from restoreSnapshot above. The library's zip is put in place below.
    options["_loadSnapshot"] = new Uint8Array(64);
    options["stdLibURL"] = init.assets.startsWith("file:")
      ? `${folder(base)}empty.zip`
      : "data:application/zip;base64,";
  }
  // Tells Pyodide's loader not to fetch the wasm by itself.
  const scope = globalThis as { WasmOffsetConverter?: unknown };
  scope.WasmOffsetConverter = 1;
  let python: Python;
  try {
    python = (await loadPyodide(options as Parameters<typeof loadPyodide>[0])) as Python;
  } finally {
    delete scope.WasmOffsetConverter;
  }
  if (pack) lazyStandardLibrary(python._module.FS, `${base}python_stdlib.zip`, pack.head.stdlibSize);
  mark("loaded");
  if (!compiled) throw new Error("Pyodide did not instantiate its WebAssembly.");
  return {
    python,
    parts: { module: compiled, pack: packBuffer },
    snapshot: restored,
    limitMemory: (bytes) => {
      limit = bytes;
    },
    wrapFcntl: (wrap) => {
      fcntl = wrap(fcntl);
    },
  };
}

/** Growth beyond the cap fails, which Python tells as MemoryError. */
function capMemory(memory: WebAssembly.Memory, cap: () => number): void {
  const grow = memory.grow;
  memory.grow = function (pages) {
    if (memory.buffer.byteLength + pages * 65_536 > cap()) throw new RangeError("The Python memory limit is reached.");
    return grow.call(memory, pages);
  };
}

/** WASI's number for an input/output error. */
const EIO = 29;

/** Puts a file in place whose bytes are read, synchronously, when Python first looks into it. */
function lazyStandardLibrary(fs: EmscriptenFs, url: string, size: number): void {
  try {
    fs.unlink("/lib/python314.zip");
  } catch {
    // It was not there.
  }
  const readSync = syncReader();
  const node = fs.createFile("/lib", "python314.zip", {}, true, false);
  let bytes: Uint8Array | undefined;
  const read = (): Uint8Array => {
    try {
      return readSync(url);
    } catch {
      // Any other exception would end the interpreter; of this one Python makes an OSError, and may try again.
      throw new fs.ErrnoError(EIO);
    }
  };
  Object.defineProperties(node, {
    usedBytes: { get: () => bytes?.length ?? size },
    contents: {
      get: () => (bytes ??= read()),
      set: (value: Uint8Array) => {
        bytes = value;
      },
    },
  });
  for (const time of ["timestamp", "mtime", "ctime", "atime"]) Reflect.set(node, time, 0);
}

/** A way to read without waiting, taken now: a foreign notebook's worker loses Node's later. */
function syncReader(): (url: string) => Uint8Array {
  const readInNode = globalThis.kromaReadSync;
  if (readInNode) return readInNode;
  return (url) => {
    const request = new XMLHttpRequest();
    request.open("GET", url, false);
    request.responseType = "arraybuffer";
    request.send();
    if (request.status !== 200) throw new Error(`${url} answered ${request.status}`);
    return new Uint8Array(request.response as ArrayBuffer);
  };
}
