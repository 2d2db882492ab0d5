/** A text to be handed to somebody: it can be read, chosen, and copied with one press. */
import { Show, createSignal, createUniqueId, type JSX } from "solid-js";
import { Icon } from "./icon.tsx";

export function CopyField(props: {
  readonly label: string;
  readonly text: string;
  /** Several lines high. */
  readonly tall?: boolean;
  /** What is said once it is copied. */
  readonly copied: string;
}): JSX.Element {
  const id = createUniqueId();
  const [told, setTold] = createSignal("");
  let field: HTMLInputElement | HTMLTextAreaElement | undefined;
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(props.text);
      setTold(props.copied);
    } catch {
      // The browser says no, or the page is not in front: the person can still do it.
      field?.focus();
      field?.select();
      setTold("This browser did not allow copying. The text is selected: copy it with the keys or the menu.");
    }
  };
  const choose = (): void => field?.select();
  return (
    <div class="copy-field">
      <label for={id}>{props.label}</label>
      <div class="copy-row">
        <Show
          when={props.tall}
          fallback={
            <input
              ref={(element) => (field = element)}
              id={id}
              class="input"
              readonly
              spellcheck={false}
              value={props.text}
              onFocus={choose}
            />
          }
        >
          <textarea
            ref={(element) => (field = element)}
            id={id}
            class="input"
            readonly
            spellcheck={false}
            rows={3}
            value={props.text}
            onFocus={choose}
          />
        </Show>
        <button type="button" class="button primary" onClick={() => void copy()}>
          <Icon name={told() === props.copied ? "check" : "copy"} />
          <span>Copy</span>
        </button>
      </div>
      <p class="quiet" role="status">
        {told()}
      </p>
    </div>
  );
}
