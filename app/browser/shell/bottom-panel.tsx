/** A panel below the cells, with a height one can change. Hidden it keeps what it does; the focus goes back to the cells. */
import { Show, createEffect, createSignal, type Component, type JSX } from "solid-js";
import { Dynamic } from "solid-js/web";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { CommandContext } from "#kit/commands.ts";
import type { Panel, PanelProps } from "#kit/panels.ts";
import { loadFailure } from "./load-failure.ts";

/** Height in per cent of the window. */
const [LEAST, USUAL, MOST, STEP] = [15, 40, 85, 5] as const;

export function BottomPanel(props: {
  readonly panel: Panel;
  readonly open: boolean;
  readonly context: CommandContext;
  readonly workspace: Workspace | undefined;
  /** The panel had the focus and was hidden. */
  readonly onLeave: () => void;
}): JSX.Element {
  const [content, setContent] = createSignal<Component<PanelProps>>();
  const [failure, setFailure] = createSignal("");
  const [height, setHeight] = createSignal<number>(USUAL);
  let section: HTMLElement | undefined;
  props.panel.load().then(
    (component) => setContent(() => component),
    (error: unknown) => setFailure(loadFailure(error)),
  );
  const limit = (percent: number): number => Math.min(MOST, Math.max(LEAST, Math.round(percent)));
  createEffect(() => {
    if (!props.open && section?.contains(document.activeElement)) props.onLeave();
  });
  const onDrag = (event: PointerEvent & { readonly currentTarget: HTMLElement }): void => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const bottom = section?.getBoundingClientRect().bottom ?? innerHeight;
    setHeight(limit(((bottom - event.clientY) / innerHeight) * 100));
  };
  return (
    <section
      ref={(element) => (section = element)}
      class="bottom-panel"
      aria-label={props.panel.title}
      hidden={!props.open}
      style={{ "block-size": `${height()}dvh` }}
      data-own-keys
    >
      <div
        class="bottom-panel-edge"
        role="separator"
        tabIndex={0}
        aria-label={`Height of the ${props.panel.title.toLowerCase()} panel`}
        aria-orientation="horizontal"
        aria-valuenow={height()}
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        onPointerDown={(event) => {
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={onDrag}
        onKeyDown={(event) => {
          const by = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          setHeight((percent) => limit(percent + by));
        }}
      />
      <Show when={failure()}>
        <p class="quiet">{failure()}</p>
      </Show>
      <div class="bottom-panel-body">
        <Dynamic component={content()} context={props.context} workspace={props.workspace} />
      </div>
    </section>
  );
}
