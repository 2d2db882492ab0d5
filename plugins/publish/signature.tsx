/** Who signed an artefact, in words, and the way to remember them under a name of one's own. */
import { Show, createSignal, type JSX } from "solid-js";
import type { ArtefactSummary } from "#core/artefact/messages.ts";
import { fitName } from "#core/mesh/identity.ts";
import { Field } from "#kit/field.tsx";
import { sentenceOf, shortened, signatureWords } from "./words.ts";

export function Signature(props: {
  readonly artefact: ArtefactSummary;
  /** Remembers these keys under a name, or, without one, forgets them. */
  readonly onRemember: (author: string, claimed: string, petname: string | undefined) => Promise<void>;
}): JSX.Element {
  const words = () => signatureWords(props.artefact);
  const stranger = () => props.artefact.signed.find(({ standing }) => standing === "new");
  const known = () => props.artefact.signed.find(({ standing }) => standing === "known");
  const [trouble, setTrouble] = createSignal("");
  let field: HTMLInputElement | undefined;
  const remember = async (event: Event): Promise<void> => {
    event.preventDefault();
    const signer = stranger();
    const name = fitName(field?.value ?? "");
    if (!signer) return;
    if (name === undefined) {
      setTrouble("Give a name by which you know them.");
      field?.focus();
      return;
    }
    try {
      await props.onRemember(signer.author, signer.claimed, name);
      setTrouble("");
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  return (
    <section class={`publish-notice ${words().standing}`} role={words().standing === "alarm" ? "alert" : undefined}>
      <p>
        <strong>{words().text}</strong>
      </p>
      <Show when={stranger()}>
        {(signer) => (
          <details class="publish-fold">
            <summary>Remember who this is</summary>
            <form class="publish-form" onSubmit={(event) => void remember(event)}>
              <Field label="What you call them" problem={trouble()}>
                {(control) => (
                  <input
                    {...control}
                    ref={(element) => (field = element)}
                    dir="auto"
                    maxlength={64}
                    value={signer().claimed}
                  />
                )}
              </Field>
              <p class="quiet">
                Do it once you have asked them, in another way, whether their keys begin and end with{" "}
                <code>{shortened(signer().author)}</code>. From then on you are warned when somebody else uses the name.
              </p>
              <button type="submit" class="button outlined">
                Remember
              </button>
            </form>
          </details>
        )}
      </Show>
      <Show when={known()}>
        {(signer) => (
          <button
            type="button"
            class="button outlined"
            onClick={() => void props.onRemember(signer().author, signer().claimed, undefined)}
          >
            Forget this author
          </button>
        )}
      </Show>
    </section>
  );
}
