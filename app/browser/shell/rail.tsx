/** The rail at the edge (a bar at the bottom of a narrow page) and the panel that it opens. */
import { For, Show, createMemo, createSignal, onCleanup, type Component, type JSX } from "solid-js";
import { Dynamic } from "solid-js/web";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { CommandContext } from "#kit/commands.ts";
import { Icon } from "#kit/icon.tsx";
import type { Panel, PanelProps } from "#kit/panels.ts";

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
      <For each={props.panels}>
        {(panel) => {
          const badge = createMemo(() => panel.badge?.(props.context));
          const name = (): string => [panel.title, ...(badge() ? [badge()?.words] : [])].join(", ");
          return (
            <button
              type="button"
              class="rail-button"
              aria-label={name()}
              title={name()}
              aria-pressed={props.open.includes(panel.id)}
              onClick={() => props.onToggle(panel.id)}
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
  readonly panel: Panel;
  readonly context: CommandContext;
  readonly workspace: Workspace | undefined;
  readonly onClose: () => void;
  /** It goes while it has the focus. */
  readonly onLeave: () => void;
}): JSX.Element {
  let panel: HTMLElement | undefined;
  onCleanup(() => {
    if (panel?.contains(document.activeElement)) props.onLeave();
  });
  const [content, setContent] = createSignal<Component<PanelProps>>();
  const [failure, setFailure] = createSignal("");
  props.panel.load().then(
    (component) => setContent(() => component),
    (error: unknown) => setFailure(error instanceof Error ? error.message : String(error)),
  );
  return (
    <aside
      ref={(element) => (panel = element)}
      class="panel"
      aria-label={props.panel.title}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) props.onClose();
      }}
    >
      <header class="panel-header">
        <h2>{props.panel.title}</h2>
        <button
          type="button"
          class="button icon-only"
          aria-label={`Close ${props.panel.title.toLowerCase()}`}
          onClick={() => props.onClose()}
        >
          <Icon name="close" />
        </button>
      </header>
      <div class="panel-body">
        <Show when={failure()}>
          <p class="quiet">This panel could not be loaded: {failure()}</p>
        </Show>
        <Dynamic component={content()} context={props.context} workspace={props.workspace} />
      </div>
    </aside>
  );
}
