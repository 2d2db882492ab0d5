/** What a reader may do about a frequent error. A hint is a fact about the error's own words, never a guess. */

/** Part of a hint: words, or code to be shown as such. */
export interface Hint {
  readonly text: string;
  readonly code?: string;
}

/** Modules whose package has another name. */
const PYPI_NAMES: ReadonlyMap<string, string> = new Map([
  ["bs4", "beautifulsoup4"],
  ["cv2", "opencv-python"],
  ["dateutil", "python-dateutil"],
  ["PIL", "pillow"],
  ["skimage", "scikit-image"],
  ["sklearn", "scikit-learn"],
  ["yaml", "pyyaml"],
]);

/** Globals that only Node has. */
const NODE_NAMES: ReadonlySet<string> = new Set([
  "process",
  "require",
  "module",
  "exports",
  "Buffer",
  "global",
  "setImmediate",
  "__dirname",
  "__filename",
]);

/** The hint for an error, if there is a useful one. */
export function hintFor(ename: string, evalue: string): Hint | undefined {
  if (ename === "ModuleNotFoundError") {
    const name = /No module named ['"]([\w.]+)['"]/.exec(evalue)?.[1]?.split(".")[0];
    if (name)
      return { text: "To install it, run in a cell above:", code: `%pip install ${PYPI_NAMES.get(name) ?? name}` };
  }
  if (ename === "NameError" && !/Did you (mean|forget)/.test(evalue)) {
    const name = /name '([^']+)' is not defined/.exec(evalue)?.[1];
    if (name)
      return { text: `If a cell above defines ${name}, run that cell first. After a restart every name is gone.` };
  }
  if (ename === "ReferenceError") {
    const name = /^(\S+) is not defined/.exec(evalue)?.[1];
    if (name && NODE_NAMES.has(name))
      return {
        text: `${name} belongs to Node; cells run as in a browser. There are import for modules, kroma.files for files, kroma.shell for programs and Uint8Array for bytes.`,
      };
    if (name)
      return { text: `If a cell above defines ${name}, run that cell first. After a restart every name is gone.` };
  }
  if (ename === "MemoryError") {
    return {
      text: "The kernel has no more memory. Delete what you no longer need, work on a part of the data, or restart the kernel.",
    };
  }
  if (ename === "RecursionError")
    return { text: "A function calls itself without an end. See which one in the traceback." };
  if (ename === "FileNotFoundError" || /\bENOENT\b/.test(evalue)) {
    return { text: "Paths start in the notebook's own files. The files panel shows what is there." };
  }
  return undefined;
}

/** True when someone asked for it: an interrupt is no failure of the code. */
export function isInterrupt(ename: string): boolean {
  return ename === "KeyboardInterrupt" || ename === "Interrupted";
}
