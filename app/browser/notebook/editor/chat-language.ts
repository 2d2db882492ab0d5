/** The grammar of a chat cell: Markdown, but its options (`#| key: value`) stand before it and are none. */
import { markdown } from "@codemirror/lang-markdown";
import type { LanguageSupport } from "@codemirror/language";
import { tags } from "@lezer/highlight";

const OPTION = "ChatOption";

/** Markdown whose first lines may be options. */
export const chatLanguage = (): LanguageSupport =>
  markdown({
    extensions: {
      defineNodes: [{ name: OPTION, style: tags.meta }],
      parseBlock: [
        {
          name: OPTION,
          before: "ATXHeading",
          parse(context, line) {
            if (!line.text.startsWith("#|")) return false;
            context.addElement(context.elt(OPTION, context.lineStart, context.lineStart + line.text.length));
            context.nextLine();
            return true;
          },
          // Right below an option no paragraph goes on.
          endLeaf: (_, line) => line.text.startsWith("#|"),
        },
      ],
    },
  });
