/** Commands of the page itself: palette, help, finding, panels, saving a copy, themes, the library. */
import { KromaError } from "#core/base/errors.ts";
import type { ImportFormat } from "#core/notebook/messages.ts";
import type { Command, CommandContext } from "#kit/commands.ts";

const GROUP = "Page";
const inNotebook = ({ view }: CommandContext): boolean => view !== undefined;

async function download({ page, view }: CommandContext, format: ImportFormat): Promise<void> {
  if (!view) return;
  try {
    const bytes = await view.client.export(format);
    const name = view.client.notebook.title.replace(/[\\/:*?"<>|]+/g, " ").trim() || "notebook";
    page.download(
      `${name}.${format === "ipynb" ? "ipynb" : "py"}`,
      bytes,
      format === "ipynb" ? "application/x-ipynb+json" : "text/x-python",
    );
  } catch (error) {
    page.toast(`No file could be made: ${error instanceof KromaError ? error.message : String(error)}`);
  }
}

/** Nothing is left to save; the habit deserves an answer. */
function sayWhetherSaved({ page, view }: CommandContext): void {
  if (!view) return;
  const text = view.client.saved ? "Saved. Every change is stored as you make it." : "Storing the last changes …";
  page.toast(text);
  page.announce(text);
}

export const pageCommands: readonly Command[] = [
  {
    id: "page.palette",
    title: "Command palette",
    keys: ["Mod-Shift-p"],
    when: "always",
    group: GROUP,
    run: ({ page }) => page.openPalette(),
  },
  {
    id: "page.palette-command",
    title: "Command palette",
    keys: ["p"],
    when: "command",
    group: GROUP,
    run: ({ page }) => page.openPalette(),
  },
  {
    id: "page.shortcuts",
    title: "Keyboard shortcuts",
    keys: ["h", "?"],
    when: "command",
    group: GROUP,
    run: ({ page }) => page.openShortcuts(),
  },
  {
    id: "page.save",
    title: "Save",
    keys: ["Mod-s"],
    when: "notebook",
    group: GROUP,
    run: sayWhetherSaved,
  },
  {
    id: "page.save-command",
    title: "Save",
    keys: ["s"],
    when: "command",
    group: GROUP,
    run: sayWhetherSaved,
  },
  {
    id: "page.find",
    title: "Find in all cells",
    keys: ["Mod-f"],
    when: "notebook",
    group: GROUP,
    run: ({ page }) => page.openFind(),
  },
  {
    id: "page.find-command",
    title: "Find in all cells",
    keys: ["f"],
    when: "command",
    group: GROUP,
    run: ({ page }) => page.openFind(),
  },
  {
    id: "page.files",
    title: "Files",
    keys: ["Mod-Shift-e"],
    when: "notebook",
    group: GROUP,
    run: ({ page }) => page.togglePanel("files"),
  },
  {
    id: "page.outline",
    title: "Outline",
    keys: ["Mod-Shift-o"],
    when: "notebook",
    group: GROUP,
    run: ({ page }) => page.togglePanel("outline"),
  },
  {
    id: "page.settings",
    title: "Settings",
    keys: ["Mod-,"],
    when: "always",
    group: GROUP,
    run: ({ page }) => page.togglePanel("settings"),
  },
  {
    id: "page.download-ipynb",
    title: "Download as .ipynb",
    keys: ["Mod-Shift-s"],
    when: "notebook",
    group: GROUP,
    run: (context) => download(context, "ipynb"),
  },
  {
    id: "page.download-percent",
    title: "Download as a percent script",
    keys: [],
    when: "notebook",
    group: GROUP,
    run: (context) => download(context, "percent"),
  },
  {
    id: "page.library",
    title: "Go to the library",
    keys: [],
    when: "notebook",
    group: GROUP,
    isEnabled: inNotebook,
    run: ({ page }) => page.goToLibrary(),
  },
  {
    id: "library.new",
    title: "New notebook",
    keys: ["n"],
    when: "library",
    group: GROUP,
    run: ({ page }) => page.newNotebook(),
  },
  {
    id: "library.new-anywhere",
    title: "New notebook",
    keys: [],
    when: "notebook",
    group: GROUP,
    run: ({ page }) => page.newNotebook(),
  },
  {
    id: "library.import",
    title: "Import notebooks",
    keys: [],
    when: "always",
    group: GROUP,
    run: ({ page }) => page.importFiles(),
  },
  {
    id: "theme.light",
    title: "Light theme",
    keys: [],
    when: "always",
    group: GROUP,
    run: ({ page }) => page.setTheme("light"),
  },
  {
    id: "theme.dark",
    title: "Dark theme",
    keys: [],
    when: "always",
    group: GROUP,
    run: ({ page }) => page.setTheme("dark"),
  },
  {
    id: "theme.contrast",
    title: "High contrast theme",
    keys: [],
    when: "always",
    group: GROUP,
    run: ({ page }) => page.setTheme("contrast"),
  },
  {
    id: "theme.system",
    title: "Theme of the system",
    keys: [],
    when: "always",
    group: GROUP,
    run: ({ page }) => page.setTheme("system"),
  },
];
