/** What commands act on at present: set by the app, read by keys, palette and menus. */
import { createRoot, createSignal } from "solid-js";
import type { CommandContext, PageActions } from "#kit/commands.ts";
import type { PageView } from "./notebook/view.ts";

const [view, setView] = createRoot(() => createSignal<PageView>());
let actions: PageActions | undefined;

/** Tells that a notebook is open, or none. */
export const setOpenView = setView;

/** Called once by the app. */
export function setPageActions(page: PageActions): void {
  actions = page;
}

/** The context of a command that is run now. */
export function commandContext(): CommandContext {
  if (!actions) throw new Error("The page has not started");
  return { page: actions, view: view() };
}
