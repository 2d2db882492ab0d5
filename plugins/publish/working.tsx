/** Something long: what is done, how far it is, how long it may still take, and the way to stop it. */
import { Show, createMemo, onMount, type JSX } from "solid-js";
import type { Told } from "#core/artefact/client.ts";
import { fileSize } from "#kit/file-size.ts";

export function Working(props: {
  /** "Publishing", "Fetching". */
  readonly what: string;
  readonly told: Told;
  /** Known from elsewhere, when those who tell do not know. */
  readonly total?: number;
  readonly onCancel: () => void;
}): JSX.Element {
  const started = performance.now();
  let stop: HTMLButtonElement | undefined;
  onMount(() => stop?.focus({ preventScroll: true }));
  const total = (): number | undefined => props.told.total ?? props.total;
  const left = createMemo(() => {
    const { bytes } = props.told;
    const whole = total();
    const seconds = (performance.now() - started) / 1000;
    if (whole === undefined || bytes === 0 || seconds < 2) return "";
    const rest = ((whole - bytes) / bytes) * seconds;
    if (rest < 3) return "nearly done";
    return rest < 90 ? `about ${Math.ceil(rest)} s left` : `about ${Math.ceil(rest / 60)} min left`;
  });
  return (
    <section class="publish-working" aria-label={props.what}>
      <p>
        <strong>{props.what} …</strong>
      </p>
      <progress
        aria-label={props.what}
        {...(total() === undefined ? {} : { max: total(), value: Math.min(props.told.bytes, total() ?? 0) })}
      />
      <p class="quiet" aria-live="off">
        {fileSize(props.told.bytes)}
        <Show when={total()}>{(whole) => ` of ${fileSize(whole())}`}</Show>
        <Show when={left()}> · {left()}</Show>
        <Show when={props.told.path}> · {props.told.path}</Show>
      </p>
      <button
        ref={(element) => (stop = element)}
        type="button"
        class="button outlined"
        onClick={() => props.onCancel()}
      >
        Cancel
      </button>
      <p class="quiet">What is done so far is kept and need not be done again.</p>
    </section>
  );
}
