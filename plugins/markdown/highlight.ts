/** Colours the code in Markdown that is on the page. */
import { colourCode } from "#kit/code-colours.ts";

/** Colours every block of code under `root` whose language is known. */
export async function highlightCode(root: ParentNode): Promise<void> {
  const blocks = [...root.querySelectorAll<HTMLElement>("pre[data-language] > code")];
  await Promise.all(
    blocks.map(async (block) => {
      const pieces = await colourCode(block.textContent, block.parentElement?.dataset["language"] ?? "");
      if (!pieces) return;
      const coloured = document.createDocumentFragment();
      for (const { text, classes } of pieces) {
        if (classes === "") {
          coloured.append(text);
          continue;
        }
        const span = document.createElement("span");
        span.className = classes;
        span.textContent = text;
        coloured.append(span);
      }
      block.replaceChildren(coloured);
    }),
  );
}
