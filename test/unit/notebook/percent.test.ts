import { readPercent, writePercent } from "#core/notebook/percent.ts";
import type { CellKind, Notebook } from "#core/notebook/model.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellId } from "./kit.ts";

const facts = (notebook: Notebook) => notebook.cells.map(({ kind, language, source }) => [kind, language, source]);
const notebookOf = (cells: readonly (readonly [CellKind, string, string])[], language = "python"): Notebook => ({
  title: "",
  language,
  metadata: {},
  cells: cells.map(([kind, cellLanguage, source], index) => ({
    id: cellId(`c${index}`),
    kind,
    language: cellLanguage,
    source,
    textVersion: 0,
    metadata: {},
    run: undefined,
  })),
});

describe("a percent script", () => {
  it("is read as cells with titles, attributes and text", () => {
    const script = `# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Title
#
# Text

# %% A title tags=["a", "b"] folded=true id="named"
import os
# a comment

print(1)

# %%
#%%
x = 1
# %% [raw]
# <b>

# %% language="bash"
# %%sh
# ls | wc
#
# pwd

# %% [md]
"""
docstring text
"""
`;
    const { notebook } = readPercent(script);
    expect(facts(notebook)).toEqual([
      ["markdown", "markdown", "# Title\n\nText"],
      ["code", "python", "import os\n# a comment\n\nprint(1)"],
      ["code", "python", ""],
      ["code", "python", "x = 1"],
      ["raw", "raw", "<b>"],
      ["code", "shell", "ls | wc\n\npwd"],
      ["markdown", "markdown", "docstring text"],
    ]);
    expect(notebook.cells[1]).toMatchObject({
      id: "named",
      metadata: { title: "A title", tags: ["a", "b"], folded: true },
    });
    expect(notebook.cells[5]?.shape).toEqual({ language: "shell", magic: "%%sh" });
    expect(notebook.metadata).toEqual({
      kernelspec: { display_name: "Python 3", language: "python", name: "python3" },
    });
    expect(writePercent(notebook)).toContain('# %% language="bash"\n# %%sh\n# ls | wc\n#\n# pwd\n');
  });

  it("reads metadata that is one JSON object", () => {
    const { notebook } = readPercent(
      '# %% [markdown] {"tags": ["a"]}\n# # Head\n# %% A title {"a": {"b": 1}}\nx\n# %% {broken\ny\n',
    );
    expect(facts(notebook).map(([kind]) => kind)).toEqual(["markdown", "code", "code"]);
    expect(notebook.cells.map(({ metadata }) => metadata)).toEqual([
      { tags: ["a"] },
      { a: { b: 1 }, title: "A title" },
      { title: "{broken" },
    ]);
  });

  it("reads a script that Jupyter made of a notebook", () => {
    const script =
      "#!/usr/bin/env python\n# coding: utf-8\n\n# # Title\n# text\n\n# In[1]:\n\n\nimport os\n\n\n# a remark\nprint(1)\n# the last\n\n\n" +
      "# ## Part\n# \n# more\n\n# and more\n\n# In[ ]:\n\n\nget_ipython().system('ls')\n\n\n# In[2]:\n\n\n# only a comment\n\n";
    expect(facts(readPercent(script).notebook)).toEqual([
      ["markdown", "markdown", "# Title\ntext"],
      ["code", "python", "import os\n\n\n# a remark\nprint(1)\n# the last"],
      ["markdown", "markdown", "## Part\n\nmore\n\nand more"],
      ["code", "python", "get_ipython().system('ls')"],
      ["code", "python", "# only a comment"],
    ]);
  });

  it("without any marker is one cell", () => {
    expect(facts(readPercent("x = 1\r\ny = 2\n").notebook)).toEqual([["code", "python", "x = 1\ny = 2"]]);
    expect(readPercent("").notebook.cells).toEqual([]);
  });

  it("in TypeScript uses its comments", () => {
    const { notebook } = readPercent("// %% [markdown]\n// hi\n\n// %%\nlet a = 1\n// no marker\n", "typescript");
    expect(facts(notebook)).toEqual([
      ["markdown", "markdown", "hi"],
      ["code", "typescript", "let a = 1\n// no marker"],
    ]);
    expect(writePercent(notebookOf([["code", "python", "print(1)"]], "typescript"))).toBe(
      '// %% language="python"\n// %%python\n// print(1)\n',
    );
  });

  it("is written as jupytext writes it", () => {
    const script = writePercent(
      notebookOf([
        ["markdown", "markdown", "# T\n\ntext"],
        ["code", "python", "x = 1"],
        ["code", "shell", "ls"],
        ["code", "python", "%%time\nf()"],
        ["code", "python", "!ls"],
      ]),
    );
    expect(script).toBe(
      '# %% [markdown]\n# # T\n#\n# text\n\n# %%\nx = 1\n\n# %% language="bash"\n# %%bash\n# ls\n\n# %%\n# %%time\n# f()\n\n# %%\n# !ls\n',
    );
  });

  it("comes back as the same cells, whatever they hold", () => {
    const line = fc.oneof(
      fc.constantFrom(
        "",
        "# %%",
        "# %% [markdown]",
        "#%%",
        "# # %%",
        "%matplotlib inline",
        "!ls",
        "# %time x",
        "#",
        "# ",
        "  x",
        "# !pip",
        "// %%",
        "---",
        '"""',
        "a = b % c",
      ),
      fc.string({ unit: fc.constantFrom("a", " ", "#", "%", "/", "é") }),
    );
    const text = fc.array(line, { maxLength: 5 }).map((lines) => lines.join("\n").replaceAll(/^\n+|\n+$/g, ""));
    const cell = fc.tuple(
      fc.constantFrom("code", "markdown", "raw"),
      fc.constantFrom("python", "typescript", "shell"),
      text,
    );
    fc.assert(
      fc.property(fc.array(cell, { maxLength: 4 }), fc.constantFrom("python", "typescript", "shell"), (cells, main) => {
        const notebook = notebookOf(
          cells.map(
            ([kind, language, source]) => [kind as CellKind, kind === "code" ? language : kind, source] as const,
          ),
          main,
        );
        expect(facts(readPercent(writePercent(notebook), main).notebook)).toEqual(facts(notebook));
      }),
      { numRuns: 500 },
    );
  });
});
