/** Names that stand for the newest version of what somebody publishes (IPNS), and the panel for one's own and others'. */
import type { Plugin } from "#core/plugin/facet.ts";
import { commands } from "#kit/commands.ts";
import { PUBLISH_PANEL, panels } from "#kit/panels.ts";

const PANEL = "names";

/** Names, as a panel and a command. */
export const names: Plugin = {
  id: "names",
  provides: [
    panels.of({
      id: PANEL,
      title: "Names",
      icon: "name",
      within: PUBLISH_PANEL,
      load: async () => (await import("./panel.tsx")).NamesPanel,
    }),
    commands.of([
      {
        id: "names.open",
        title: "Names: follow new versions, and lead others to yours",
        keys: [],
        when: "always",
        group: "Publish",
        run: ({ page }) => page.togglePanel(PANEL),
      },
    ]),
  ],
};
