/** Comments on a notebook as a person meets them: a panel with all threads, and the command that begins one. */
import type { Plugin } from "#core/plugin/facet.ts";
import { COMMENTS_PANEL } from "#kit/comments.ts";
import { commands } from "#kit/commands.ts";
import { panels } from "#kit/panels.ts";

/** Comments on cells and texts. */
export const comments: Plugin = {
  id: "comments",
  provides: [
    panels.of({
      id: COMMENTS_PANEL,
      title: "Comments",
      icon: "comment",
      load: async () => (await import("./panel.tsx")).CommentsPanel,
      badge({ view }) {
        const count = view?.comments.unseen().size ?? 0;
        return count === 0 ? undefined : { count, words: `${count} new` };
      },
    }),
    commands.of([
      {
        id: "comments.add",
        title: "Comment on this cell or the chosen text",
        keys: ["Mod-Alt-m"],
        when: "notebook",
        group: "Comments",
        isEnabled: ({ view }) => view?.comments.refusal() === undefined,
        run: ({ view }) => view?.comments.begin(),
      },
      {
        id: "comments.show",
        title: "Comments",
        keys: [],
        when: "notebook",
        group: "Comments",
        run: ({ page }) => page.togglePanel(COMMENTS_PANEL),
      },
    ]),
  ],
};
