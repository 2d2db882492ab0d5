/**
 * A place in the page for markup from elsewhere: a shadow root, so that its ids and styles meet nobody else's, inside
 * a box that nothing in it can leave or cover more than.
 */
import styles from "./rich.css?inline";

let sheet: CSSStyleSheet | undefined;

/** Puts `content` in a new shadow root under `element`; returns the box around it. */
export function showInShadow(
  element: HTMLElement,
  content: Node,
  className: string,
): { box: HTMLElement; root: ShadowRoot } {
  const box = document.createElement("div");
  box.className = `kroma-contained ${className}`;
  // Layout containment makes position: fixed stay inside, paint containment clips; both as styles no sheet can undo.
  box.style.cssText = "contain: layout paint; overflow-x: auto; max-inline-size: 100%";
  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "open" });
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
  }
  root.adoptedStyleSheets = [sheet];
  root.append(content);
  box.append(host);
  element.append(box);
  keepReachable(box);
  return { box, root };
}

/** An output this many pixels high scrolls in itself, so that the notebook around it can still be read. */
const HIGHEST = 6000;
const SHOWN = 800;

/** Makes a box that scrolls a tab stop, and only then; a box too high for any page scrolls. */
function keepReachable(box: HTMLElement): void {
  const observer = new ResizeObserver(() => {
    // In the next frame: to change what is observed while it is told would be a loop.
    if (box.scrollHeight > HIGHEST)
      requestAnimationFrame(() => {
        box.style.maxBlockSize = `${SHOWN}px`;
        box.style.overflowY = "auto";
      });
    if (!box.isConnected) observer.disconnect();
    else if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight + 1) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", box.scrollHeight > box.clientHeight + 1 ? "Long output" : "Wide output");
    } else {
      box.removeAttribute("tabindex");
      box.removeAttribute("role");
      box.removeAttribute("aria-label");
    }
  });
  observer.observe(box);
}
