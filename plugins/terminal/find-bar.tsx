/** Find in the terminal in front: Enter finds upwards from the last line, as one looks for something that went by. */
import { createSignal, onMount, type JSX } from "solid-js";
import { Icon } from "#kit/icon.tsx";

export function FindBar(props: {
  readonly onFind: (text: string, direction: "next" | "previous") => boolean;
  readonly onClose: () => void;
}): JSX.Element {
  const [found, setFound] = createSignal(true);
  let field: HTMLInputElement | undefined;
  const find = (direction: "next" | "previous"): void => void setFound(props.onFind(field?.value ?? "", direction));
  const close = (): void => {
    props.onFind("", "next");
    props.onClose();
  };
  onMount(() => field?.focus());
  return (
    <div class="terminal-find" role="search">
      <input
        ref={(element) => (field = element)}
        class="input"
        type="text"
        aria-label="Find in the terminal"
        placeholder="Find"
        spellcheck={false}
        onInput={() => find("previous")}
        onKeyDown={(event) => {
          if (event.key === "Enter") find(event.shiftKey ? "next" : "previous");
          else if (event.key === "Escape") close();
          else return;
          event.preventDefault();
          event.stopPropagation();
        }}
      />
      <span class="quiet" aria-live="polite">
        {found() ? "" : "nothing"}
      </span>
      <button type="button" class="button icon-only" aria-label="Previous match" onClick={() => find("previous")}>
        <Icon name="up" />
      </button>
      <button type="button" class="button icon-only" aria-label="Next match" onClick={() => find("next")}>
        <Icon name="down" />
      </button>
      <button type="button" class="button icon-only" aria-label="Close find" onClick={close}>
        <Icon name="close" />
      </button>
    </div>
  );
}
