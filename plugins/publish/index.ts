/** Publishing as a person meets it: what goes in, under which name and terms, and what is kept of what was published. */
import type { Plugin } from "#core/plugin/facet.ts";
import { commands } from "#kit/commands.ts";
import { PUBLISH_PANEL, panels } from "#kit/panels.ts";

/** The panel with what is kept. */
export const KEPT_PANEL = "kept";

/** Publishing a notebook, and the artefacts of this browser. */
export const publish: Plugin = {
  id: "publish",
  provides: [
    panels.of({
      id: PUBLISH_PANEL,
      title: "Publish",
      icon: "publish",
      load: async () => (await import("./panel.tsx")).PublishPanel,
    }),
    panels.of({
      id: KEPT_PANEL,
      title: "Pins",
      icon: "pin",
      within: PUBLISH_PANEL,
      load: async () => (await import("./kept-panel.tsx")).KeptPanel,
    }),
    commands.of([
      {
        id: "artefact.publish",
        title: "Publish this notebook",
        keys: ["Mod-Alt-p"],
        when: "notebook",
        group: "Publish",
        run: ({ page }) => page.openPanel(PUBLISH_PANEL),
      },
      {
        id: "artefact.kept",
        title: "Pins: what is kept of published notebooks",
        keys: [],
        when: "always",
        group: "Publish",
        run: ({ page }) => page.togglePanel(KEPT_PANEL),
      },
      {
        id: "artefact.open",
        title: "Open a published notebook",
        keys: [],
        when: "always",
        group: "Publish",
        run: ({ page }) => page.openArtefact(),
      },
    ]),
  ],
};
