/** Publishing a model: what is said of it, how far it has come, and the names by which others load it. */
import { Match, Show, Switch, createSignal, onCleanup, type JSX } from "solid-js";
import type { Publication } from "#core/artefact/messages.ts";
import type { DocumentId } from "#core/base/ids.ts";
import { UNSTATED_LICENCE } from "#core/artefact/licence.ts";
import { fitName } from "#core/mesh/identity.ts";
import type { PageActions } from "#kit/commands.ts";
import { CopyField } from "#kit/copy-field.tsx";
import { Field } from "#kit/field.tsx";
import type { ModelFile, Models } from "#kit/models.ts";
import { Bar } from "./bar.tsx";
import { progressWords, sentenceOf } from "./words.ts";

const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/;

export function PublishModel(props: {
  readonly name: string;
  readonly title: string | undefined;
  readonly licence: string | undefined;
  /** The bytes, when they are wanted. */
  readonly file: (signal: AbortSignal) => Promise<ModelFile>;
  readonly models: Models;
  readonly page: PageActions;
  /** The one that is open; its people can have the model. */
  readonly notebook: DocumentId | undefined;
  readonly onClose: () => void;
}): JSX.Element {
  const [trouble, setTrouble] = createSignal("");
  const [stop, setStop] = createSignal<AbortController>();
  const [told, setTold] = createSignal<{ readonly bytes: number; readonly total: number | undefined }>();
  const [published, setPublished] = createSignal<Publication>();
  const [title, setTitle] = createSignal(props.title ?? props.name.replace(/\.[^.]+$/, ""));
  const [authors, setAuthors] = createSignal(props.page.network.name());
  const [licence, setLicence] = createSignal(props.licence ?? "");
  const [version, setVersion] = createSignal("1.0.0");
  onCleanup(() => stop()?.abort());
  const publish = async (event: Event): Promise<void> => {
    event.preventDefault();
    const names = authors()
      .split(",")
      .flatMap((name) => fitName(name) ?? []);
    const [signAs] = names;
    if (title().trim() === "") return void setTrouble("Give it a title.");
    if (signAs === undefined) return void setTrouble("Say who publishes it: the signature is yours.");
    if (!VERSION.test(version())) return void setTrouble("A version is something like 1.0.0: digits, letters, dots.");
    if (props.page.network.name() === "") props.page.network.setName(signAs);
    const stopping = new AbortController();
    setTrouble("");
    setTold({ bytes: 0, total: undefined });
    setStop(stopping);
    try {
      const said = {
        title: title().trim(),
        version: version(),
        licence: licence().trim() || UNSTATED_LICENCE,
        authors: names.map((name) => ({ name })),
        signAs: props.page.network.name() || signAs,
      };
      const work = { signal: stopping.signal, progress: setTold, notebook: props.notebook };
      setPublished(await props.models.publish(await props.file(stopping.signal), said, work));
      props.page.announce(`Published: ${said.title}, version ${said.version}`);
    } catch (error) {
      setTrouble(stopping.signal.aborted ? "Stopped. Nothing was published." : sentenceOf(error));
    } finally {
      setStop(undefined);
    }
  };
  return (
    <Switch>
      <Match when={published()}>{(publication) => <Names publication={publication()} {...props} />}</Match>
      <Match when={true}>
        <form class="models-form models-publish" onSubmit={(event) => void publish(event)}>
          <p>
            A published model never changes and is signed by you. Whoever has its CID can load it. Publish what is
            yours, or what its licence lets you pass on.
          </p>
          <TextField label="Title" value={title()} onInput={setTitle} />
          <TextField label="Authors" value={authors()} onInput={setAuthors} />
          <TextField label="Licence" value={licence()} onInput={setLicence} placeholder="MIT, Apache-2.0 …" />
          <TextField label="Version" value={version()} onInput={setVersion} />
          <Show when={trouble()}>
            <p class="models-trouble" role="alert">
              {trouble()}
            </p>
          </Show>
          <Show when={stop() && told()}>
            {(now) => (
              <>
                <Bar label="Publishing" {...now()} />
                <span class="quiet">{progressWords(now())}</span>
              </>
            )}
          </Show>
          <div class="models-field">
            <Show
              when={stop()}
              fallback={
                <button type="submit" class="button primary">
                  Publish
                </button>
              }
            >
              {(now) => (
                <button type="button" class="button outlined" onClick={() => now().abort()}>
                  Stop
                </button>
              )}
            </Show>
            <button type="button" class="button" onClick={() => props.onClose()}>
              Close
            </button>
          </div>
        </form>
      </Match>
    </Switch>
  );
}

function Names(props: {
  readonly publication: Publication;
  readonly page: PageActions;
  readonly models: Models;
  readonly notebook: DocumentId | undefined;
  readonly onClose: () => void;
}): JSX.Element {
  const link = (): string => {
    const { root, envelope } = props.publication;
    return props.page.artefacts.link({ cid: root, envelope, from: [] });
  };
  const isGiven = (): boolean =>
    props.notebook !== undefined &&
    props.models.givesModels() &&
    props.page.network.sharing(props.notebook) !== undefined;
  return (
    <div class="models-form models-publish" tabindex="-1" ref={(element) => queueMicrotask(() => element.focus())}>
      <p>{props.publication.isKnown === true ? "The same was published before." : "Published."} Cells load it so:</p>
      <CopyField label="Source for kroma.ml.load" text={`ipfs://${props.publication.root}`} copied="It is copied." />
      <CopyField label="Link to its page" text={link()} copied="The link is copied." />
      <p class="quiet">
        {isGiven()
          ? "It is in this browser so far, from where the people of this notebook get it while you have it open."
          : "It is in this browser so far."}{" "}
        Pins has a machine that is always on keep it.
      </p>
      <button type="button" class="button outlined" onClick={() => props.onClose()}>
        Close
      </button>
    </div>
  );
}

function TextField(props: {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly placeholder?: string;
}): JSX.Element {
  return (
    <Field label={props.label}>
      {(control) => (
        <input
          {...control}
          dir="auto"
          autocomplete="off"
          value={props.value}
          placeholder={props.placeholder}
          onInput={(event) => props.onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
}
