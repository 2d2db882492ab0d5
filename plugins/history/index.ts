/** The history of a notebook as a person meets it: what was done when and by whom, how it was, and putting it back. */
import type { Plugin } from "#core/plugin/facet.ts";
import { commands } from "#kit/commands.ts";
import { panels } from "#kit/panels.ts";
import { HISTORY_PANEL, askFor } from "./asked.ts";

/** The panel, and the commands that open it. */
export const history: Plugin = {
  id: "history",
  provides: [
    panels.of({
      id: HISTORY_PANEL,
      title: "History",
      icon: "history",
      load: async () => (await import("./panel.tsx")).HistoryPanel,
    }),
    commands.of([
      {
        id: "history.show",
        title: "History",
        keys: [],
        when: "notebook",
        group: "History",
        run: ({ page }) => page.togglePanel(HISTORY_PANEL),
      },
      {
        id: "history.name",
        title: "Name this version",
        keys: [],
        when: "notebook",
        group: "History",
        isEnabled: ({ view }) => view?.refusal() === undefined,
        run({ page }) {
          askFor("name");
          page.openPanel(HISTORY_PANEL);
        },
      },
      {
        id: "history.away",
        title: "What changed while you were away",
        keys: [],
        when: "notebook",
        group: "History",
        run({ page }) {
          askFor("away");
          page.openPanel(HISTORY_PANEL);
        },
      },
      {
        id: "history.shorten",
        title: "Shorten the history …",
        keys: [],
        when: "notebook",
        group: "History",
        isEnabled: ({ view }) => view?.refusal() === undefined,
        run({ page }) {
          askFor("shorten");
          page.openPanel(HISTORY_PANEL);
        },
      },
    ]),
  ],
};
