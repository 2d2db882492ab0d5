/** The grammar of a chat cell's source: options are one thing, and the prompt below them is Markdown. */
import { expect, it } from "vitest";
import { chatLanguage } from "#app/browser/notebook/editor/chat-language.ts";

it("keeps options out of the Markdown, also where they look like it", () => {
  const source = '#| see: none\n#| schema: {"enum": ["a", "b"]}\n#|   more [link](x)\nWhat is **this**?\n\n# A heading';
  const found: string[] = [];
  chatLanguage()
    .language.parser.parse(source)
    .iterate({
      enter: ({ name, from, to }) => {
        if (["ChatOption", "Link", "StrongEmphasis", "ATXHeading1", "Paragraph"].includes(name))
          found.push(`${name}: ${source.slice(from, to)}`);
      },
    });
  expect(found).toEqual([
    "ChatOption: #| see: none",
    'ChatOption: #| schema: {"enum": ["a", "b"]}',
    "ChatOption: #|   more [link](x)",
    "Paragraph: What is **this**?",
    "StrongEmphasis: **this**",
    "ATXHeading1: # A heading",
  ]);
});
