/** A name that is being changed in its place: Enter or leaving keeps what stands there, Escape the old one. */
import type { JSX } from "solid-js";

/** Has the focus at once, with the name chosen, or what of it stands before the ending of a file. */
export function RenameField(props: {
  readonly label: string;
  readonly class: string;
  readonly value: string;
  readonly isFile?: boolean;
  /** Once; `name` is undefined when it stays as it was, `byKey` tells whether the focus wants a new place. */
  readonly onDone: (name: string | undefined, byKey: boolean) => void;
}): JSX.Element {
  let byKey = false;
  return (
    <input
      class={`input ${props.class}`}
      aria-label={props.label}
      value={props.value}
      spellcheck={false}
      dir="auto"
      ref={(element) =>
        queueMicrotask(() => {
          element.focus();
          const dot = props.isFile ? element.value.lastIndexOf(".") : 0;
          element.setSelectionRange(0, dot > 0 ? dot : element.value.length);
        })
      }
      onBlur={(event) => {
        const name = event.currentTarget.value.trim();
        props.onDone(name === "" || name === props.value ? undefined : name, byKey);
      }}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
        // Or Enter would also press what has the focus by the time the browser comes to its character.
        event.preventDefault();
        if (event.key === "Escape") event.currentTarget.value = props.value;
        byKey = true;
        event.currentTarget.blur();
      }}
    />
  );
}
