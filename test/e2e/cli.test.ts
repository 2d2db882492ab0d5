/** The command line as people and scripts use it: real processes on notebooks made for each test. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Finished, kroma, root, serve } from "./kroma-process.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-cli-"));
});

afterAll(() => rm(folder, { recursive: true }));

/** A code cell; a source that starts with %% is of another language than Python. */
const code = (id: string, ...lines: string[]) => ({
  cell_type: "code",
  id,
  metadata: {},
  execution_count: null,
  outputs: [],
  source: lines.join("\n"),
});
const markdown = (id: string, source: string) => ({ cell_type: "markdown", id, metadata: {}, source });

async function notebook(name: string, cells: readonly object[]): Promise<string> {
  const metadata = {
    kernelspec: { name: "python3", display_name: "Python 3", language: "python" },
    mine: { kept: true },
  };
  await writeFile(join(folder, name), JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  return name;
}

interface Line {
  readonly id: string;
  readonly language: string;
  readonly status: string;
  readonly ms: number;
  readonly error?: { readonly ename: string; readonly evalue: string };
}

const run = (...args: string[]): Promise<Finished> => kroma(["run", ...args], { cwd: folder });
const lines = (finished: Finished): Line[] =>
  finished.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
const short = (finished: Finished): string =>
  lines(finished)
    .map(({ id, status, error }) => `${id}:${status}${error ? `:${error.ename}` : ""}`)
    .join(" ");

interface WrittenCell {
  readonly id: string;
  readonly execution_count?: number | null;
  readonly outputs?: readonly {
    readonly output_type: string;
    readonly text?: readonly string[];
    readonly ename?: string;
  }[];
}
async function written(name: string) {
  const text = await readFile(join(folder, name), "utf8");
  const json = JSON.parse(text) as { cells: WrittenCell[]; metadata: { mine?: unknown }; nbformat: number };
  return { text, ...json };
}

describe("kroma run", () => {
  it("hands values and files from language to language and writes the outputs", async () => {
    const file = await notebook("languages.ipynb", [
      markdown("title", "# Three languages"),
      code("sh", "%%bash", "printf '3\\n4\\n5\\n' > numbers.txt", "wc -l < numbers.txt", "kroma set from_shell 12"),
      code(
        "py",
        "import kroma",
        "numbers = [int(n) for n in open('numbers.txt')]",
        "kroma.set('total', sum(numbers) + kroma.get('from_shell'))",
        "sum(numbers)",
      ),
      code("ts", "%%typescript", "const total: number = await kroma.get('total')", "console.log(`total ${total}`)"),
      code("both", "names = !ls numbers.txt", "print(names)"),
    ]);
    const finished = await run(file, "--json", "--output", "out.ipynb");
    expect(short(finished), finished.stderr).toBe("sh:ok py:ok ts:ok both:ok");
    expect(finished.code).toBe(0);
    expect(lines(finished).map(({ language }) => language)).toEqual(["shell", "python", "typescript", "python"]);
    const out = await written("out.ipynb");
    expect(out.cells.map(({ id }) => id)).toEqual(["title", "sh", "py", "ts", "both"]);
    expect(out.cells[1]?.outputs).toMatchObject([{ name: "stdout", text: ["3\n"] }]);
    expect(out.cells[2]?.outputs).toMatchObject([{ output_type: "execute_result", data: { "text/plain": ["12"] } }]);
    expect(out.cells[3]?.outputs).toMatchObject([{ text: ["total 24\n"] }]);
    expect(out.cells[4]?.outputs).toMatchObject([{ text: ["['numbers.txt']\n"] }]);
    expect(out.cells[2]?.execution_count).toBe(1);
    expect(out.metadata.mine).toEqual({ kept: true });
    expect(out.text.endsWith("\n")).toBe(true);
    expect(existsSync(join(folder, "numbers.txt"))).toBe(true);
    expect(existsSync(join(folder, ".kroma"))).toBe(false);
  });

  it("prints what cells print, and nothing else, to standard output", async () => {
    const file = await notebook("print.ipynb", [code("a", "print('one')", "1 + 1"), code("b", "print('two', end='')")]);
    const finished = await run(file);
    expect(finished).toMatchObject({ code: 0, stdout: "one\n2\ntwo" });
    expect(finished.stderr).toContain("Python");
    expect((await run(file, "--quiet")).stderr).toBe("");
  });

  it("stops at a failed cell, names it, skips the rest and still writes", async () => {
    const file = await notebook("fails.ipynb", [
      code("good", "1"),
      code("bad", "1 / 0"),
      code("never", "print('never')"),
    ]);
    const finished = await run(file, "--json", "--output", "failed.ipynb");
    expect(finished.code).toBe(1);
    expect(short(finished)).toBe("good:ok bad:error:ZeroDivisionError never:skipped");
    expect(lines(finished)[1]?.error?.evalue).toBe("division by zero");
    expect(finished.stderr).toMatch(/bad.*ZeroDivisionError/);
    const out = await written("failed.ipynb");
    expect(out.cells[1]?.outputs).toMatchObject([{ output_type: "error", ename: "ZeroDivisionError" }]);
    expect(out.cells[2]).toMatchObject({ execution_count: null, outputs: [] });
  });

  it("goes on after a failed cell with --allow-errors, and still says 1", async () => {
    const file = await notebook("allowed.ipynb", [
      code("sh", "%%bash", "exit 3"),
      code("ts", "%%typescript", "throw new TypeError('no')"),
      code("py", "raise KeyError('x')"),
      code("last", "print('last')"),
    ]);
    const finished = await run(file, "--json", "--allow-errors");
    expect(finished.code).toBe(1);
    expect(lines(finished).map(({ status }) => status)).toEqual(["error", "error", "error", "ok"]);
    expect(lines(finished)[1]?.error).toMatchObject({ ename: "TypeError", evalue: "no" });
  });

  it("keeps what Linux changes where that is asked for, and nowhere else", { timeout: 600_000 }, async () => {
    const file = await notebook("kept.ipynb", [code("a", "%%bash", "echo run >>/root/runs; wc -l </root/runs")]);
    const kept = await run(file, "--quiet", "--machine", "machine");
    expect(kept).toMatchObject({ code: 0, stdout: "1\n", stderr: "" });
    expect((await run(file, "--quiet", "--machine", "machine")).stdout).toBe("2\n");
    expect((await run(file, "--quiet")).stdout).toBe("1\n");
  });

  it("interrupts a cell that takes too long", async () => {
    const file = await notebook("slow.ipynb", [
      code("loop", "while True: pass"),
      code("ts", "%%typescript", "while (true) {}"),
      code("after", "print('after')"),
    ]);
    const finished = await run(file, "--json", "--timeout", "1", "--allow-errors");
    expect(short(finished)).toBe("loop:error:CellTimeoutError ts:error:CellTimeoutError after:ok");
    expect(lines(finished)[0]?.ms).toBeGreaterThanOrEqual(1000);
    expect(finished.code).toBe(1);
  });

  it("feeds input() from a file, and ends it with EOFError", async () => {
    const file = await notebook("input.ipynb", [
      code("a", "x = input('name? ')", "y = input()", "print(x + y)"),
      code("b", "input()"),
    ]);
    await writeFile(join(folder, "lines.txt"), "Ada\nLovelace\n");
    const fed = await run(file, "--json", "--stdin", "lines.txt", "--output", "fed.ipynb");
    expect(short(fed)).toBe("a:ok b:error:EOFError");
    expect((await written("fed.ipynb")).cells[0]?.outputs).toMatchObject([{ text: ["AdaLovelace\n"] }]);
    expect(short(await run(file, "--json"))).toBe("a:error:EOFError b:skipped");
  });

  it("skips cells of a language it has no kernel for, with a warning", async () => {
    const cell = { ...code("fortran", "print *, 'x'"), metadata: { vscode: { languageId: "fortran" } } };
    const file = await notebook("unknown.ipynb", [cell, code("py", "1")]);
    const finished = await run(file, "--json");
    expect(finished.code).toBe(0);
    expect(lines(finished).map(({ status }) => status)).toEqual(["skipped", "ok"]);
    expect(finished.stderr).toContain("fortran");
  });

  it("gives cells no way to files outside the notebook's folder", async () => {
    const secret = join(folder, "..", "kroma-cli-secret.txt");
    await writeFile(secret, "secret");
    const file = await notebook("outside.ipynb", [
      code("ts", "%%typescript", `await fetch("file://${secret}").then((r) => r.text(), () => "refused")`),
      code(
        "py",
        "from pyodide.http import pyfetch",
        "try:",
        `    print(await (await pyfetch("file://${secret}")).string())`,
        "except Exception:",
        '    print("refused")',
      ),
      code("path", "import os", `print(os.path.exists("${secret}"))`),
    ]);
    const finished = await run(file, "--quiet");
    await rm(secret);
    expect(finished.stdout).not.toContain("secret");
    expect(finished.stdout.match(/refused/g)?.length).toBe(2);
    expect(finished.stdout).toContain("False");
  });

  it("runs percent scripts and standard input", async () => {
    await writeFile(join(folder, "script.ts"), "// %%\nconst x: number = 6\n// %%\nconsole.log(x * 7)\n");
    expect(await run("script.ts", "--quiet")).toMatchObject({ code: 0, stdout: "42\n" });
    const piped = await kroma(["run", "-", "-q"], { cwd: folder, stdin: "# %%\nprint('piped')\n" });
    expect(piped).toMatchObject({ code: 0, stdout: "piped\n" });
  });

  it("refuses bad input with one line and status 2", async () => {
    await writeFile(join(folder, "cut.ipynb"), '{"cells": [{"cell_type": "code", "sou');
    await writeFile(join(folder, "other.ipynb"), '{"hello": 1}');
    const good = await notebook("good.ipynb", [code("a", "1")]);
    const bad: (readonly [readonly string[], RegExp])[] = [
      [["missing.ipynb"], /missing\.ipynb: no such file/],
      [["cut.ipynb"], /cut\.ipynb: /],
      [["other.ipynb"], /other\.ipynb: /],
      [["notes.txt"], /\.ipynb, \.py or \.ts/],
      [[], /which notebook/],
      [[good, "--timeout", "soon"], /--timeout/],
      [[good, "--nonsense"], /--nonsense/],
      [[good, "--output", "no/such/folder/out.ipynb"], /no such file/],
      [[good, "--stdin", "missing.txt"], /missing\.txt/],
    ];
    for (const [args, sentence] of bad) {
      const finished = await run(...args);
      expect(finished.code, args.join(" ")).toBe(2);
      expect(finished.stderr).toMatch(sentence);
      expect(finished.stderr.trim().split("\n").length, finished.stderr).toBe(1);
      expect(finished.stdout).toBe("");
    }
  });

  it("interrupts the cell at Ctrl-C, writes what there is and says 130", async () => {
    const file = await notebook("sigint.ipynb", [code("a", "print('going')", "while True: pass"), code("b", "1")]);
    const child = spawn(
      process.execPath,
      [join(root, "app/node/cli.ts"), "run", file, "--output", "sigint-out.ipynb"],
      {
        cwd: folder,
        stdio: ["ignore", "pipe", "ignore"],
      },
    );
    child.stdout.once("data", () => child.kill("SIGINT"));
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect(status).toBe(130);
    const out = await written("sigint-out.ipynb");
    expect(out.cells[0]?.outputs?.at(-1)).toMatchObject({ ename: "KeyboardInterrupt" });
    expect(out.cells[1]?.execution_count).toBeNull();
  });
});

describe("kroma convert", () => {
  it("goes from .ipynb to a script and back with the same cells", async () => {
    const file = await notebook("convert.ipynb", [
      markdown("m", "# Title\n\ntext"),
      code("p", "x = 1", "x"),
      code("s", "%%bash", "echo hi"),
      code("t", "%%typescript", "const y = 2"),
    ]);
    const convert = (from: string, to: string) => kroma(["convert", from, to], { cwd: folder });
    expect(await convert(file, "convert.py")).toMatchObject({ code: 0, stdout: "" });
    expect(await readFile(join(folder, "convert.py"), "utf8")).toContain("# %%");
    expect((await convert("convert.py", "back.ipynb")).code).toBe(0);
    const [before, after] = [await written("convert.ipynb"), await written("back.ipynb")];
    const sources = (cells: readonly WrittenCell[]) =>
      cells
        .map((cell) => ({ ...cell }) as { cell_type?: string; source?: string | string[] })
        .map(({ cell_type, source }) => [cell_type, [source].flat().join("")]);
    expect(sources(after.cells)).toEqual(sources(before.cells));
    expect((await convert(file, "convert.ts")).code).toBe(0);
    expect(await readFile(join(folder, "convert.ts"), "utf8")).toContain("// %%");
    expect((await convert(file, "convert.doc")).code).toBe(2);
  });
});

describe("kroma serve", () => {
  it("serves the built page isolated from others, and only to this machine", async () => {
    const site = await serve();
    try {
      const page = await fetch(`${site.url}/`);
      expect(page.status).toBe(200);
      expect(page.headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(page.headers.get("cross-origin-embedder-policy")).toBe("credentialless");
      expect(new URL(site.url).hostname).toBe("127.0.0.1");
      const wasm = await fetch(`${site.url}/assets/pyodide/pyodide.asm.wasm`, { headers: { Range: "bytes=0-3" } });
      expect(wasm.status).toBe(206);
      expect(wasm.headers.get("content-type")).toBe("application/wasm");
      expect([...new Uint8Array(await wasm.arrayBuffer())]).toEqual([0, 0x61, 0x73, 0x6d]);
    } finally {
      site.close();
    }
  });

  it("takes the next port when one is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const address = taken.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const site = await serve(["--port", String(port)]);
    expect(Number(new URL(site.url).port)).toBeGreaterThan(port);
    site.close();
    taken.close();
  });
});

describe("kroma vm", () => {
  it("gives programs of shell cells the notebook's Python and TypeScript, and the hosts that were named", async () => {
    const server = createHttpServer((_request, response) => response.end("from the web\n"));
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
    );
    const name = await notebook("calls.ipynb", [
      code("py", "table = {'a': 40}"),
      code(
        "sh",
        "%%bash",
        "kroma py 'table[\"a\"] + 2'; kroma ts '[1, \"b\"]'; kroma py 'table[\"z\"]' 2>&1 | tail -n 1",
        `kroma fetch http://127.0.0.1:${port}/; kroma fetch http://other.invalid/ || echo refused`,
      ),
    ]);
    const finished = await run(name, "--quiet", "--allow-net", `127.0.0.1:${port}`);
    expect(finished.stderr).toContain("may not reach other.invalid");
    expect(finished).toMatchObject({ code: 0, stdout: "42\n[ 1, 'b' ]\nKeyError: 'z'\nfrom the web\nrefused\n" });
    server.close();
    const wrong = await run(name, "--allow-net", "http://example.org/");
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("--allow-net takes a host") });
  });

  it("hands the Linux image on as a CAR file, and a machine without one has the shell from it", async () => {
    const file = join(folder, "image.car");
    const exported = await kroma(["vm", "export", "--output", file]);
    expect(exported).toMatchObject({ code: 0, stdout: expect.stringMatching(/^bafy\w+\n$/) });
    const environment = { KROMA_CACHE: join(folder, "cache"), KROMA_VM_IMAGE: file };
    expect(await kroma(["vm", "list"], { environment })).toMatchObject({ code: 0, stdout: "" });
    const without = await kroma(["vm", "shell"], { environment, stdin: "true" });
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining("kroma vm import") });
    const imported = await kroma(["vm", "import", file], { environment });
    expect(imported).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9a-z]+\n$/) });
    const named = { ...environment, KROMA_VM_IMAGE: imported.stdout.trim() };
    expect((await kroma(["vm", "list"], { environment: named })).stdout).toMatch(/packages {2}in use\n$/);
    await writeFile(join(folder, "here.txt"), "from here\n");
    const script = "cat here.txt; echo 'it is' $((6 * 7)); echo wrong >&2; cat; exit 3";
    const shell = await kroma(["vm", "shell", folder], { environment: named, stdin: script });
    expect(shell).toMatchObject({ code: 3, stdout: "from here\nit is 42\n", stderr: "wrong\n" });
  });

  it("refuses what is no image, in one line", async () => {
    await writeFile(join(folder, "no.car"), "no");
    for (const [args, reason] of [
      [["import", join(folder, "no.car")], /is no CAR file/],
      [["import", join(folder, "nowhere")], /There is no/],
      [["export", "nothing", "--output", join(folder, "x.car")], /no Linux image "nothing"/],
      [["export"], /usage/],
      [["dance"], /usage/],
    ] as const) {
      const finished = await kroma(["vm", ...args]);
      expect(finished).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(/^kroma: .+\n$/) });
      expect(finished.stderr).toMatch(reason);
    }
  });
});

describe("kroma", () => {
  it("explains itself, and refuses what it does not know", async () => {
    const help = await kroma(["help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    for (const verb of ["run", "convert", "serve", "vm"]) expect(help.stdout).toContain(`kroma ${verb}`);
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    expect(await kroma(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
    expect(await kroma(["dance"])).toMatchObject({ code: 2, stdout: "" });
    expect((await kroma(["run", "--help"])).code).toBe(0);
  });
});
