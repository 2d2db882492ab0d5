/** A field to write a comment in: sent by its button or Mod-Enter, given up by Escape. */
import { createSignal, createUniqueId, onMount, type JSX } from "solid-js";
import { MOST_COMMENT_LENGTH } from "#core/notebook/comments.ts";
import { sentenceOf } from "./words.ts";

export function CommentForm(props: {
  readonly label: string;
  /** What is in it at first. */
  readonly text: string;
  readonly send: string;
  /** Rejects with a sentence; what was written stays then. */
  readonly onSend: (text: string) => Promise<void>;
  readonly onCancel: () => void;
  readonly onInput?: (text: string) => void;
}): JSX.Element {
  const id = createUniqueId();
  let field: HTMLTextAreaElement | undefined;
  const [text, setText] = createSignal(props.text);
  const [trouble, setTrouble] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  onMount(() => {
    field?.focus();
    field?.setSelectionRange(field.value.length, field.value.length);
    grow();
  });
  /** As high as its text, within what the style allows. */
  const grow = (): void => {
    if (!field) return;
    field.style.blockSize = "auto";
    field.style.blockSize = `${field.scrollHeight + 2}px`;
  };
  const send = async (): Promise<void> => {
    if (busy()) return;
    if (text().trim() === "") {
      setTrouble("There is nothing in this comment yet.");
      field?.focus();
      return;
    }
    setBusy(true);
    setTrouble("");
    try {
      await props.onSend(text());
    } catch (error) {
      setTrouble(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void send();
    } else if (event.key === "Escape") {
      // It closes this, not the panel around it.
      event.preventDefault();
      props.onCancel();
    }
  };
  return (
    <form
      class="comment-form"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <label for={id} class="visually-hidden">
        {props.label}
      </label>
      <textarea
        ref={(element) => (field = element)}
        id={id}
        class="input"
        rows={2}
        dir="auto"
        placeholder={props.label}
        maxlength={MOST_COMMENT_LENGTH}
        value={text()}
        aria-describedby={trouble() === "" ? undefined : `${id}-trouble`}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setTrouble("");
          props.onInput?.(event.currentTarget.value);
          grow();
        }}
        onKeyDown={onKeyDown}
      />
      <p id={`${id}-trouble`} class="comment-trouble" role="alert">
        {trouble()}
      </p>
      <div class="comment-row">
        <button type="submit" class="button primary" aria-disabled={busy()}>
          {props.send}
        </button>
        <button type="button" class="button" onClick={() => props.onCancel()}>
          Cancel
        </button>
      </div>
    </form>
  );
}
