/** What is in a panel, loaded when it is first shown; with tabs where several panels share a place. */
import { Show, createEffect, createSignal, on, type Component, type JSX } from "solid-js";
import { Dynamic } from "solid-js/web";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { CommandContext } from "#kit/commands.ts";
import type { Panel, PanelProps } from "#kit/panels.ts";
import { Tabs } from "#kit/tabs.tsx";
import { loadFailure } from "./load-failure.ts";

export function PanelContent(props: {
  readonly panel: Panel;
  /** Those in the same place, it among them. */
  readonly tabs: readonly Panel[];
  readonly label: string;
  readonly context: CommandContext;
  readonly workspace: Workspace | undefined;
  readonly onChoose: (id: string) => void;
}): JSX.Element {
  const [content, setContent] = createSignal<Component<PanelProps>>();
  const [failure, setFailure] = createSignal("");
  createEffect(
    on(
      () => props.panel,
      (panel) => {
        setContent(undefined);
        setFailure("");
        const isShown = (): boolean => props.panel === panel;
        panel.load().then(
          (component) => isShown() && setContent(() => component),
          (error: unknown) => isShown() && setFailure(loadFailure(error)),
        );
      },
    ),
  );
  const body = (): JSX.Element => (
    <>
      <Show when={failure()}>
        <p class="quiet">{failure()}</p>
      </Show>
      <Dynamic component={content()} context={props.context} workspace={props.workspace} />
    </>
  );
  return (
    <Show when={props.tabs.length > 1} fallback={<div class="panel-body">{body()}</div>}>
      <Tabs
        label={props.label}
        tabs={props.tabs}
        chosen={props.panel.id}
        onChoose={(id) => props.onChoose(id)}
        class="panel-body"
      >
        {body()}
      </Tabs>
    </Show>
  );
}
