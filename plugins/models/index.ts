/** Models: what this browser keeps of them, what is on its way, who uses which, and what this device can do. */
import type { Plugin } from "#core/plugin/facet.ts";
import { commands } from "#kit/commands.ts";
import { panels } from "#kit/panels.ts";

const PANEL = "models";

/** The panel and its command. */
export const models: Plugin = {
  id: "models",
  provides: [
    panels.of({
      id: PANEL,
      title: "Models",
      icon: "models",
      load: async () => (await import("./panel.tsx")).ModelsPanel,
    }),
    commands.of([
      {
        id: "models.open",
        title: "Models: what is kept of them, and what this device can run",
        keys: [],
        when: "notebook",
        group: "Models",
        run: ({ page }) => page.togglePanel(PANEL),
      },
    ]),
  ],
};
