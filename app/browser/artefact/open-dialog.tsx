/** Asks which published notebook to open: by any address that people hand on, or from a .car file. */
import { createSignal, onMount, type JSX } from "solid-js";
import { type ArtefactAddress, readAddress } from "#core/artefact/address.ts";
import { Dialog } from "#kit/dialog.tsx";
import { Field } from "#kit/field.tsx";
import { pickFiles } from "../library/import-files.ts";
import "#plugins/publish/publish.css";
import "./artefact.css";

export function OpenArtefactDialog(props: {
  readonly onOpen: (address: ArtefactAddress) => void;
  readonly onFile: (file: File) => void;
  readonly onClose: () => void;
}): JSX.Element {
  const [wrong, setWrong] = createSignal(false);
  let field: HTMLInputElement | undefined;
  onMount(() => field?.focus());
  const open = (event: Event): void => {
    event.preventDefault();
    const address = readAddress(field?.value ?? "");
    setWrong(address === undefined);
    if (address) props.onOpen(address);
    else field?.focus();
  };
  const pick = async (): Promise<void> => {
    const [file] = await pickFiles(".car");
    if (file) props.onFile(file);
  };
  return (
    <Dialog label="Open a published notebook" class="open-artefact" onClose={props.onClose}>
      <h2>Open a published notebook</h2>
      <form class="form-column" onSubmit={open}>
        <Field
          label="Its address"
          hint="A CID, a link of Kroma or of a gateway, ipfs://… Nothing of it runs before you have seen who signed it."
          problem={
            wrong() ? "This names no published notebook. A CID begins with “baf”; a link has one in it." : undefined
          }
        >
          {(control) => (
            <input
              {...control}
              ref={(element) => (field = element)}
              spellcheck={false}
              autocomplete="off"
              placeholder="baf… or a link"
            />
          )}
        </Field>
        <div class="form-row">
          <button type="submit" class="button primary">
            Look at it
          </button>
          <button type="button" class="button outlined" onClick={() => void pick()}>
            From a .car file
          </button>
          <button type="button" class="button" onClick={() => props.onClose()}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
