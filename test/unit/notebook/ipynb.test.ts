import { canonicalJson } from "#core/base/canonical-json.ts";
import { LARGEST_FILE } from "#core/notebook/file-size.ts";
import { readIpynb, writeIpynb } from "#core/notebook/ipynb.ts";
import { formatJson } from "#core/notebook/json-text.ts";
import { splitLines } from "#core/notebook/ipynb-outputs.ts";
import type { Notebook } from "#core/notebook/model.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const PYTHON = { kernelspec: { display_name: "Python 3", language: "python", name: "python3" } };
const code = (source: unknown, more: object = {}): object => ({
  cell_type: "code",
  execution_count: null,
  id: "c1",
  metadata: {},
  outputs: [],
  source,
  ...more,
});
const file = (cells: readonly object[], metadata: object = PYTHON, more: object = {}): Record<string, unknown> => ({
  cells,
  metadata,
  nbformat: 4,
  nbformat_minor: 5,
  ...more,
});
const read = (value: unknown): Notebook => readIpynb(encode(value)).notebook;
const first = (notebook: Notebook) => notebook.cells[0] as Notebook["cells"][number];
const edit = (notebook: Notebook, change: Partial<Notebook["cells"][number]>): Notebook => ({
  ...notebook,
  cells: notebook.cells.map((cell, index) => (index === 0 ? { ...cell, ...change } : cell)),
});
const cellOut = (notebook: Notebook) =>
  (JSON.parse(writeIpynb(notebook)) as { cells: Record<string, unknown>[] }).cells[0];

describe("a valid 4.5 file that is not changed", () => {
  const outputs: readonly object[] = [
    { output_type: "stream", name: "stdout", text: ["a\n", "b"] },
    { output_type: "stream", name: "stderr", text: "one\rtwo\n" },
    { output_type: "stream", name: "other", text: "x" },
    { output_type: "display_data", data: { "image/png": "AA==\n", "text/plain": ["<Figure>"] }, metadata: { w: 1 } },
    { output_type: "display_data", data: { "image/svg+xml": "<svg/>", "text/html": ["<b>", "x</b>"] }, metadata: {} },
    {
      output_type: "execute_result",
      data: { "application/json": { b: [1, null] }, "text/plain": ["1"] },
      metadata: {},
      execution_count: 3,
    },
    {
      output_type: "execute_result",
      data: { "application/vnd.x+json": ["a", "b"] },
      metadata: {},
      execution_count: null,
    },
    { output_type: "error", ename: "E", evalue: "v", traceback: ["\u001b[31mE\u001b[0m", ""] },
    { output_type: "update_display_data", anything: [1, { deep: true }] },
  ];
  const files: Readonly<Record<string, unknown>> = {
    "with every kind of output": file([code(["x"], { outputs, execution_count: 7 })]),
    "with sources as strings": file([code("a\nb"), { cell_type: "markdown", id: "m", metadata: {}, source: "# T\n" }]),
    "with sources split in odd places": file([code(["a", "\nb\n", "", "c\n"])]),
    "with empty sources in all spellings": file([code([]), code("", { id: "c2" }), code([""], { id: "c3" })]),
    "with CRLF": file([code(["a\r\n", "b\r\n"]), code("x\r\ny", { id: "c2" })]),
    "with Unicode line ends": file([code(["a\u2028", "b\u000c", "c"])]),
    "with attachments": file([
      {
        cell_type: "markdown",
        id: "m",
        metadata: {},
        source: ["![a](attachment:a.png)"],
        attachments: { "a.png": { "image/png": "AA==" } },
      },
      {
        cell_type: "raw",
        id: "r",
        metadata: { format: "text/html" },
        source: "<b>",
        attachments: { "b.txt": { "text/plain": ["x\n", "y"] } },
      },
    ]),
    "with unknown fields and metadata": file(
      [
        code("x", {
          metadata: { collapsed: true, tags: ["a"], "": 1, __proto__x: 2, deep: { a: [{}] } },
          strange: { x: 1 },
        }),
      ],
      {
        ...PYTHON,
        language_info: { codemirror_mode: { name: "ipython", version: 3 }, name: "python", version: "3.11.4" },
        colab: {},
        title: "T",
      },
      { extra: [1, "two"] },
    ),
    "with magics": file([
      code(['%%bash -s "a b" --out x\n', "ls"]),
      code("%%sh", { id: "c2" }),
      code(["%%script bash --bg\n", "sleep 1"], { id: "c3" }),
      code("%%typescript\nlet a = 1", { id: "c4" }),
      code("%%bash\n", { id: "c5" }),
      code("%%html\n<b>x</b>", { id: "c6" }),
      code("%%python\n1", { id: "c7" }),
      code("%%R\nx <- 1", { id: "c8" }),
      code("%%chat\n#| see: above\nWhat is this?", { id: "c9" }),
    ]),
    "with languages in the metadata": file([
      code("ls", { metadata: { vscode: { languageId: "shellscript" } } }),
      code("SELECT 1", { id: "c2", metadata: { vscode: { languageId: "sql" } } }),
      code("let x", { id: "c3", metadata: { polyglot_notebook: { kernelName: "javascript" } } }),
    ]),
    "of TypeScript": file([code("1"), code("%%python\nprint(1)", { id: "c2" })], {
      kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
    }),
    "without metadata": file([code("1")], {}),
    "of a later minor version": file([code("1", { new_field: null })], PYTHON, { nbformat_minor: 7 }),
    "without cells": file([]),
  };
  for (const [name, value] of Object.entries(files)) {
    it(`comes out as the same value: ${name}`, () => {
      const { notebook, warnings } = readIpynb(encode(value));
      expect(JSON.parse(writeIpynb(notebook))).toEqual(value);
      expect(warnings).toEqual([]);
      // And through what the document and the channels do to it.
      expect(JSON.parse(writeIpynb(JSON.parse(canonicalJson(notebook)) as Notebook))).toEqual(value);
    });
  }

  it("keeps whole numbers that JavaScript can't hold, also when cells move", () => {
    const text = formatJson(
      file([
        code(["x"], { metadata: { n: "@1@", list: [1, { deep: "@2@" }] } }),
        code(["y"], {
          id: "c2",
          outputs: [{ output_type: "display_data", data: { "application/json": ["@3@"] }, metadata: {} }],
        }),
      ]),
    )
      .replace('"@1@"', "12345678901234567890")
      .replace('"@2@"', "-9007199254740993")
      .replace('"@3@"', "1700000000000000001");
    const notebook = JSON.parse(canonicalJson(read(text))) as Notebook;
    expect(writeIpynb(notebook)).toBe(`${text}\n`);
    const moved = writeIpynb({ ...notebook, cells: notebook.cells.toReversed() });
    for (const number of ["12345678901234567890", "-9007199254740993", "1700000000000000001"])
      expect(moved).toContain(number);
    const changed = edit(notebook, { metadata: { n: 7 } });
    expect(writeIpynb(changed)).toContain('"n": 7');
  });

  it("comes out as the same value, whatever it is", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "\n", "\r", "é", "😀", "%", "#", " ", "\u2028") });
    const lines = fc.oneof(text, fc.array(text, { maxLength: 4 }), text.map(splitLines));
    const json = fc.jsonValue({ maxDepth: 2 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
    const object = fc.dictionary(
      fc.string({ maxLength: 4 }).filter((key) => key !== "__proto__"),
      json,
      { maxKeys: 3 },
    );
    const bundle = fc.dictionary(
      fc.constantFrom(
        "text/plain",
        "text/html",
        "image/png",
        "image/svg+xml",
        "application/javascript",
        "application/x",
      ),
      lines,
      { maxKeys: 3 },
    );
    const output = fc.oneof(
      fc.record({ output_type: fc.constant("stream"), name: fc.constantFrom("stdout", "stderr", "x"), text: lines }),
      fc.record({ output_type: fc.constant("display_data"), data: bundle, metadata: object }),
      fc.record({
        output_type: fc.constant("execute_result"),
        data: bundle,
        metadata: object,
        execution_count: fc.option(fc.nat(9), { nil: null }),
      }),
      fc.record({
        output_type: fc.constant("error"),
        ename: text,
        evalue: text,
        traceback: fc.array(text, { maxLength: 3 }),
      }),
      fc.record({ output_type: fc.constant("strange"), anything: json }),
    );
    const cell = fc.oneof(
      fc.record({
        cell_type: fc.constant("code"),
        source: fc.oneof(
          lines,
          text.map((body) => `%%bash ${body}`),
        ),
        metadata: object,
        outputs: fc.array(output, { maxLength: 3 }),
        execution_count: fc.option(fc.nat(99), { nil: null }),
      }),
      fc.record({
        cell_type: fc.constantFrom("markdown", "raw"),
        source: lines,
        metadata: object,
        attachments: fc.dictionary(fc.constantFrom("a", "b"), bundle),
      }),
    );
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 4 }), object, object, (cells, metadata, extra) => {
        const value = JSON.parse(
          JSON.stringify({
            ...extra,
            cells: cells.map((item, index) => ({ ...item, id: `c${index}` })),
            metadata,
            nbformat: 4,
            nbformat_minor: 5,
          }),
        ) as unknown;
        expect(JSON.parse(writeIpynb(JSON.parse(canonicalJson(read(value))) as Notebook))).toEqual(value);
      }),
      { numRuns: 400 },
    );
  });
});

describe("what is written", () => {
  it("is byte for byte what Jupyter writes", () => {
    // As nbformat 5 writes it: json.dumps(sort_keys=True, indent=1, ensure_ascii=False, separators=(",", ": ")) and a line end.
    const text = `{
 "cells": [
  {
   "cell_type": "code",
   "execution_count": 1,
   "id": "c1",
   "metadata": {},
   "outputs": [
    {
     "name": "stdout",
     "output_type": "stream",
     "text": [
      "é\\n"
     ]
    }
   ],
   "source": [
    "a = {}\\n",
    "print('é')"
   ]
  }
 ],
 "metadata": {
  "kernelspec": {
   "display_name": "Python 3",
   "language": "python",
   "name": "python3"
  }
 },
 "nbformat": 4,
 "nbformat_minor": 5
}
`;
    expect(writeIpynb(read(text))).toBe(text);
  });

  it("splits lines where Python does", () => {
    expect(splitLines("a\nb\r\nc\rd\u0085e\u2028f\x1cg\n")).toEqual([
      "a\n",
      "b\r\n",
      "c\r",
      "d\u0085",
      "e\u2028",
      "f\x1c",
      "g\n",
    ]);
    expect(splitLines("")).toEqual([]);
    expect(splitLines("\n\n")).toEqual(["\n", "\n"]);
  });

  it("carries the language of a cell that is not the notebook's", () => {
    const notebook = read(file([code("x")]));
    const out = (language: string) => cellOut(edit(notebook, { language, source: "body" }));
    expect(out("shell")?.["source"]).toEqual(["%%bash\n", "body"]);
    expect(out("typescript")?.["source"]).toEqual(["%%typescript\n", "body"]);
    expect(out("chat")?.["source"]).toEqual(["%%chat\n", "body"]);
    expect(out("sql")?.["source"]).toEqual(["%%sql\n", "body"]);
    expect(out("python")?.["source"]).toEqual(["body"]);
    expect(out("ruby")).toMatchObject({ source: ["body"], metadata: { kroma: { language: "ruby" } } });
    for (const language of ["shell", "typescript", "python", "chat", "sql", "ruby"]) {
      const again = read(writeIpynb(edit(notebook, { language, source: "body" })));
      expect(first(again)).toMatchObject({ language, source: "body" });
    }
  });

  it("keeps the line of a magic with its arguments when the body is edited", () => {
    const typescript = { kernelspec: { display_name: "Deno", language: "typescript", name: "deno" } };
    const notebook = read(file([code("%%bash --out x\nls")], typescript));
    expect(first(notebook)).toMatchObject({ language: "shell", source: "ls" });
    expect(cellOut(edit(notebook, { source: "ls -l\npwd" }))?.["source"]).toEqual([
      "%%bash --out x\n",
      "ls -l\n",
      "pwd",
    ]);
    expect(cellOut(edit(notebook, { language: "typescript" }))?.["source"]).toEqual(["ls"]);
  });

  it("leaves a cell magic with arguments to Python, which knows what they mean", () => {
    for (const text of ["%%bash --out x\nls", "%%bash -s a b\necho $1", "%%script bash --no-raise-error\nls"]) {
      expect(first(read(file([code(text)])))).toMatchObject({ language: "python", source: text });
    }
    expect(first(read(file([code("%%bash \t\nls")])))).toMatchObject({ language: "shell", source: "ls" });
    expect(first(read(file([code("%%sql sales <<\nFROM a")])))).toMatchObject({
      language: "sql",
      source: "-- name: sales\nFROM a",
    });
  });

  it("takes the first line of a script for the cell's own, behind a magic and in a notebook of shell cells", () => {
    const script = "#!/usr/bin/env python3\nprint(1)";
    const behind = read(file([code(["%%bash\n", "#!/usr/bin/env python3\n", "print(1)"])]));
    expect(first(behind)).toMatchObject({ language: "shell", source: script });
    expect(read(writeIpynb(edit(behind, { source: `${script}\n2` }))).cells[0]).toMatchObject({
      language: "shell",
      source: `${script}\n2`,
    });
    const bash = { kernelspec: { display_name: "Bash", language: "bash", name: "bash" } };
    const plain = read(file([code(script)], bash));
    expect(first(plain)).toMatchObject({ language: "shell", source: script });
    expect(cellOut(edit(plain, { source: `${script}\n2` }))?.["source"]).toEqual([
      "#!/usr/bin/env python3\n",
      "print(1)\n",
      "2",
    ]);
    expect(first(read(file([code(script)])))).toMatchObject({ language: "python", source: script });
  });

  it("says the kernel and the title of a notebook made here, and reads them again", () => {
    for (const language of ["python", "typescript", "shell", "chat", "ruby"]) {
      const made: Notebook = { title: "Mine", language, metadata: {}, cells: [] };
      const again = read(writeIpynb(made));
      expect(again).toMatchObject({ title: "Mine", language });
      expect(again.metadata["kernelspec"]).toBeDefined();
    }
  });

  it("writes no field that nbformat forbids in an output", () => {
    const notebook = edit(read(file([code("x", { execution_count: 1 })])), {});
    const run = first(notebook).run as NonNullable<Notebook["cells"][number]["run"]>;
    const out = cellOut(
      edit(notebook, {
        run: {
          ...run,
          outputs: [
            { output_type: "error", ename: "E", evalue: "", traceback: [], line: 3 },
            { output_type: "display_data", data: {}, metadata: {}, displayId: "d" },
          ],
        },
      }),
    );
    expect(out?.["outputs"]).toEqual([
      { output_type: "error", ename: "E", evalue: "", traceback: [] },
      { output_type: "display_data", data: {}, metadata: {} },
    ]);
  });
});

describe("what is read", () => {
  it("knows the languages of kernels and cells", () => {
    const main = (kernelspec: object) => read(file([], { kernelspec })).language;
    expect(main({ name: "python3", language: "python" })).toBe("python");
    expect(main({ name: "tslab", language: "typescript" })).toBe("typescript");
    expect(main({ name: "jslab", language: "javascript" })).toBe("typescript");
    expect(main({ name: "calysto_bash" })).toBe("shell");
    expect(main({ name: "bash", language: "bash" })).toBe("shell");
    expect(main({ name: "ir", language: "R" })).toBe("r");
    const language = (source: string, metadata: object = {}) => {
      const { language: found, source: body } = first(read(file([code(source, { metadata })])));
      return [found, body];
    };
    expect(language("%%bash\nls\n")).toEqual(["shell", "ls\n"]);
    expect(language("%%script /bin/bash\nls")).toEqual(["shell", "ls"]);
    expect(language("%%script perl\nls")).toEqual(["python", "%%script perl\nls"]);
    expect(language("%%bashful\nls")).toEqual(["python", "%%bashful\nls"]);
    expect(language("%%js\nx", { vscode: { languageId: "python" } })).toEqual(["typescript", "x"]);
    expect(language("%%html\nx", { vscode: { languageId: "html" } })).toEqual(["python", "%%html\nx"]);
    expect(language(" %%bash\nls")).toEqual(["python", " %%bash\nls"]);
    expect(language("x", { kroma: { language: "shell" } })).toEqual(["shell", "x"]);
  });

  it("joins lines and normalises line ends", () => {
    expect(first(read(file([code(["a\r\n", "b\r", "c"])]))).source).toBe("a\nb\nc");
  });

  it("gives cells with the same or a bad id new ones, always the same", () => {
    const value = file([
      code("1", { id: "x" }),
      code("2", { id: "x" }),
      code("3", { id: "no good" }),
      code("4", { id: "__proto__" }),
    ]);
    const { notebook, warnings } = readIpynb(encode(value));
    const ids = notebook.cells.map((cell) => cell.id);
    expect(ids[0]).toBe("x");
    expect(new Set(ids).size).toBe(4);
    expect(warnings.length).toBe(3);
    expect(warnings[0]).toContain("Cell 2");
    expect(read(value).cells.map((cell) => cell.id)).toEqual(ids);
  });

  it("converts nbformat 4.0 to 4.4, without ids", () => {
    const { id: _, ...cell } = code("x") as { id: string };
    const notebook = read(file([cell, cell], PYTHON, { nbformat_minor: 2 }));
    expect(notebook.cells.map((item) => item.source)).toEqual(["x", "x"]);
    const out = JSON.parse(writeIpynb(notebook)) as { nbformat_minor: number; cells: { id: string }[] };
    expect(out.nbformat_minor).toBe(5);
    expect(new Set(out.cells.map((item) => item.id)).size).toBe(2);
  });

  it("converts nbformat 3", () => {
    const notebook = read({
      metadata: { name: "Old one", signature: "sha256:x" },
      nbformat: 3,
      nbformat_minor: 0,
      worksheets: [
        {
          cells: [
            { cell_type: "heading", level: 2, metadata: {}, source: ["A\n", "B"] },
            {
              cell_type: "code",
              collapsed: true,
              input: ["1+1"],
              language: "python",
              metadata: {},
              prompt_number: 4,
              outputs: [
                { output_type: "pyout", prompt_number: 4, metadata: {}, text: ["2"], json: '{"a": 1}' },
                { output_type: "stream", stream: "stderr", text: "warn" },
                { output_type: "display_data", png: "AA==", metadata: {} },
                { output_type: "pyerr", ename: "E", evalue: "v", traceback: ["t"] },
              ],
            },
          ],
        },
        {
          cells: [
            { cell_type: "raw", source: "r" },
            { cell_type: "html", source: "<b>" },
          ],
        },
      ],
    });
    expect(notebook.title).toBe("Old one");
    expect(notebook.cells.map(({ kind, source }) => [kind, source])).toEqual([
      ["markdown", "## A B"],
      ["code", "1+1"],
      ["raw", "r"],
      ["markdown", "<b>"],
    ]);
    expect(notebook.cells[1]?.metadata).toEqual({ collapsed: true });
    expect(notebook.cells[1]?.run).toMatchObject({
      count: 4,
      outputs: [
        {
          output_type: "execute_result",
          execution_count: 4,
          data: { "text/plain": "2", "application/json": { a: 1 } },
        },
        { output_type: "stream", name: "stderr", text: "warn" },
        { output_type: "display_data", data: { "image/png": "AA==" } },
        { output_type: "error", ename: "E" },
      ],
    });
  });

  it("converts nbformat 2 and 1", () => {
    const second = read({
      nbformat: 2,
      metadata: { name: "" },
      worksheets: [
        {
          cells: [
            {
              cell_type: "code",
              input: "x",
              language: "python",
              outputs: [{ output_type: "pyout", output_text: "5" }],
            },
            { cell_type: "markdown", source: "m" },
          ],
        },
      ],
    });
    expect(second.cells.map((cell) => cell.source)).toEqual(["x", "m"]);
    expect(second.cells[0]?.run?.outputs[0]).toMatchObject({ data: { "text/plain": "5" } });
    const oldest = read({
      cells: [
        { cell_type: "code", code: "x = 1", prompt_number: 1 },
        { cell_type: "text", text: "hello" },
      ],
    });
    expect(oldest.cells.map((cell) => [cell.kind, cell.source])).toEqual([
      ["code", "x = 1"],
      ["markdown", "hello"],
    ]);
  });

  it("reads NaN as Python writes it, with a warning", () => {
    const text = JSON.stringify(file([code("x")])).replace(
      '"metadata":{}',
      '"metadata":{"a":NaN,"b":[-Infinity,1.5e3]}',
    );
    const { notebook, warnings } = readIpynb(encode(text));
    expect(first(notebook).metadata).toEqual({ a: null, b: [null, 1500] });
    expect(warnings).toEqual(["2 numbers that JSON does not know (NaN, Infinity) became null."]);
  });

  it("takes a byte order mark", () => {
    expect(readIpynb(new Uint8Array([0xef, 0xbb, 0xbf, ...encode(file([code("x")]))])).notebook.cells.length).toBe(1);
  });
});

describe("a bad file is refused with the place and the reason", () => {
  const text = JSON.stringify(file([code(["print(1)\n"])]), null, 1);
  const cases: readonly (readonly [string, string | Uint8Array, string, RegExp])[] = [
    [
      "cut off in a string",
      text.slice(0, text.indexOf("print") + 2),
      "invalid",
      /line 10, column 8: the file ends inside a string that starts in line 10, column 5; it seems cut off/,
    ],
    [
      "cut off in a list",
      text.slice(0, text.indexOf('"print')),
      "invalid",
      /inside a list that starts in line 9, column 14/,
    ],
    ["empty", " \n", "invalid", /The file is empty/],
    ["a web page", '\n<!DOCTYPE html>\n<html lang="en">', "invalid", /a web page, not a notebook/],
    [
      "in conflict",
      '{\n<<<<<<< HEAD\n "cells": []\n=======\n "cells": [1]\n>>>>>>> other\n}',
      "invalid",
      /merge.*line 2/,
    ],
    [
      "with a comma too many",
      '{\n "cells": [],\n}',
      "invalid",
      /line 3, column 1: a key in quotes should stand here, not "}"/,
    ],
    ["with two values", "{} {}", "invalid", /line 1, column 4/],
    ["with a bad escape", '{"a": "\\x"}', "invalid", /column 8: a string has an escape/],
    ["with a control character", '{"a": "x\ny"}', "invalid", /line 1, column 9: a control character/],
    ["with a bare word", '{"a": nul}', "invalid", /column 7/],
    ["not JSON at all", "hello", "invalid", /not "h"/],
    ["not UTF-8", new Uint8Array([0x7b, 0x0a, 0xff, 0x7d]), "invalid", /line 2 has other bytes/],
    ["a list", "[]", "invalid", /holds no object/],
    ["other JSON", '{"a": 1}', "invalid", /no "nbformat"/],
    ["of the future", '{"nbformat": 5, "cells": []}', "invalid", /nbformat 5, which is newer/],
    ["of a strange version", '{"nbformat": "x"}', "invalid", /"x"/],
    ["without cells", '{"nbformat": 4}', "invalid", /"cells" is no list/],
    [
      "with a cell that is none",
      JSON.stringify(file([code("x"), 5 as unknown as object])),
      "invalid",
      /cell 2 is no object/,
    ],
    [
      "with a strange cell",
      JSON.stringify(file([{ cell_type: "x", source: "" }])),
      "invalid",
      /cell 1 has the cell_type "x"/,
    ],
    ["with a source that is no text", JSON.stringify(file([code([1])])), "invalid", /source of cell 1/],
    ["with outputs that are none", JSON.stringify(file([code("", { outputs: [1] })])), "invalid", /outputs of cell 1/],
    [
      "nested too deep",
      `{"nbformat":4,"cells":${"[".repeat(300)}${"]".repeat(300)}}`,
      "exhausted",
      /more than 200 levels/,
    ],
    ["nested as deep as can be", "[".repeat(1_000_000), "exhausted", /more than 200 levels/],
  ];
  for (const [name, content, errorCode, message] of cases) {
    it(name, () => {
      const act = () => readIpynb(typeof content === "string" ? encode(content) : content);
      expect(act).toThrow(
        expect.objectContaining({ code: errorCode, message: expect.stringMatching(message) }) as Error,
      );
    });
  }

  it("too big", () => {
    const act = () => readIpynb(new Uint8Array(LARGEST_FILE + 1024 * 1024));
    expect(act).toThrow(
      expect.objectContaining({
        code: "exhausted",
        message: "The file has 101 megabytes; notebooks of up to 100 can be opened.",
      }) as Error,
    );
  });

  it("cut off anywhere, never with another error", () => {
    for (let length = 0; length < text.length; length += 1) {
      expect(() => readIpynb(encode(text.slice(0, length)))).toThrow(
        expect.objectContaining({ code: "invalid" }) as Error,
      );
    }
  });
});
