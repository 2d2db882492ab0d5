/**
 * Makes the memory snapshot of Python: `node python-snapshot.ts DIRECTORY KEY`, where DIRECTORY has Pyodide's files and
 * kroma_runtime.json. Starts an interpreter, loads Kroma's runtime and the usual standard modules, wipes the free heap
 * (so that no garbage is shipped), and writes DIRECTORY/kroma.pack.
 */
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { EmscriptenModule, PyodideApi, Python } from "#kernels/python/interpreter.ts";
import { makePack } from "#kernels/python/pack.ts";

/** Modules that people's first cells import, and those the runtime needs. */
const WARM = `traceback ast symtable linecache json re asyncio inspect io rlcompleter random collections collections.abc
  dataclasses typing functools itertools datetime pathlib textwrap math statistics enum string time os contextlib operator
  copy warnings base64 hashlib tokenize pprint urllib.parse csv decimal fractions timeit shlex fnmatch glob getpass uuid
  array struct tempfile shutil zipfile importlib.metadata html logging threading numbers heapq bisect types weakref
  pyodide.http sqlite3`.split(/\s+/);
const RUNTIME = [
  "_kroma.worker",
  "_kroma.completion",
  "_kroma.packages",
  "kroma",
  "comm",
  "IPython.display",
  "micropip",
];

interface Settings {
  instantiateWasm: (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ) => object;
  readonly API: PyodideApi;
}
interface Loader {
  loadPyodide(options: Record<string, unknown>): Promise<Python>;
}

const [directory, key] = process.argv.slice(2);
if (!directory || !key) throw new Error("usage: python-snapshot.ts DIRECTORY KEY");
if (!("Suspending" in WebAssembly)) throw new Error("This Node can't switch WebAssembly stacks; Node 24 can.");

const { loadPyodide } = (await import(pathToFileURL(join(directory, "pyodide.mjs")).href)) as Loader;
const { default: createModule } = (await import(pathToFileURL(join(directory, "pyodide.asm.mjs")).href)) as {
  default: (settings: Settings) => Promise<EmscriptenModule>;
};

/** Starts Pyodide and keeps what the heap was right after instantiation. */
async function load(
  options: Record<string, unknown>,
  created?: (settings: Settings, memory: WebAssembly.Memory) => void,
) {
  let fresh: Uint8Array | undefined;
  const python = await loadPyodide({
    indexURL: directory,
    ...options,
    createPyodideModule: async (settings: Settings) => {
      const instantiate = settings.instantiateWasm;
      let memory: WebAssembly.Memory | undefined;
      settings.instantiateWasm = (imports, done) =>
        instantiate(imports, (instance, module) => {
          memory = instance.exports["memory"] as WebAssembly.Memory;
          fresh = new Uint8Array(memory.buffer).slice();
          done(instance, module);
        });
      const emscripten = await createModule(settings);
      created?.(settings, memory as WebAssembly.Memory);
      return emscripten;
    },
  });
  return { python, fresh: fresh as Uint8Array };
}

/** Zeroes what malloc has free, without growing the heap. */
function wipeFreeHeap(module: EmscriptenModule): void {
  const taken: number[] = [];
  for (let size = 1 << 17; size >= 32; size >>= 1) {
    for (;;) {
      const top = module._sbrk(0);
      const at = module._malloc(size);
      if (!at) break;
      if (module._sbrk(0) > top) {
        module._free(at);
        break;
      }
      module.HEAPU8.fill(0, at, at + size);
      taken.push(at);
    }
  }
  for (const at of taken) module._free(at);
}

const { python, fresh } = await load({ _makeSnapshot: true });
const bundle = JSON.parse(await readFile(join(directory, "kroma_runtime.json"), "utf8")) as Record<
  string,
  { source: string }
>;
const scope = python.toPy({ modules: bundle, __name__: "bootstrap" }) as { destroy(): void };
python.runPython(bundle["bootstrap"]?.source ?? "", { globals: scope as never, filename: "<kroma>/bootstrap.py" });
python.runPython("install(modules)", { globals: scope as never });
python.runPython([...WARM, ...RUNTIME].map((name) => `import ${name}`).join("\n"), {
  globals: python.toPy({}) as never,
});
scope.destroy();
python.runPython("import gc, sys\nsys._clear_internal_caches()\ngc.collect()\ngc.collect()\ngc.freeze()\ndel gc, sys");
wipeFreeHeap(python._module);
const snapshot = (python as unknown as { makeMemorySnapshot(): Uint8Array }).makeMemorySnapshot();
// Pyodide's layout: 4 words (magic, offset of the heap, length of the references, 0), 8 words of build id, references.
const head = new Uint32Array(snapshot.buffer, snapshot.byteOffset, 4);
const [, heapOffset = 0, referenceLength = 0] = head;
const heap = snapshot.subarray(heapOffset);
const references: unknown = JSON.parse(new TextDecoder().decode(snapshot.subarray(48, 48 + referenceLength)));
const buildId = python._api.config.BUILD_ID;

// What start-up code writes before a restore: pages that must be in the pack even if the snapshot has them as fresh.
let before: Uint8Array | undefined;
await load({ _loadSnapshot: new Uint8Array(64) }, (settings, memory) => {
  settings.API.restoreSnapshot = () => {
    before = new Uint8Array(memory.buffer).slice();
    throw new Error("seen");
  };
}).catch((error: unknown) => {
  if (!before) throw error;
});

const stdlibSize = (await stat(join(directory, "python_stdlib.zip"))).size;
const pack = makePack(heap, fresh, before as unknown as Uint8Array, { buildId, key, references, stdlibSize });
await writeFile(join(directory, `kroma.pack.${process.pid}`), pack);
await rename(join(directory, `kroma.pack.${process.pid}`), join(directory, "kroma.pack"));
process.exit(0);
