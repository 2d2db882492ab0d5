/** The page's one key listener: presses go through the command table before anything else sees them. */
import { commands, isPossible } from "#kit/commands.ts";
import { KeyMatcher, type KeyPlace } from "#kit/keymap.ts";
import { commandContext, runCommand } from "./command-context.ts";
import { HeldKeys } from "./held-keys.ts";
import { host, isMac } from "./plugins.ts";

const SCROLLING = /^(?:Arrow(?:Up|Down|Left|Right)|Page(?:Up|Down)|Home|End| )$/;

/** Where a key event belongs, or undefined: a field or a widget has it for itself. */
function placeOf(event: KeyboardEvent): KeyPlace | "field" {
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.closest(".cm-content")) return "edit";
  if (target.closest("dialog, [role=menu]")) return "field";
  if (target.closest("[data-own-keys]")) return "panel";
  // A long output can have the focus to be scrolled; nothing else in it wants keys.
  if (target.closest("[data-output] [role=log]")) return SCROLLING.test(event.key) ? "field" : "command";
  if (target.closest(".panel") && !target.closest("input, textarea, select")) return "side";
  if (target.closest("input, textarea, select, [contenteditable='true'], [data-output] [tabindex]")) return "field";
  return commandContext().view ? "command" : "library";
}

/** Starts listening; the result stops it. */
export function startKeyboard(): () => void {
  const table = host.get(commands);
  const matcher = new KeyMatcher(table, isMac);
  const held = new HeldKeys();
  const listener = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || held.hold(event)) return;
    const place = placeOf(event);
    const target = event.target instanceof Element ? event.target : document.body;
    // A field keeps its keys, but for those with a modifier that mean the page wherever one is.
    const ownsKeys = place === "field" || place === "panel" || place === "side";
    if (ownsKeys && !(event.ctrlKey || event.metaKey)) return;
    if (
      (event.key === "Enter" || event.key === " ") &&
      target.closest("button, a, summary") &&
      !event.shiftKey &&
      !event.ctrlKey
    )
      return;
    // An open completion list has the first word on these.
    if (place === "edit" && event.key === "Escape" && document.querySelector(".cm-tooltip-autocomplete")) return;
    const found = matcher.press(event, place === "field" ? "library" : place, performance.now());
    if (found === undefined) return;
    if (found !== "pending") {
      const context = commandContext();
      if (place === "field" && found.when !== "always") return;
      if (!isPossible(found, context)) return;
      // What the browser would do with selected text comes before copying cells.
      if (
        (found.id === "cell.copy" || found.id === "cell.cut") &&
        (event.ctrlKey || event.metaKey) &&
        !getSelection()?.isCollapsed
      )
        return;
      event.preventDefault();
      event.stopPropagation();
      const work = runCommand(found);
      if (work instanceof Promise) held.during(work);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  addEventListener("keydown", listener, { capture: true });
  return () => removeEventListener("keydown", listener, { capture: true });
}
