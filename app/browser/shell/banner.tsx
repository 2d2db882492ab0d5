/** A calm line at the top that says what is lost or what is different here, and what can be done about it. */
import { Show, type JSX } from "solid-js";
import { Icon } from "#kit/icon.tsx";

export function Banner(props: {
  readonly level: "info" | "warning" | "error";
  readonly text: string;
  readonly action?: { readonly label: string; readonly run: () => void } | undefined;
  readonly onDismiss?: (() => void) | undefined;
  /** A word for it where "dismiss" is not what it does. */
  readonly dismiss?: string;
}): JSX.Element {
  return (
    <div class={`banner ${props.level}`} role={props.level === "error" ? "alert" : "status"}>
      <Show when={props.level !== "info"}>
        <Icon name="warning" />
      </Show>
      <span class="banner-text">{props.text}</span>
      <Show when={props.action}>
        {(action) => (
          <button type="button" class="button" onClick={() => action().run()}>
            {action().label}
          </button>
        )}
      </Show>
      <Show when={props.onDismiss}>
        {(dismiss) => (
          <button
            type="button"
            class={`button${props.dismiss === undefined ? " icon-only" : ""}`}
            aria-label={props.dismiss ?? "Dismiss"}
            onClick={() => dismiss()()}
          >
            {props.dismiss ?? <Icon name="close" />}
          </button>
        )}
      </Show>
    </div>
  );
}
