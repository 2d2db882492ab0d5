/**
 * The settings that kernels work with when nobody has said otherwise, the same in the page and on the command line.
 * Addresses outside this machine appear here and nowhere else in the code; each can be replaced or switched off.
 */
import type { KernelSettings } from "./kernel.ts";

const MIB = 1024 * 1024;

export const defaultSettings = {
  pyodidePackages: "https://cdn.jsdelivr.net/pyodide/v314.0.7/full/",
  pythonIndex: "https://pypi.org/simple/",
  npmCdn: "https://esm.sh/{name}@{version}/{path}",
  modelHub: "https://huggingface.co/",
  wheelMirrors: [],
  npmMirrors: [],
  pythonMemory: 2048 * MIB,
  vmMemory: 256 * MIB,
} as const satisfies KernelSettings;
