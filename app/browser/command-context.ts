/** What commands act on at present: set by the app, read by keys, palette and menus. */
import { createRoot, createSignal } from "solid-js";
import { KromaError } from "#core/base/errors.ts";
import type { Command, CommandContext, PageActions } from "#kit/commands.ts";
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

/** Runs a command. What is not allowed here is told; any other failure is the caller's. */
export function runCommand(command: Command): void | Promise<void> {
  const context = commandContext();
  const work = command.run(context);
  if (!(work instanceof Promise)) return undefined;
  return work.catch((error: unknown) => {
    if (!(error instanceof KromaError && error.code === "denied")) throw error;
    context.page.toast(error.message);
  });
}
