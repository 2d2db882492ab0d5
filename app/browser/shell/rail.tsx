/** The rail at the edge (a bar at the bottom of a narrow page) and the panel that it opens. */
import { For, Show, createMemo, onCleanup, type JSX } from "solid-js";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { CommandContext } from "#kit/commands.ts";
import { Icon } from "#kit/icon.tsx";
import { type Panel, panelsBeside } from "#kit/panels.ts";
import { PanelContent } from "./panel-content.tsx";

export function Rail(props: {
  readonly panels: readonly Panel[];
  readonly context: CommandContext;
  /** Those that are open: at most one at the side and one below. */
  readonly open: readonly (string | undefined)[];
  readonly onToggle: (id: string) => void;
  readonly onLibrary: () => void;
}): JSX.Element {
  return (
    <nav class="rail" aria-label="Panels">
      <button type="button" class="rail-button" aria-label="Library" title="Library" onClick={() => props.onLibrary()}>
        <Icon name="library" />
        <span>Library</span>
      </button>
      <For each={props.panels.filter(({ within }) => within === undefined)}>
        {(panel) => {
          /** The one that is open in its place: itself, or a tab beside it. */
          const open = createMemo(() => panelsBeside(panel.id, props.panels).find(({ id }) => props.open.includes(id)));
          const badge = createMemo(() => panel.badge?.(props.context));
          const name = (): string => [panel.title, ...(badge() ? [badge()?.words] : [])].join(", ");
          return (
            <button
              type="button"
              class="rail-button"
              aria-label={name()}
              title={name()}
              aria-pressed={open() !== undefined}
              onClick={() => props.onToggle((open() ?? panel).id)}
            >
              <Icon name={panel.icon} />
              <span>{panel.title}</span>
              <Show when={badge()}>
                {(there) => <i class="rail-badge" data-count={there().count > 99 ? "99+" : there().count} />}
              </Show>
            </button>
          );
        }}
      </For>
    </nav>
  );
}

export function SidePanel(props: {
  /** Those in its place; the first gives it its name. */
  readonly tabs: readonly [Panel, ...Panel[]];
  readonly panel: Panel;
  readonly context: CommandContext;
  readonly workspace: Workspace | undefined;
  readonly onChoose: (id: string) => void;
  readonly onClose: () => void;
  /** It goes while it has the focus. */
  readonly onLeave: () => void;
}): JSX.Element {
  let panel: HTMLElement | undefined;
  const { title } = props.tabs[0];
  onCleanup(() => {
    if (panel?.contains(document.activeElement)) props.onLeave();
  });
  return (
    <aside
      ref={(element) => (panel = element)}
      class="panel"
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) props.onClose();
      }}
    >
      <header class="panel-header">
        <h2>{title}</h2>
        <button
          type="button"
          class="button icon-only"
          aria-label={`Close ${title.toLowerCase()}`}
          onClick={() => props.onClose()}
        >
          <Icon name="close" />
        </button>
      </header>
      <PanelContent
        panel={props.panel}
        tabs={props.tabs}
        label={title}
        context={props.context}
        workspace={props.workspace}
        onChoose={props.onChoose}
      />
    </aside>
  );
}
