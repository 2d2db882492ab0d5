/** The panel: publishing that was cut off, the form, how far it has come, and what came of it. */
import { For, Match, Show, Switch, createSignal, onCleanup, type JSX } from "solid-js";
import type { Told } from "#core/artefact/client.ts";
import type { Draft, Publication } from "#core/artefact/messages.ts";
import { publishedMetadata, publishedVersions } from "#core/artefact/versions.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import type { PanelProps } from "#kit/panels.ts";
import { PublishForm } from "./form.tsx";
import { Published } from "./published.tsx";
import { Working } from "./working.tsx";
import { countWords, dayWords, sentenceOf, shortened } from "./words.ts";
import "./publish.css";

export function PublishPanel(props: PanelProps): JSX.Element {
  return (
    <Show
      when={props.context.view}
      keyed
      fallback={<p class="quiet panel-empty">What is published is a notebook: open one first.</p>}
    >
      {(view) => <Publishing view={view} page={props.context.page} workspace={props.workspace} />}
    </Show>
  );
}

type Stage =
  | { readonly type: "form" }
  | { readonly type: "working"; readonly stop: AbortController }
  | { readonly type: "published"; readonly publication: Publication };

function Publishing(props: {
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly workspace: Workspace | undefined;
}): JSX.Element {
  const client = () => props.page.artefacts.client();
  const { document } = props.view.client;
  const [stage, setStage] = createSignal<Stage>({ type: "form" });
  const [told, setTold] = createSignal<Told>({ bytes: 0 });
  const [trouble, setTrouble] = createSignal("");
  const [unfinished, setUnfinished] = createSignal<Draft>();
  const [before, setBefore] = createSignal<readonly Publication[]>([]);
  const look = async (): Promise<void> => {
    try {
      const [draft, publications] = await Promise.all([client().unfinished(document), client().publications(document)]);
      setUnfinished(draft);
      setBefore(publications);
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  void look();
  onCleanup(() => {
    const now = stage();
    // It is kept as far as it came, and goes on from there when it is asked for.
    if (now.type === "working") now.stop.abort();
  });

  const run = async (draft: Draft): Promise<void> => {
    const stop = new AbortController();
    setTrouble("");
    setTold({ bytes: 0 });
    setStage({ type: "working", stop });
    try {
      await checkRoom(draft, props.page);
      const from = draft.models?.length ? await props.page.artefacts.sources() : [];
      const work = {
        signal: stop.signal,
        progress: setTold,
        read: (path: string, offset: number, length: number) => readPiece(props.workspace, path, offset, length),
      };
      const publication = await client().publish(draft, work, from);
      setStage({ type: "published", publication });
      await record(publication);
      props.page.announce(`Published: ${publication.title}, version ${publication.version}`);
    } catch (error) {
      if (!stop.signal.aborted) setTrouble(sentenceOf(error));
      setStage({ type: "form" });
    }
    await look();
  };
  /** With the files as they are by now; what was stored of those that are the same need not be read again. */
  const goOn = async (draft: Draft): Promise<void> => {
    try {
      const files = draft.files.map(async (file) => {
        const now = await props.workspace?.stat(file.path);
        return now ? { path: file.path, size: now.size, modified: now.modified } : file;
      });
      await run({ ...draft, files: await Promise.all(files) });
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  /** Notes it with the notebook, so that copies of it elsewhere know it too; an edit like any other, that can be undone. */
  const record = async ({ root: cid, version, time, parents, isKnown }: Publication): Promise<void> => {
    const { notebook } = props.view.client;
    const isThere = publishedVersions(notebook).some((entry) => entry.cid === cid);
    if ((isKnown && isThere) || props.view.refusal() !== undefined) return;
    const metadata = publishedMetadata(notebook, { cid, version, time, parents });
    try {
      await props.view.change([{ type: "set_metadata", metadata }], "Publish");
    } catch (error) {
      props.page.toast(`It is published, but the notebook could not note it: ${sentenceOf(error)}`);
    }
  };
  /** What was published from here, and what the notebook knows of other machines, latest first. */
  const earlier = (): readonly EarlierVersion[] => {
    const here = before();
    const elsewhere = publishedVersions(props.view.client.notebook).filter(({ cid }) =>
      here.every(({ root }) => root !== cid),
    );
    return [...here, ...elsewhere.map(({ cid, ...rest }) => ({ root: cid, ...rest }))].sort(
      (left, right) => right.time - left.time,
    );
  };
  const working = () => {
    const now = stage();
    return now.type === "working" ? now : undefined;
  };
  const published = () => {
    const now = stage();
    return now.type === "published" ? now.publication : undefined;
  };
  return (
    <div class="publish form-column">
      <Show when={trouble()}>
        <p class="publish-notice alarm" role="alert">
          {trouble()} Nothing was published.
        </p>
      </Show>
      <Switch>
        <Match when={working()}>
          {(now) => <Working what="Publishing" told={told()} onCancel={() => now().stop.abort()} />}
        </Match>
        <Match when={published()} keyed>
          {(publication) => (
            <Published publication={publication} page={props.page} onAgain={() => setStage({ type: "form" })} />
          )}
        </Match>
        <Match when={true}>
          <Show when={unfinished()}>
            {(draft) => (
              <section class="publish-notice" aria-label="Publishing that was cut off">
                <p>Publishing “{draft().title}” was cut off. Nothing of it is public; what was done so far is kept.</p>
                <div class="form-row">
                  <button type="button" class="button primary" onClick={() => void goOn(draft())}>
                    Go on
                  </button>
                  <button type="button" class="button" onClick={() => void client().discard(document).then(look)}>
                    Discard
                  </button>
                </div>
              </section>
            )}
          </Show>
          <PublishForm
            view={props.view}
            page={props.page}
            workspace={props.workspace}
            last={earlier()[0]}
            onPublish={(draft) => void run(draft)}
          />
          <Show when={earlier().length > 0}>
            <Earlier versions={earlier()} page={props.page} />
          </Show>
        </Match>
      </Switch>
    </div>
  );
}

/** A publication of this notebook; without title and signature where only the notebook tells of it. */
type EarlierVersion = Pick<Publication, "root" | "version" | "time"> & Partial<Pick<Publication, "title" | "envelope">>;

function Earlier(props: { readonly versions: readonly EarlierVersion[]; readonly page: PageActions }): JSX.Element {
  const link = ({ root, envelope }: EarlierVersion): string =>
    props.page.artefacts.link({ cid: root, ...(envelope === undefined ? {} : { envelope }), from: [] });
  return (
    <details class="publish-fold">
      <summary>Published before: {countWords(props.versions.length, "version")}</summary>
      <ul class="publish-list">
        <For each={props.versions}>
          {(version) => (
            <li>
              <a href={link(version)} dir="auto">
                {version.title === undefined ? `Version ${version.version}` : `${version.title}, ${version.version}`}
              </a>
              <span class="quiet">
                {dayWords(version.time)}
                {version.title === undefined ? " · from another machine" : ""} · <code>{shortened(version.root)}</code>
              </span>
            </li>
          )}
        </For>
      </ul>
    </details>
  );
}

/** What is stored must have a place, and should stay there. */
async function checkRoom({ files, made, runtime, linux }: Draft, page: PageActions): Promise<void> {
  const copied = [...(runtime?.files ?? []), ...(linux?.files ?? [])];
  const bytes = [...[...files, ...copied].map(({ size }) => size), ...made.map((file) => file.bytes.length)].reduce(
    (a, b) => a + b,
    0,
  );
  const { usage = 0, quota } = await page.artefacts.storage();
  if (quota !== undefined && usage + bytes > quota)
    throw new Error("This browser has no room for it. Unpin something in Pins, or take files out.");
}

async function readPiece(
  workspace: Workspace | undefined,
  path: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  if (!workspace) throw new Error("The files of this notebook can't be reached here.");
  return workspace.read(path, { offset, length });
}
