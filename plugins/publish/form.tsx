/** What is to be published: title, authors, licence and version, the files that go along, and what looks like a secret. */
import { For, Show, createEffect, createMemo, createSignal, on, type JSX } from "solid-js";
import { UNSTATED_LICENCE } from "#core/artefact/licence.ts";
import { notebookParts, type PlacedSuspicion } from "#core/artefact/notebook-parts.ts";
import type { Draft, DraftLinux, DraftRuntime } from "#core/artefact/messages.ts";
import { needsLinux } from "#core/artefact/runtime.ts";
import { publishedVersions } from "#core/artefact/versions.ts";
import { fitName } from "#core/mesh/identity.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import { Field } from "#kit/field.tsx";
import { type Candidate, collect, type Content, suspicions } from "./collect.ts";
import { Asks, GoesIn, Secrets, WithKroma, WithLinux } from "./goes-in.tsx";
import { LoadedModels, modelKey } from "./loaded-models.tsx";
import { sentenceOf } from "./words.ts";

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
  /** Its latest publication, from here or another machine. */
  readonly last: { readonly version: string } | undefined;
  readonly onPublish: (draft: Draft) => void;
}): JSX.Element {
  const network = () => props.page.network;
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
  const [asked, setAsked] = createSignal<ReadonlySet<string>>(new Set());
  const [agreed, setAgreed] = createSignal(false);
  const [trouble, setTrouble] = createSignal("");
  const [busy, setBusy] = createSignal(false);
  const [runtime, setRuntime] = createSignal<DraftRuntime>();
  /** What stands in the way of a copy of Kroma; empty: nothing, or none is wanted. */
  const [noRuntime, setNoRuntime] = createSignal("");
  /** The image for Linux cells, where the notebook has some and its host tells. */
  const [linux, setLinux] = createSignal<DraftLinux>();
  const [takesLinux, setTakesLinux] = createSignal(false);
  const linuxOf = async ({ notebook }: Content): Promise<DraftLinux | undefined> =>
    needsLinux(notebook) ? props.page.artefacts.linux() : undefined;
  const chooseRuntime = async (isWanted: boolean): Promise<void> => {
    setNoRuntime("");
    setRuntime(undefined);
    setTakesLinux(false);
    const now = content();
    if (!isWanted || !now) return;
    try {
      setLinux(await linuxOf(now));
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
  const copySize = (): number => sizeOf(runtime()?.files ?? []);
  const linuxSize = (): number => sizeOf(linux()?.files ?? []);
  const size = (): number =>
    files().reduce(
      (sum, file) => sum + file.size,
      (content()?.bytes.length ?? 0) + copySize() + (takesLinux() ? linuxSize() : 0),
    );
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
    const image = await linuxOf(now);
    const facts = {
      title: title().trim(),
      authors: credited,
      licence: terms,
      version: version(),
      capabilities: [...asked()].sort(),
      pyodide: props.page.artefacts.pyodide,
      ...(image ? { image: image.cid } : {}),
    };
    const going = now.files.filter(({ path }) => taken.includes(path));
    // Of the notebook as it is now, which may have got cells of another language.
    const copied = runtime() && (await props.page.artefacts.runtimeFor(now.notebook));
    const isAlong = copied !== undefined && image?.base !== undefined && takesLinux();
    const page = await props.page.artefacts.makePage(
      now.notebook,
      going.map(({ path }) => path),
      facts,
      copied && { linux: image && { image: image.cid, isAlong } },
    );
    const parts = notebookParts(now.notebook, [], facts, page);
    const made = parts.content.flatMap(({ path, content: bytes }) =>
      bytes instanceof Uint8Array ? [{ path, bytes }] : [],
    );
    const { name, environment, capabilities, parents } = parts;
    const [last] = publishedVersions(now.notebook);
    return {
      title: parts.title,
      authors: parts.authors,
      licence: parts.licence,
      version: parts.version,
      name,
      environment,
      capabilities,
      parents,
      ...(last ? { last } : {}),
      document: props.view.client.document,
      made,
      files: going.map(({ path, size: bytes, modified }) => ({ path, size: bytes, modified })),
      models: now.models.filter((model) => !left().has(modelKey(model))),
      signAs: network().name() || signAs,
      ...(copied ? { runtime: copied } : {}),
      ...(isAlong && image ? { linux: image } : {}),
    };
  };
  const problemOf = (field: string): string | undefined => (said()?.[0] === field ? said()?.[1] : undefined);
  const textField = (
    name: string,
    label: string,
    value: () => string,
    onInput: (value: string) => void,
    hint?: string,
  ): JSX.Element => (
    <Field label={label} problem={problemOf(name)} hint={hint}>
      {(control) => (
        <input
          {...control}
          name={name}
          dir="auto"
          value={value()}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  );
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
      {textField("title", "Title", title, setTitle)}
      {textField("authors", "Authors", authors, setAuthors, "Names, with commas between. The signature is yours.")}
      <Field label="Licence">
        {(control) => (
          <select {...control} value={licence()} onChange={(event) => setLicence(event.currentTarget.value)}>
            <For each={LICENCES}>{([spdx, label]) => <option value={spdx}>{label}</option>}</For>
            <option value={OTHER}>Another …</option>
          </select>
        )}
      </Field>
      <Show when={licence() === OTHER}>
        {textField("other", "Its name", other, setOther, "As SPDX calls it, or in your own words.")}
      </Show>
      <Show when={props.last?.version ?? ""} keyed fallback={textField("version", "Version", version, setVersion)}>
        {(last) =>
          textField("version", "Version", version, setVersion, `Version ${last} is named as what it comes from.`)
        }
      </Show>
      <Show when={content()} fallback={<p class="quiet">Looking at what goes in …</p>}>
        {(now) => (
          <>
            <GoesIn content={now()} chosen={chosen()} onChoose={setChosen} size={size()} />
            <Show when={now().models.length > 0}>
              <LoadedModels models={now().models} left={left()} onLeft={setLeft} />
            </Show>
            <WithKroma
              size={runtime() === undefined ? undefined : copySize()}
              trouble={noRuntime()}
              onChoose={(isWanted) => void chooseRuntime(isWanted)}
            />
            <Show when={runtime() !== undefined && needsLinux(now().notebook)}>
              <WithLinux
                isNamed={linux() !== undefined}
                size={linux()?.base === undefined ? undefined : linuxSize()}
                isTaken={takesLinux()}
                onChoose={setTakesLinux}
              />
            </Show>
            <Asks asked={asked()} onChoose={setAsked} />
            <Show when={found().length > 0}>
              <Secrets found={found()} agreed={agreed()} onAgree={setAgreed} problem={problemOf("agreed")} />
            </Show>
          </>
        )}
      </Show>
      <p class="form-problem" role="alert">
        {trouble()}
      </p>
      <button type="submit" class="button primary" aria-disabled={busy() || content() === undefined}>
        {busy() ? "Preparing …" : "Publish"}
      </button>
    </form>
  );
}

const sizeOf = (files: readonly { readonly size: number }[]): number => files.reduce((sum, { size }) => sum + size, 0);

/** The version after that one: its last number is one higher, or it gets a number. */
function nextVersion(version: string): string {
  const [, start, last] = /^(.*?)(\d{1,9})$/.exec(version) ?? [];
  return start === undefined || last === undefined ? `${version.slice(0, 60)}.1` : `${start}${Number(last) + 1}`;
}
