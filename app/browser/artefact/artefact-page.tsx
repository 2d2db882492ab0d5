/**
 * The page of a published notebook, before anything of it is opened: what it says of itself, who signed it, what it would
 * do; and the ways on: open it as it is, fork it, pin it, take it as a file. All of it has been checked, and nothing of it runs.
 */
import { For, Match, Show, Switch, createSignal, onCleanup, onMount, type JSX } from "solid-js";
import type { ArtefactAddress } from "#core/artefact/address.ts";
import type { Told } from "#core/artefact/client.ts";
import { UNSTATED_LICENCE } from "#core/artefact/licence.ts";
import type { ArtefactSummary, Hints } from "#core/artefact/messages.ts";
import { WORKSPACE_FOLDER } from "#core/artefact/places.ts";
import { KromaError } from "#core/base/errors.ts";
import type { PageActions } from "#kit/commands.ts";
import { Field } from "#kit/field.tsx";
import { fileSize } from "#kit/file-size.ts";
import { Signature } from "#plugins/publish/signature.tsx";
import { Working } from "#plugins/publish/working.tsx";
import { countWords, hostOf, powerWords, sentenceOf, shortened } from "#plugins/publish/words.ts";
import "#plugins/publish/publish.css";
import "./artefact.css";

export interface ArtefactPageProps {
  readonly address: ArtefactAddress;
  readonly page: Pick<PageActions, "artefacts" | "toast" | "announce" | "download" | "goToLibrary">;
  /** All of it is here: make a notebook of it. Rejects with a sentence. */
  readonly onOpen: (artefact: ArtefactSummary, isFork: boolean) => Promise<void>;
}

export function ArtefactPage(props: ArtefactPageProps): JSX.Element {
  const client = () => props.page.artefacts.client();
  const [artefact, setArtefact] = createSignal<ArtefactSummary>();
  const [trouble, setTrouble] = createSignal<string>();
  const [sources, setSources] = createSignal<readonly string[]>(props.address.from);
  const [stop, setStop] = createSignal<AbortController>();
  let main: HTMLElement | undefined;
  const hints = (): Hints => ({
    from: sources(),
    ...(props.address.envelope === undefined ? {} : { envelope: props.address.envelope }),
  });
  const look = async (): Promise<void> => {
    setTrouble(undefined);
    const stopping = new AbortController();
    setStop(stopping);
    try {
      const known = await props.page.artefacts.sources();
      setSources((before) => [...new Set([...before, ...known])]);
      const found = await client().open(props.address.cid, hints(), { signal: stopping.signal });
      setArtefact(found);
      document.title = `${found.title} · Kroma`;
    } catch (error) {
      setTrouble(troubleWords(error, stopping.signal.aborted, sources()));
    } finally {
      setStop(undefined);
    }
  };
  document.title = "Published notebook · Kroma";
  onMount(() => {
    main?.focus({ preventScroll: true });
    void look();
  });
  onCleanup(() => stop()?.abort());
  return (
    <main ref={(element) => (main = element)} class="artefact publish form-column" tabindex="-1">
      <Switch>
        <Match when={artefact()}>
          {(found) => <Found {...props} artefact={found()} hints={hints()} onChanged={() => void look()} />}
        </Match>
        <Match when={trouble()}>
          {(text) => (
            <>
              <h1>This can't be shown</h1>
              <p role="alert">{text()}</p>
              <p class="quiet">Nothing of it was opened; your own notebooks are as they were.</p>
              <AskElsewhere
                onAsk={(address) => {
                  setSources((before) => [address, ...before]);
                  void look();
                }}
              />
              <div class="form-row">
                <button type="button" class="button primary" onClick={() => void look()}>
                  Try again
                </button>
                <button type="button" class="button outlined" onClick={() => props.page.goToLibrary()}>
                  Go to the library
                </button>
              </div>
            </>
          )}
        </Match>
        <Match when={true}>
          <h1>Looking for it …</h1>
          <p role="status">
            In this browser first{sources().length === 0 ? "" : `, then at ${sources().map(hostOf).join(", ")}`}.
          </p>
          <p class="quiet">
            <code>{shortened(props.address.cid)}</code>
          </p>
          <button type="button" class="button outlined" onClick={() => stop()?.abort()}>
            Stop
          </button>
        </Match>
      </Switch>
    </main>
  );
}

function Found(
  props: ArtefactPageProps & {
    readonly artefact: ArtefactSummary;
    readonly hints: Hints;
    readonly onChanged: () => void;
  },
): JSX.Element {
  const client = () => props.page.artefacts.client();
  const [stop, setStop] = createSignal<AbortController>();
  const [told, setTold] = createSignal<Told>({ bytes: 0 });
  const [trouble, setTrouble] = createSignal("");
  const size = (): number => props.artefact.files.reduce((sum, file) => sum + file.size, 0);
  const own = () => props.artefact.files.filter(({ path }) => path.startsWith(WORKSPACE_FOLDER));
  const isNotebook = (): boolean => props.artefact.kind === "notebook";
  onCleanup(() => stop()?.abort());

  /** Does something for which all of it has to be here, or what opening it needs: a copy of Kroma in it is not fetched for that. */
  const withAll = async (work: () => Promise<void>, what: "all" | "to open" = "all"): Promise<void> => {
    if (stop()) return;
    const stopping = new AbortController();
    setTrouble("");
    setTold({ bytes: 0 });
    setStop(stopping);
    try {
      // Asked for by the root, so that a later visit by another of its names finds it whole too.
      const isMore = what === "all" && props.artefact.runtimeBytes !== undefined;
      if (!props.artefact.isHere || isMore) {
        await client().fetch(props.artefact.root, props.hints, { signal: stopping.signal, progress: setTold, what });
        props.page.announce("All of it is here.");
      }
      await work();
    } catch (error) {
      setTrouble(
        stopping.signal.aborted ? "Stopped. What came so far is kept and is not fetched again." : sentenceOf(error),
      );
    } finally {
      setStop(undefined);
    }
  };
  const pin = (): Promise<void> =>
    withAll(async () => {
      await client().pin(props.artefact.root);
      await props.page.artefacts.storage();
      props.page.toast("It is pinned in this browser, and opens without a network from now on.");
      props.onChanged();
    });
  const download = (): Promise<void> =>
    withAll(async () => {
      const file = await client().exportCar(props.artefact.root);
      props.page.download(`${props.artefact.name}-${props.artefact.version}.car`, file, "application/vnd.ipld.car");
    });
  const remember = async (author: string, claimed: string, petname: string | undefined): Promise<void> => {
    await client().remember(author, claimed, petname);
    props.onChanged();
  };
  return (
    <>
      <header>
        <p class="artefact-kind quiet">
          Published {props.artefact.kind}
          <button type="button" class="button" onClick={() => props.page.goToLibrary()}>
            Library
          </button>
        </p>
        <h1 dir="auto">{props.artefact.title}</h1>
        <p dir="auto">
          <bdi>{props.artefact.authors.map(({ name }) => name).join(", ")}</bdi>
          <span class="quiet">
            {props.artefact.authors.length === 0 ? "Version" : " · version"} {props.artefact.version}
          </span>
        </p>
      </header>
      <Signature artefact={props.artefact} onRemember={remember} />
      <Show
        when={stop()}
        fallback={
          <div class="form-row">
            <Show
              when={isNotebook()}
              fallback={
                <Show
                  when={props.artefact.kind === "model"}
                  fallback={<p>This Kroma does not open this kind yet. It can pin it and hand it on.</p>}
                >
                  <p>
                    Cells load it by its name: <code>kroma.ml.load("ipfs://{props.artefact.root}")</code>
                  </p>
                </Show>
              }
            >
              <button
                type="button"
                class="button primary"
                onClick={() => void withAll(() => props.onOpen(props.artefact, false), "to open")}
              >
                Open
              </button>
              <button
                type="button"
                class="button outlined"
                title="Make a notebook of your own of it, that knows what it comes from"
                onClick={() => void withAll(() => props.onOpen(props.artefact, true), "to open")}
              >
                Fork
              </button>
            </Show>
            <Show when={!props.artefact.isPinned}>
              <button type="button" class="button outlined" onClick={() => void pin()}>
                Pin
              </button>
            </Show>
            <button type="button" class="button outlined" onClick={() => void download()}>
              Download .car
            </button>
            <Show when={props.artefact.isPinned}>
              <span class="artefact-pinned quiet">Pinned in this browser</span>
            </Show>
          </div>
        }
      >
        {(stopping) => (
          <Working
            what={props.artefact.isHere ? "Opening" : "Fetching"}
            told={told()}
            total={size()}
            onCancel={() => stopping().abort()}
          />
        )}
      </Show>
      <p class="form-problem" role="alert">
        {trouble()}
      </p>
      <section aria-labelledby="artefact-powers">
        <h2 id="artefact-powers">What it would do</h2>
        <ul class="artefact-powers">
          <For each={powerWords(props.artefact)}>{(sentence) => <li>{sentence}</li>}</For>
        </ul>
      </section>
      <section aria-labelledby="artefact-facts">
        <h2 id="artefact-facts">What it is</h2>
        <dl class="artefact-facts">
          <dt>Size</dt>
          <dd>
            {fileSize(size())} in {countWords(props.artefact.files.length, "file")}
            {props.artefact.isHere ? ", all in this browser" : ", not yet all here"}
            <Show when={props.artefact.runtimeBytes}>
              {(bytes) => `; and a copy of Kroma, ${fileSize(bytes())}, which is fetched only to be kept or handed on`}
            </Show>
          </dd>
          <dt>Licence</dt>
          <dd>{props.artefact.licence === UNSTATED_LICENCE ? "None stated" : props.artefact.licence}</dd>
          <dt>Name</dt>
          <dd>
            <code>{props.artefact.root}</code>
            <span class="quiet"> All that is shown here was checked against it.</span>
          </dd>
          <Show when={props.artefact.parents.length > 0}>
            <dt>Comes from</dt>
            <dd>
              <For each={props.artefact.parents}>
                {(cid) => (
                  <a href={props.page.artefacts.link({ cid, from: props.address.from })}>
                    <code>{shortened(cid)}</code>
                  </a>
                )}
              </For>
            </dd>
          </Show>
        </dl>
        <Show when={own().length > 0}>
          <details class="publish-fold">
            <summary>Files that come with it: {own().length}</summary>
            <ul class="publish-list">
              <For each={own().slice(0, MOST_SHOWN)}>
                {({ path, size: bytes }) => (
                  <li>
                    {path.slice(WORKSPACE_FOLDER.length)} <span class="quiet">{fileSize(bytes)}</span>
                  </li>
                )}
              </For>
            </ul>
            <Show when={own().length > MOST_SHOWN}>
              <p class="quiet">and {own().length - MOST_SHOWN} more</p>
            </Show>
          </details>
        </Show>
      </section>
    </>
  );
}

/** Another address to be asked, for this one time. */
function AskElsewhere(props: { readonly onAsk: (address: string) => void }): JSX.Element {
  const [wrong, setWrong] = createSignal(false);
  let field: HTMLInputElement | undefined;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const url = URL.parse(field?.value.trim() ?? "");
        const isFit = url !== null && /^https?:$/.test(url.protocol);
        setWrong(!isFit);
        if (isFit) props.onAsk(url.href);
      }}
    >
      <Field
        label="Ask another gateway or mirror"
        problem={wrong() ? "An address begins with https:// or http://." : undefined}
        hint="It need not be trusted: every block that it sends is checked. Settings keep a list."
      >
        {(control) => (
          <div class="copy-row">
            <input
              {...control}
              ref={(element) => (field = element)}
              inputmode="url"
              spellcheck={false}
              placeholder="https://…"
            />
            <button type="submit" class="button outlined">
              Ask
            </button>
          </div>
        )}
      </Field>
    </form>
  );
}

const MOST_SHOWN = 100;

/** What went wrong, and what can be done about it. */
function troubleWords(error: unknown, isStopped: boolean, sources: readonly string[]): string {
  if (isStopped) return "You stopped looking for it.";
  if (error instanceof KromaError && error.code === "missing")
    return sources.length === 0
      ? "It is not in this browser, and there is nobody to ask for it. Open its .car file, or name a gateway or mirror that has it."
      : `It is not in this browser, and neither ${sources.map(hostOf).join(" nor ")} has all of it. Whoever published it may not be there; open its .car file, or name somebody else who has it.`;
  return sentenceOf(error);
}
