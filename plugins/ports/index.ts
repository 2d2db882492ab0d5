/**
 * Ports and background jobs of the machine, and a preview of what its servers serve. Here are only the panel and the
 * commands; everything else is loaded when the panel is first opened.
 */
import type { Plugin } from "#core/plugin/facet.ts";
import { commands } from "#kit/commands.ts";
import { panels } from "#kit/panels.ts";

/** The panel's id. */
export const PORTS_PANEL = "ports";

/** What runs on the machine, and its pages. */
export const ports: Plugin = {
  id: "ports",
  provides: [
    panels.of({
      id: PORTS_PANEL,
      title: "Ports",
      icon: "ports",
      place: "bottom",
      load: async () => (await import("./panel.tsx")).PortsPanel,
    }),
    commands.of([
      {
        id: "ports.show",
        title: "Ports and background jobs",
        keys: [],
        when: "notebook",
        group: "Terminal",
        run: ({ page }) => page.openPanel(PORTS_PANEL),
      },
    ]),
  ],
};
