import { headings } from "#plugins/markdown/headings.ts";
import { toHtml } from "#plugins/markdown/parser.ts";
import { mathAt } from "#plugins/markdown/math-syntax.ts";
import { splitLatex } from "#plugins/markdown/latex-parts.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

/** What the parser itself says: the headings that got an id. */
function parsed(markdown: string): { level: number; id: string }[] {
  return [...toHtml(markdown).matchAll(/<h([1-6]) data-heading="([^"]*)"/g)].map((match) => ({
    level: Number(match[1]),
    id: match[2]!.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"),
  }));
}
const outline = (markdown: string) => headings(markdown).map(({ level, id }) => ({ level, id }));

describe("headings", () => {
  test("both kinds are found, with words and ids", () => {
    expect(headings("# One *two*\n\ntext\n\nThree `four`\n---\n\n## One two ##\n# One two")).toEqual([
      { level: 1, text: "One two", id: "heading-One-two" },
      { level: 2, text: "Three four", id: "heading-Three-four" },
      { level: 2, text: "One two", id: "heading-One-two-1" },
      { level: 1, text: "One two", id: "heading-One-two-2" },
    ]);
  });

  test("code, quotes and lists hold none", () => {
    expect(headings("```\n# no\n```\n\n    # no\n\n> # no\n\n- # no\n\n~~~py\n# no\n~~~")).toEqual([]);
  });

  test("the outline has the ids that the page gets", () => {
    const line = fc.oneof(
      fc.constantFrom("# A", "## A b", "### *c* d", "#no", "###### six ######", "text", "more `text`", "", "", "---", "===", "- item", "> quote", "```", "~~~", "    code", "1. one"),
      fc.stringMatching(/^#{1,7} [a-z*_`[\]() ]{0,12}$/),
    ); // prettier-ignore
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        // Text right below a list item or quote continues it; such a line is set apart, as people write it.
        const markdown = lines
          .map((text) => (/^(?:-|>|1\.) /.test(text) ? `\n${text}\n\n<!-- -->\n` : text))
          .join("\n");
        expect(outline(markdown)).toEqual(parsed(markdown));
      }),
      { numRuns: 1500 },
    );
  });
});

describe("mathematics in Markdown", () => {
  test("formulas keep their underscores, stars and backslashes", () => {
    const html = toHtml(
      "Let $a_1 * b_2 * c_3$ and $$\\{x_i\\}$$ be.\n\n$$\na_b\n\nc_d\n$$\n\n\\begin{align}\na &= b\\\\\nc &= d\n\\end{align}\n",
    );
    expect(html).not.toContain("<em>");
    expect(html).toContain(">a_1 * b_2 * c_3<");
    expect(html).toContain(">\\{x_i\\}<");
    expect(html).toContain(">a_b\n\nc_d<");
    expect(html).toContain("\\begin{align}\na &amp;= b\\\\\nc &amp;= d\n\\end{align}");
  });

  test("prices are not formulas", () => {
    expect(toHtml("It costs $5 and $6, or US$7.")).not.toContain("kroma-math");
    expect(toHtml("`$a$` and \\$b$ c")).not.toContain("kroma-math");
  });

  test("reading a formula always ends and never goes past the text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("$", "$$", "\\", "\\(", "\\)", "\\begin{a}", "\\end{a}", "x", "1", " ", "\n"), {
          maxLength: 30,
        }),
        (parts) => {
          const text = parts.join("");
          for (let at = 0; at < text.length; at += 1) {
            const found = mathAt(text, at, at % 2 === 0);
            if (found) expect(found.end).toBeGreaterThan(at);
            if (found) expect(found.end).toBeLessThanOrEqual(text.length);
          }
          expect(typeof toHtml(text)).toBe("string");
        },
      ),
      { numRuns: 500 },
    );
  });

  test("LaTeX from a kernel is one formula, or text with formulas in it", () => {
    expect(splitLatex("$\\displaystyle x^2$")).toEqual([{ tex: "\\displaystyle x^2", display: true }]);
    expect(splitLatex("x^2")).toEqual([{ tex: "x^2", display: true }]);
    expect(splitLatex("where $x$ is")).toEqual(["where ", { tex: "x", display: false }, " is"]);
  });
});
