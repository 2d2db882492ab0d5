/** A cell's statements, their lines and names; files by pattern; errors as a cell has them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeFailure } from "#kernels/sql/failures.ts";
import { workspacePath } from "#kernels/sql/paths.ts";
import { splitScript } from "#kernels/sql/script.ts";

const texts = (source: string): readonly string[] => splitScript(source).map(({ text }) => text);

describe("statements", () => {
  test("end at semicolons, but not in words, comments and quoted text", () => {
    expect(texts("SELECT 1; SELECT 2;")).toEqual(["SELECT 1", "SELECT 2"]);
    expect(texts(`SELECT 'a;''b;', "x;y"; SELECT $$;$$, $tag$ $$ ; $tag$; SELECT E'\\';'`)).toEqual([
      `SELECT 'a;''b;', "x;y"`,
      "SELECT $$;$$, $tag$ $$ ; $tag$",
      "SELECT E'\\';'",
    ]);
    expect(texts("SELECT 1 -- ; no\n+ 2 /* ; /* ; */ ; */ + 3; ; -- end")).toEqual([
      "SELECT 1 -- ; no\n+ 2 /* ; /* ; */ ; */ + 3",
    ]);
    expect(texts("")).toEqual([]);
    expect(texts(" ;; -- nothing")).toEqual([]);
    expect(texts("SELECT 'open ; for ever")).toEqual(["SELECT 'open ; for ever"]);
  });

  test("have the line on which they begin, and the name that a comment gives to one of them", () => {
    expect(splitScript("-- name: a\nSELECT 1;\n\n-- plain\n  SELECT\n2; b << SELECT 3\n")).toEqual([
      { text: "SELECT 1", line: 2, name: "a" },
      { text: "SELECT\n2", line: 5, name: undefined },
      { text: "SELECT 3", line: 6, name: "b" },
    ]);
    expect(splitScript("SELECT 1 << 2")).toEqual([{ text: "SELECT 1 << 2", line: 1, name: undefined }]);
    expect(splitScript("SELECT 1 -- name: a\n")[0]?.name).toBe(undefined);
  });

  test("lose nothing of what is no comment", () => {
    const piece = fc.constantFrom("SELECT", " ", "\n", ";", "'", '"', "$$", "--", "/*", "*/", "x", "é", "E'", "\\");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const source = pieces.join("");
        let at = 0;
        for (const { text, line } of splitScript(source)) {
          expect(text.trim()).not.toBe("");
          const found = source.indexOf(text, at);
          expect(found).toBeGreaterThanOrEqual(at);
          expect(line).toBeLessThanOrEqual(source.split("\n").length);
          at = found + text.length;
        }
      }),
    );
  });
});

test("paths are the workspace's", () => {
  expect(workspacePath("/workspace/a/b.csv")).toBe("a/b.csv");
  expect(workspacePath("./a/../b.csv")).toBe("b.csv");
  expect(() => workspacePath("../b.csv")).toThrow("outside of the workspace");
  expect(() => workspacePath("https://example.org/b.csv")).toThrow("Fetch https://example.org/b.csv into a file first");
});

test("errors have DuckDB's kind, the cell's line, and the place once", () => {
  const parser =
    'Parser Error: syntax error at or near "x"\n\nLINE 2: FROM x x x\n             ^\n\nLINE 2: FROM x x x\n             ^';
  expect(describeFailure(new Error(parser), 3)).toMatchObject({
    ename: "ParserError",
    evalue: 'syntax error at or near "x"',
    line: 4,
    traceback: [
      '\u001b[31mParserError\u001b[39m: syntax error at or near "x"',
      "",
      "LINE 4: FROM x x x",
      "             ^",
    ],
  });
  const extension =
    'Catalog Error: Scalar Function with name "current_date" is not in the catalog, but it exists in the icu extension.\n\nPlease try';
  expect(describeFailure(new Error(extension), 1)).toMatchObject({
    ename: "CatalogError",
    evalue: expect.stringMatching(
      /^current_date belongs to DuckDB's extension icu, which Kroma's SQL does not have\. Times are in UTC here: now/,
    ),
  });
});
