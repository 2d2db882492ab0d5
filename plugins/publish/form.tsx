/** What is to be published: title, authors, licence and version, the files that go along, and what looks like a secret. */
import { For, Show, createEffect, createMemo, createSignal, createUniqueId, on, type JSX } from "solid-js";
import { UNSTATED_LICENCE } from "#core/artefact/licence.ts";
import { notebookParts, type PlacedSuspicion } from "#core/artefact/notebook-parts.ts";
import type { Draft, DraftRuntime, Publication } from "#core/artefact/messages.ts";
import { needsLinux } from "#core/artefact/runtime.ts";
import { fitName } from "#core/mesh/identity.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import { fileSize } from "#kit/file-size.ts";
import { type Candidate, collect, type Content, suspicions } from "./collect.ts";
import { LoadedModels, modelKey } from "./loaded-models.tsx";
import { countWords, sentenceOf } from "./words.ts";

/** SPDX's names of what people choose most; the first says that nothing is allowed yet. */
const LICENCES = [
  [UNSTATED_LICENCE, "None stated: others may read it, no more"],
  ["CC-BY-4.0", "CC BY 4.0: use it, and name me"],
  ["CC-BY-SA-4.0", "CC BY-SA 4.0: the same, under the same terms"],
  ["CC0-1.0", "CC0: use it as you like"],
  ["MIT", "MIT: code, use it, and name me"],
  ["Apache-2.0", "Apache 2.0: code, and patents too"],
] as const;
const OTHER = "other";
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/;

export function PublishForm(props: {
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly workspace: Workspace | undefined;
  readonly last: Publication | undefined;
  readonly onPublish: (draft: Draft) => void;
}): JSX.Element {
  const network = () => props.page.network;
  const id = createUniqueId();
  const [title, setTitle] = createSignal(props.view.client.notebook.title);
  const [authors, setAuthors] = createSignal(network().name());
  const [licence, setLicence] = createSignal<string>(LICENCES[0][0]);
  const [other, setOther] = createSignal("");
  const [version, setVersion] = createSignal("1.0.0");
  const [content, setContent] = createSignal<Content>();
  const [chosen, setChosen] = createSignal<ReadonlySet<string>>(new Set());
  /** Models that do not go along. */
  const [left, setLeft] = createSignal<ReadonlySet<string>>(new Set());
  const [found, setFound] = createSignal<readonly PlacedSuspicion[]>([]);
  const [agreed, setAgreed] = createSignal(false);
  const [trouble, setTrouble] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [runtime, setRuntime] = createSignal<DraftRuntime>();
  /** What stands in the way of a copy of Kroma; empty: nothing, or none is wanted. */
  const [noRuntime, setNoRuntime] = createSignal("");
  const chooseRuntime = async (isWanted: boolean): Promise<void> => {
    setNoRuntime("");
    setRuntime(undefined);
    const now = content();
    if (!isWanted || !now) return;
    try {
      setRuntime(await props.page.artefacts.runtimeFor(now.notebook));
    } catch (error) {
      setNoRuntime(sentenceOf(error));
    }
  };
  let form: HTMLFormElement | undefined;

  const look = async (): Promise<void> => {
    try {
      const next = await collect(await props.view.client.export("ipynb"), props.workspace);
      setContent(next);
      setChosen(new Set(next.files.filter(({ isUsed }) => isUsed).map(({ path }) => path)));
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  createEffect(
    on(
      () => props.workspace,
      () => void look(),
    ),
  );
  createEffect(
    on(
      () => props.last,
      (last) => last && setVersion(nextVersion(last.version)),
    ),
  );
  const files = createMemo<readonly Candidate[]>(() => content()?.files.filter(({ path }) => chosen().has(path)) ?? []);
  createEffect(
    on([content, files], ([now, taken]) => {
      if (!now) return;
      setAgreed(false);
      suspicions(now.notebook, taken, props.workspace).then(setFound, (error: unknown) =>
        setTrouble(sentenceOf(error)),
      );
    }),
  );
  const copySize = (): number => runtime()?.files.reduce((sum, file) => sum + file.size, 0) ?? 0;
  const size = (): number =>
    files().reduce((sum, file) => sum + file.size, (content()?.bytes.length ?? 0) + copySize());
  const names = (): readonly string[] =>
    authors()
      .split(",")
      .flatMap((name) => fitName(name) ?? []);

  /** What is wrong with the form, and the field to put right. */
  const wrong = (): readonly [string, string] | undefined => {
    if (title().trim() === "") return ["title", "Give it a title."];
    if (names().length === 0) return ["authors", "Say who made it."];
    if (licence() === OTHER && other().trim() === "")
      return ["other", "Say under which terms, or choose one of the list."];
    if (!VERSION.test(version())) return ["version", "A version is something like 1.0.0: digits, letters, dots."];
    if (found().length > 0 && !agreed())
      return ["agreed", "Look at what may be a secret first. What is published can't be taken back."];
    return undefined;
  };
  const [said, setSaid] = createSignal<readonly [string, string]>();
  const publish = async (): Promise<void> => {
    const problem = wrong();
    setSaid(problem);
    if (problem) {
      form?.querySelector<HTMLElement>(`[name="${problem[0]}"]`)?.focus();
      return;
    }
    setBusy(true);
    setTrouble("");
    try {
      const taken = [...chosen()];
      // Anew, for the notebook may have changed while the form was open.
      const now = await collect(await props.view.client.export("ipynb"), props.workspace);
      const secrets = await suspicions(
        now.notebook,
        now.files.filter(({ path }) => taken.includes(path)),
        props.workspace,
      );
      if (secrets.length > found().length) {
        setContent(now);
        throw new Error("The notebook has changed, and there is more in it that may be a secret: look again.");
      }
      props.onPublish(await draftOf(now, taken));
    } catch (error) {
      setTrouble(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  const draftOf = async (now: Content, taken: readonly string[]): Promise<Draft> => {
    const terms = licence() === OTHER ? other().trim() : licence();
    const credited = names().map((name) => ({ name }));
    const [signAs = ""] = names();
    if (network().name() === "") network().setName(signAs);
    const facts = { title: title().trim(), authors: credited, licence: terms, version: version() };
    const going = now.files.filter(({ path }) => taken.includes(path));
    // Of the notebook as it is now, which may have got cells of another language.
    const copied = runtime() && (await props.page.artefacts.runtimeFor(now.notebook));
    const page = await props.page.artefacts.makePage(
      now.notebook,
      going.map(({ path }) => path),
      facts,
      copied !== undefined,
    );
    const { content, ...parts } = notebookParts(now.notebook, [], facts, page);
    const made = content.flatMap(({ path, content: bytes }) => (bytes instanceof Uint8Array ? [{ path, bytes }] : []));
    const { name, environment, capabilities, parents } = parts;
    return {
      ...facts,
      name,
      environment,
      capabilities,
      parents,
      document: props.view.client.document,
      made,
      files: going.map(({ path, size: bytes }) => ({ path, size: bytes })),
      models: now.models.filter((model) => !left().has(modelKey(model))),
      signAs: network().name() || signAs,
      ...(copied ? { runtime: copied } : {}),
    };
  };
  const problemOf = (field: string): string | undefined => (said()?.[0] === field ? said()?.[1] : undefined);
  return (
    <form
      ref={(element) => (form = element)}
      class="publish-form"
      onSubmit={(event) => {
        event.preventDefault();
        void publish();
      }}
    >
      <p>
        A published notebook is a copy that never changes, signed by you. Whoever has its address can read it, check it,
        run it and build on it, with or without Kroma. It can't be taken back once others have it.
      </p>
      <Field label="Title" name="title" value={title()} onInput={setTitle} problem={problemOf("title")} />
      <Field
        label="Authors"
        name="authors"
        value={authors()}
        onInput={setAuthors}
        problem={problemOf("authors")}
        hint="Names, with commas between. The signature is yours."
      />
      <div class="publish-field">
        <label for={`${id}-licence`}>Licence</label>
        <select
          id={`${id}-licence`}
          class="input"
          value={licence()}
          onChange={(event) => setLicence(event.currentTarget.value)}
        >
          <For each={LICENCES}>{([spdx, label]) => <option value={spdx}>{label}</option>}</For>
          <option value={OTHER}>Another …</option>
        </select>
      </div>
      <Show when={licence() === OTHER}>
        <Field
          label="Its name"
          name="other"
          value={other()}
          onInput={setOther}
          problem={problemOf("other")}
          hint="As SPDX calls it, or in your own words."
        />
      </Show>
      <Field
        label="Version"
        name="version"
        value={version()}
        onInput={setVersion}
        problem={problemOf("version")}
        {...(props.last ? { hint: `Version ${props.last.version} is named as what it comes from.` } : {})}
      />
      <Show when={content()} fallback={<p class="quiet">Looking at what goes in …</p>}>
        {(now) => (
          <>
            <GoesIn content={now()} chosen={chosen()} onChoose={setChosen} size={size()} />
            <Show when={now().models.length > 0}>
              <LoadedModels models={now().models} left={left()} onLeft={setLeft} />
            </Show>
            <WithKroma
              size={runtime() && copySize()}
              trouble={noRuntime()}
              hasLinux={needsLinux(now().notebook)}
              onChoose={(isWanted) => void chooseRuntime(isWanted)}
            />
            <Show when={found().length > 0}>
              <Secrets found={found()} agreed={agreed()} onAgree={setAgreed} problem={problemOf("agreed")} />
            </Show>
          </>
        )}
      </Show>
      <p class="publish-trouble" role="alert">
        {trouble()}
      </p>
      <button type="submit" class="button primary" aria-disabled={busy() || content() === undefined}>
        {busy() ? "Preparing …" : "Publish"}
      </button>
    </form>
  );
}

function Field(props: {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly problem: string | undefined;
  readonly hint?: string;
}): JSX.Element {
  const id = createUniqueId();
  return (
    <div class="publish-field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        class="input"
        name={props.name}
        dir="auto"
        value={props.value}
        aria-invalid={props.problem !== undefined}
        aria-describedby={(props.problem ?? props.hint) ? `${id}-help` : undefined}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      <Show when={props.problem ?? props.hint}>
        {(text) => (
          <p id={`${id}-help`} class={props.problem === undefined ? "quiet" : "publish-trouble"}>
            {text()}
          </p>
        )}
      </Show>
    </div>
  );
}

function GoesIn(props: {
  readonly content: Content;
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
  readonly size: number;
}): JSX.Element {
  const { notebook } = props.content;
  const outputs = notebook.cells.reduce((sum, { run }) => sum + (run?.outputs.length ?? 0), 0);
  const missing = notebook.cells.filter(({ run }) => run?.missing !== undefined).length;
  const packages = createMemo(() => {
    const { packages: wheels, npm } = notebookParts(props.content.notebook, [], {
      authors: [],
      licence: "",
    }).environment;
    return wheels.length + npm.length;
  });
  const used = (): readonly Candidate[] => props.content.files.filter(({ isUsed }) => isUsed);
  const others = (): readonly Candidate[] => props.content.files.filter(({ isUsed }) => !isUsed);
  const toggle = (path: string, isIn: boolean): void => {
    const next = new Set(props.chosen);
    if (isIn) next.add(path);
    else next.delete(path);
    props.onChoose(next);
  };
  const row = (file: Candidate): JSX.Element => (
    <li>
      <label class="choice">
        <input
          type="checkbox"
          checked={props.chosen.has(file.path)}
          onChange={(event) => toggle(file.path, event.currentTarget.checked)}
        />
        <span class="publish-path">{file.path}</span>
        <span class="quiet">{fileSize(file.size)}</span>
      </label>
    </li>
  );
  return (
    <fieldset class="publish-content">
      <legend>What goes in: {fileSize(props.size)}</legend>
      <p>
        The notebook, {countWords(notebook.cells.length, "cell")} with {countWords(outputs, "output")}, and a page that
        shows it without Kroma.
      </p>
      <Show when={packages() > 0}>
        <p>{countWords(packages(), "package")} by name and hash; they are not copied.</p>
      </Show>
      <Show when={missing > 0}>
        <p class="publish-trouble">
          The outputs of {countWords(missing, "cell")} are not in this browser, and are left out. Run{" "}
          {missing === 1 ? "it" : "them"} again to have them in.
        </p>
      </Show>
      <Show when={used().length > 0}>
        <p>Files that its cells use:</p>
        <ul class="publish-files">
          <For each={used()}>{row}</For>
        </ul>
      </Show>
      <Show when={others().length > 0}>
        <details class="publish-fold">
          <summary>Other files of the workspace: {props.content.hasMore ? "many" : others().length}</summary>
          <ul class="publish-files">
            <For each={others()}>{row}</For>
          </ul>
          <Show when={props.content.hasMore}>
            <p class="quiet">Only the first are listed.</p>
          </Show>
        </details>
      </Show>
    </fieldset>
  );
}

/** Whether a copy of Kroma goes along. */
function WithKroma(props: {
  /** What it takes, once it is chosen and known. */
  readonly size: number | undefined;
  readonly trouble: string;
  readonly hasLinux: boolean;
  readonly onChoose: (isWanted: boolean) => void;
}): JSX.Element {
  const id = createUniqueId();
  return (
    <div class="publish-field">
      <label class="choice">
        <input
          type="checkbox"
          aria-describedby={id}
          onChange={(event) => props.onChoose(event.currentTarget.checked)}
        />
        <span>With Kroma{props.size === undefined ? "" : `, ${fileSize(props.size)}`}</span>
      </label>
      <p id={id} class="quiet">
        A copy of Kroma goes along, so that it runs at any gateway or host of files, also when no other Kroma is left.
        All that you publish with the same copy shares it.
        {props.hasLinux ? " Linux cells don't run there: their image is not copied." : ""}
      </p>
      <p class="publish-trouble" role="alert">
        {props.trouble}
      </p>
    </div>
  );
}

function Secrets(props: {
  readonly found: readonly PlacedSuspicion[];
  readonly agreed: boolean;
  readonly onAgree: (agreed: boolean) => void;
  readonly problem: string | undefined;
}): JSX.Element {
  return (
    <section class="publish-notice alarm" aria-label="What may be a secret">
      <p>
        <strong>This looks like a secret.</strong> Whoever has the published notebook can read it.
      </p>
      <ul class="publish-list">
        <For each={props.found}>
          {({ place, what, line, shown }) => (
            <li>
              {place}, line {line}: {what}{" "}
              <Show when={shown !== ""}>
                <code>{shown}</code>
              </Show>
            </li>
          )}
        </For>
      </ul>
      <label class="choice">
        <input
          type="checkbox"
          name="agreed"
          checked={props.agreed}
          aria-invalid={props.problem !== undefined}
          onChange={(event) => props.onAgree(event.currentTarget.checked)}
        />
        <span>I have looked: publish it all the same</span>
      </label>
      <Show when={props.problem}>
        {(text) => (
          <p class="publish-trouble" role="alert">
            {text()}
          </p>
        )}
      </Show>
    </section>
  );
}

/** The version after that one: its last number is one higher, or it gets a number. */
function nextVersion(version: string): string {
  const [, start, last] = /^(.*?)(\d{1,9})$/.exec(version) ?? [];
  return start === undefined || last === undefined ? `${version.slice(0, 60)}.1` : `${start}${Number(last) + 1}`;
}
