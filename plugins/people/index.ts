/** Writing together as a person meets it: who is in a notebook, the links that let others in, how one is connected. */
import type { Plugin } from "#core/plugin/facet.ts";
import { commands } from "#kit/commands.ts";
import { panels } from "#kit/panels.ts";

/** The panel's id. */
export const PEOPLE_PANEL = "people";

/** Sharing, and the people of a notebook. */
export const people: Plugin = {
  id: "people",
  provides: [
    panels.of({
      id: PEOPLE_PANEL,
      title: "People",
      icon: "people",
      load: async () => (await import("./panel.tsx")).PeoplePanel,
    }),
    commands.of([
      {
        id: "people.share",
        title: "Share this notebook",
        keys: [],
        when: "notebook",
        group: "People",
        run: ({ page }) => page.openPanel(PEOPLE_PANEL),
      },
      {
        id: "people.show",
        title: "People",
        keys: [],
        when: "notebook",
        group: "People",
        run: ({ page }) => page.togglePanel(PEOPLE_PANEL),
      },
    ]),
  ],
};
