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

/** Makes a box that scrolls a tab stop, and only then. */
function keepReachable(box: HTMLElement): void {
  const observer = new ResizeObserver(() => {
    if (!box.isConnected) observer.disconnect();
    else if (box.scrollWidth > box.clientWidth) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "Wide output");
    } else {
      box.removeAttribute("tabindex");
      box.removeAttribute("role");
      box.removeAttribute("aria-label");
    }
  });
  observer.observe(box);
}
