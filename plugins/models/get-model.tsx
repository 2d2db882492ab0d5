/** The form that gets a model by whatever names it. */
import { Show, createSignal, createUniqueId, type JSX } from "solid-js";
import { sentenceOf } from "./words.ts";

export function GetModel(props: { readonly onGet: (source: string) => void }): JSX.Element {
  const id = createUniqueId();
  const [wrong, setWrong] = createSignal("");
  let field: HTMLInputElement | undefined;
  const get = (event: Event): void => {
    event.preventDefault();
    setWrong("");
    try {
      if (!field || field.value.trim() === "") return field?.focus();
      props.onGet(field.value);
      field.value = "";
    } catch (error) {
      setWrong(sentenceOf(error));
      field?.focus();
    }
  };
  return (
    <form class="models-form" onSubmit={get}>
      <label for={`${id}-source`}>Get a model</label>
      <div class="models-field">
        <input
          ref={(element) => (field = element)}
          id={`${id}-source`}
          class="input"
          inputmode="url"
          spellcheck={false}
          autocomplete="off"
          placeholder="hub:owner/name/model.onnx"
          aria-invalid={wrong() !== ""}
          aria-describedby={`${id}-help`}
        />
        <button type="submit" class="button outlined">
          Download
        </button>
      </div>
      <p id={`${id}-help`} class="quiet">
        An address, a file of the model hub, or a CID (ipfs://…).
      </p>
      <Show when={wrong()}>
        <p class="models-trouble" role="alert">
          {wrong()}
        </p>
      </Show>
    </form>
  );
}
