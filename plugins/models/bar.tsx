/** How far something is, as a bar; one that tells no end while nobody knows it. */
import { Show, type JSX } from "solid-js";

export function Bar(props: {
  readonly label: string;
  readonly bytes: number;
  readonly total: number | undefined;
}): JSX.Element {
  return (
    <Show when={props.total} fallback={<progress aria-label={props.label} />}>
      {(total) => <progress aria-label={props.label} max={total()} value={props.bytes} />}
    </Show>
  );
}
