/** The facet for panels: a word and an icon in the rail, a view loaded when it is first opened. */
import type { Component } from "solid-js";
import type { Workspace } from "#core/workspace/workspace.ts";
import { Facet } from "#core/plugin/facet.ts";
import type { CommandContext } from "./commands.ts";
import type { IconName } from "./icon.tsx";

/** What a panel is given. */
export interface PanelProps {
  readonly context: CommandContext;
  /** Undefined while it is opening and where files cannot be kept. */
  readonly workspace: Workspace | undefined;
}

export interface Panel {
  readonly id: string;
  readonly title: string;
  readonly icon: IconName;
  /** Beside the notebook, one at a time and gone when closed; or below it, where hiding keeps what it does. */
  readonly place?: "side" | "bottom";
  /** The id of the panel in whose place it is a tab: it has no place of its own in the rail. */
  readonly within?: string;
  /** What there is to look at in it: a small number at its icon, and words for it. None: undefined. Tracks. */
  badge?(context: CommandContext): { readonly count: number; readonly words: string } | undefined;
  load(): Promise<Component<PanelProps>>;
}

/** The panel in which all that is about publishing has its tabs. */
export const PUBLISH_PANEL = "publish";

/** The panel in whose place that one is, and all that share it; the first of them is in the rail. */
export function panelsBeside(id: string, all: readonly Panel[]): readonly Panel[] {
  const lead = all.find((panel) => panel.id === id)?.within ?? id;
  return all.filter((panel) => panel.id === lead || panel.within === lead);
}

/** All panels, in the order of their plugins. */
export const panels = Facet.define<Panel>("panels");
