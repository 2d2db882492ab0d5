/** A running cell asks for a line: a labelled field below its outputs. Enter answers, Escape is end of file. */
import { onCleanup, onMount, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { PageView } from "./view.ts";

export function InputField(props: {
  readonly view: PageView;
  readonly cell: CellId;
  readonly input: { readonly prompt: string; readonly password: boolean };
}): JSX.Element {
  let field: HTMLInputElement | undefined;
  const answer = (value: string | undefined): void =>
    props.view.session.send({ type: "input_reply", cell: props.cell, value });
  onCleanup(() => {
    if (document.activeElement === field) props.view.choose(props.cell, { mode: "command" });
  });
  onMount(() => {
    // Only where the reader is: another cell's question must not take the focus away.
    if (props.view.active() === props.cell || props.view.mode() === "command") field?.focus({ preventScroll: true });
  });
  return (
    <form
      class="ask"
      onSubmit={(event) => {
        event.preventDefault();
        answer(field?.value ?? "");
      }}
    >
      <label>
        <span class="ask-prompt">{props.input.prompt || "The cell asks for a line"}</span>
        <input
          ref={(element) => (field = element)}
          class="input"
          type={props.input.password ? "password" : "text"}
          autocomplete="off"
          spellcheck={false}
          onKeyDown={(event) => {
            event.stopPropagation();
            if (event.key === "Escape") answer(undefined);
          }}
        />
      </label>
      <button type="submit" class="button">
        Answer
      </button>
    </form>
  );
}
