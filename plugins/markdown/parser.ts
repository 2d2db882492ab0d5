/** The Markdown dialect: CommonMark, tables, strikethrough, bare addresses, mathematics, raw HTML (sanitised later). */
import createParser, { type MarkdownIt } from "markdown-it";
import { headingNames } from "./headings.ts";
import { mathSyntax } from "./math-syntax.ts";

let parser: MarkdownIt | undefined;

/** Markdown as HTML that is not yet safe. */
export function toHtml(markdown: string): string {
  parser ??= makeParser();
  return parser.render(markdown, {});
}

function makeParser(): MarkdownIt {
  const made = new createParser({ html: true, linkify: true, typographer: false });
  mathSyntax(made);
  // Addresses without a scheme are often file names ("notes.py" would become a link to Paraguay).
  made.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
  // What an address may be is the sanitiser's business.
  made.validateLink = () => true;
  made.core.ruler.push("heading-ids", (state) => {
    const name = headingNames();
    for (let index = 0; index < state.tokens.length; index += 1) {
      const token = state.tokens[index]!;
      // As in the outline: headings at the left edge only.
      if (token.type === "heading_open" && token.level === 0) {
        token.attrSet("data-heading", name(state.tokens[index + 1]?.content ?? "").id);
      }
    }
  });
  made.renderer.rules.fence = (tokens, index) => {
    const token = tokens[index]!;
    const language = /^[\w+#-]+/.exec(token.info.trim())?.[0].toLowerCase() ?? "";
    const mark = language === "" ? "" : ` data-language="${language}"`;
    return `<pre${mark}><code>${made.utils.escapeHtml(token.content)}</code></pre>\n`;
  };
  return made;
}
