/** The form that gets a model by whatever names it. */
import type { JSX } from "solid-js";
import { FieldForm } from "./field-form.tsx";

export function GetModel(props: { readonly onGet: (source: string) => void }): JSX.Element {
  return (
    <FieldForm
      label="Get a model"
      help="An address, a file of the model hub, or a CID (ipfs://…)."
      button="Download"
      field={{ inputmode: "url", placeholder: "hub:owner/name/model.onnx" }}
      onGiven={(source) => props.onGet(source)}
    />
  );
}
