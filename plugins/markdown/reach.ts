/** What is wider than the column scrolls inside itself: then, and only then, the keyboard must be able to get there. */

const BOXES = "pre, .kroma-markdown-table, .kroma-math[data-display='true']";
const NAMES: Readonly<Record<string, string>> = { PRE: "Code", DIV: "Wide content", SPAN: "Formula" };

/** Makes boxes under `root` tab stops while they scroll; returns the way to stop. */
export function keepReachable(root: HTMLElement): () => void {
  const observer = new ResizeObserver(() => {
    for (const box of root.querySelectorAll<HTMLElement>(BOXES)) {
      const scrolls = box.scrollWidth > box.clientWidth + 1;
      if (scrolls === (box.tabIndex === 0)) continue;
      if (scrolls) {
        box.tabIndex = 0;
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", NAMES[box.tagName] ?? "Wide content");
      } else for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    }
  });
  observer.observe(root);
  return () => observer.disconnect();
}
