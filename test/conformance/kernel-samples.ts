/** The conformance suite's programs in each of Kroma's languages. */
import { tableFromIPC } from "apache-arrow";
import type { KernelSamples } from "./kernel.ts";

export const pythonSamples: KernelSamples = {
  print: 'print("out 1")\nprint("out 2")',
  warn: 'import sys\nprint("warn", file=sys.stderr)',
  printMany: 'for i in range(20000):\n    print("line", i)',
  unicode: 'print("é😀")\nprint("ß")\nprint("漢字")',
  answer: "6 * 7",
  memory: { remember: "kept_value = 7", recall: "print(kept_value)" },
  fail: 'print("before")\n{}["x"]',
  errorName: "KeyError",
  nonsense: "def (",
  spin: 'print("started")\nwhile True:\n    pass',
  sleep: 'import time\nprint("started")\ntime.sleep(60)',
  ask: 'print("hello", input("name? "))',
  directory: "import os\nprint(os.getcwd())",
  file: {
    write: 'with open("conformance.txt", "w") as f:\n    _ = f.write("shared")',
    read: 'print(open("conformance.txt").read())',
  },
  complete: { code: "kept_v", label: "kept_value" },
  display: 'print("before")\ndisplay(1)\nprint("after")',
  crash: "import os\nos.abort()",
};

export const typescriptSamples: KernelSamples = {
  print: 'console.log("out 1")\nconsole.log("out 2")',
  warn: 'console.error("warn")',
  printMany: "for (let i = 0; i < 20000; i++) console.log(`line ${i}`)",
  unicode: 'console.log("é😀")\nconsole.log("ß")\nconsole.log("漢字")',
  answer: "const six: number = 6\nsix * 7",
  memory: { remember: "const keptValue: number = 7", recall: "console.log(String(keptValue))" },
  fail: 'console.log("before")\nthrow new RangeError("too far")',
  errorName: "RangeError",
  nonsense: "function (",
  spin: 'console.log("started")\nawait new Promise((resolve) => setTimeout(resolve, 20))\nwhile (true) {}',
  sleep: 'console.log("started")\nawait new Promise((resolve) => setTimeout(resolve, 60000))',
  ask: 'console.log("hello " + (await kroma.input("name? ")))',
  file: {
    write: 'await kroma.files.write("conformance.txt", "shared")',
    read: 'console.log(await kroma.files.readText("conformance.txt"))',
  },
  complete: { code: "keptV", label: "keptValue" },
  display: 'console.log("before")\ndisplay(1)\nconsole.log("after")',
};

export const shellSamples: KernelSamples = {
  print: "echo out 1\necho out 2",
  warn: "echo warn >&2",
  printMany: "seq 0 19999 | sed 's/^/line /'",
  unicode: "echo é😀\necho ß\necho 漢字",
  answer: "echo $((6 * 7))",
  memory: { remember: "kept_value=7", recall: "echo $kept_value" },
  fail: "echo before\nfalse",
  errorName: "ShellError",
  nonsense: "if then fi (",
  spin: "echo started\nwhile :; do :; done",
  sleep: "echo started\nsleep 60",
  ask: "read -r name\necho hello $name",
  directory: "pwd",
  file: { write: "printf shared > conformance.txt", read: "cat conformance.txt; echo" },
  complete: { code: "ech", label: "echo" },
  server: {
    start:
      "mkdir -p /tmp/conformance; echo 'a page' > /tmp/conformance/index.html; busybox httpd -p 8765 -h /tmp/conformance",
    port: 8765,
    page: "a page",
    stop: "killall busybox",
  },
};

/** Every statement's table, a row a line. SQL neither reads input nor waits. */
export const sqlSamples: KernelSamples = {
  print: "SELECT 'out 1'; SELECT 'out 2'",
  printMany: "SELECT 'line ' || range FROM range(20000)",
  unicode: "SELECT unnest(['é😀', 'ß', '漢字'])",
  answer: "SELECT 6 * 7",
  memory: { remember: "CREATE OR REPLACE VIEW kept_value AS SELECT 7", recall: "FROM kept_value" },
  fail: "SELECT 'before'; SELECT error('too far')",
  errorName: "InvalidInputError",
  nonsense: "SELECT FROM WHERE",
  // A filter between two ranges is one step of the engine: only another worker ends it.
  spin: "SELECT 'started'; SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 5",
  sleep: "SELECT 'started'; SELECT count(*) FROM range(1000000000000)",
  complete: { code: "FROM kept_v", label: "kept_value" },
  textOf: (data) => {
    const bytes = data["application/vnd.apache.arrow.stream"];
    const table = tableFromIPC(Uint8Array.from(atob(String(bytes)), (sign) => sign.charCodeAt(0)));
    return table
      .toArray()
      .map((row: object) => `${String(Object.values(row)[0])}\n`)
      .join("");
  },
};
