/** The panel: a model to get, those on their way, those that are kept, what is loaded, and the device. */
import { For, Show, createEffect, createSignal, on, onCleanup, type JSX } from "solid-js";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import type { StorageFacts } from "#kit/artefacts.ts";
import type { PageActions } from "#kit/commands.ts";
import { fileSize } from "#kit/file-size.ts";
import { Icon } from "#kit/icon.tsx";
import { Menu } from "#kit/menu.tsx";
import type { ModelDownload, ModelFile, Models, ModelUse, StoredModel } from "#kit/models.ts";
import type { PanelProps } from "#kit/panels.ts";
import { Coming } from "./coming.tsx";
import { Device } from "./device.tsx";
import { GetModel } from "./get-model.tsx";
import { type OwnFile, ownFiles } from "./own-files.ts";
import { PublishModel } from "./publish-form.tsx";
import { ShareModels } from "./share-models.tsx";
import {
  holdersWords,
  sentenceOf,
  shortened,
  sizeWords,
  sourceWords,
  termsWords,
  usedWords,
  useWords,
} from "./words.ts";
import "./models.css";

/** What is loaded is asked for so often, in milliseconds: cells load and let go as they please. */
const LOOK_EVERY = 2000;

/** What the form that publishes is about. */
interface ToPublish {
  readonly name: string;
  readonly title: string | undefined;
  readonly licence: string | undefined;
  readonly file: (signal: AbortSignal) => Promise<ModelFile>;
}

export function ModelsPanel(props: PanelProps): JSX.Element {
  const [models, setModels] = createSignal<Models>();
  const [trouble, setTrouble] = createSignal("");
  props.context.page.models().then(setModels, (error: unknown) => setTrouble(sentenceOf(error)));
  return (
    <Show
      when={models()}
      fallback={
        <p class="quiet panel-empty" role="status">
          {trouble() || "Looking at what is kept …"}
        </p>
      }
    >
      {(known) => <Kept models={known()} context={props.context} workspace={props.workspace} />}
    </Show>
  );
}

function Kept(props: PanelProps & { readonly models: Models }): JSX.Element {
  const page = (): PageActions => props.context.page;
  /** That is open, unless nobody has said that it is to be trusted: such a one asks for nothing and gives nothing. */
  const notebook = (): DocumentId | undefined => {
    const client = props.context.view?.client;
    return client && !client.entry.foreign ? client.document : undefined;
  };
  const sharing = (): Sharing | undefined => {
    const document = props.context.view?.client.document;
    return document && page().network.sharing(document);
  };
  const [stored, setStored] = createSignal<readonly StoredModel[]>();
  const [storage, setStorage] = createSignal<StorageFacts>();
  const [use, setUse] = createSignal<ModelUse>();
  const [trouble, setTrouble] = createSignal("");
  const [told, setTold] = createSignal("");
  const [own, setOwn] = createSignal<readonly OwnFile[]>([]);
  const [publishing, setPublishing] = createSignal<ToPublish>();
  let section: HTMLElement | undefined;
  const look = async (): Promise<void> => {
    try {
      setStored(await props.models.list());
      setStorage(await page().artefacts.storage());
      setOwn(props.workspace ? await ownFiles(props.workspace) : []);
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  let loaded = "";
  const lookAtUse = async (): Promise<void> => {
    try {
      const now = setUse(await props.context.view?.modelUse());
      const addresses = now?.models.flatMap((model) => model.addresses).join("\n") ?? "";
      if (addresses === loaded) return;
      // A cell has loaded something: what is kept is another list now.
      loaded = addresses;
      await look();
    } catch {
      // The engine broke or ends just now: then nothing is loaded.
      setUse(undefined);
    }
  };
  const act = async (work: () => Promise<string>): Promise<void> => {
    setTrouble("");
    try {
      setTold(await work());
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
    await look();
  };
  void look();
  void lookAtUse();
  const clock = setInterval(() => void lookAtUse(), LOOK_EVERY);
  onCleanup(() => clearInterval(clock));
  onCleanup(props.models.onChange(() => void look()));
  const downloads = (): readonly ModelDownload[] => props.models.downloads();
  const addresses = (): string =>
    downloads()
      .map(({ address }) => address)
      .join("\n");
  createEffect(
    on(addresses, (now, before) => {
      if (before === undefined) return;
      const ended = before.split("\n").some((address) => address !== "" && !now.split("\n").includes(address));
      if (ended) page().announce("A download has ended.");
    }),
  );

  const storedToPublish = ({ address, name, title, licence }: StoredModel): ToPublish => ({
    name,
    title,
    licence,
    file: (signal) => props.models.file(address, signal),
  });
  const ownToPublish = ({ path }: OwnFile): ToPublish => ({
    name: path.split("/").pop() ?? path,
    title: undefined,
    licence: undefined,
    async file() {
      const { workspace, context } = props;
      // It may be another one than when it was listed.
      const stat = await workspace?.stat(path);
      if (!workspace || stat?.kind !== "file") throw new KromaError("missing", `${path} is not there any more.`);
      return {
        id: `${context.view?.client.document ?? ""} ${path}`,
        name: path.split("/").pop() ?? path,
        size: stat.size,
        read: (offset, length) => workspace.read(path, { offset, length }),
      };
    },
  });
  const remove = (model: StoredModel): Promise<void> =>
    act(async () => {
      const agreed = await page().ask({
        title: `Delete “${model.title ?? model.name}”?`,
        text: "It is removed from this browser. A cell that wants it fetches it again, if it can still be had.",
        yes: "Delete",
        final: true,
      });
      if (!agreed) return "";
      await props.models.remove(model.address);
      // The row is gone, and with it the focus.
      section?.focus();
      return `${model.name} is deleted.`;
    });
  const setPinned = (model: StoredModel, isPinned: boolean): Promise<void> =>
    act(async () => {
      await props.models.setPinned(model.address, isPinned);
      return isPinned
        ? `${model.name} is pinned: it stays when room is wanted.`
        : `${model.name} is not pinned any more.`;
    });
  const copy = (text: string): Promise<void> =>
    act(async () => {
      await navigator.clipboard.writeText(text);
      return "It is copied.";
    });
  const isComing = (address: string): boolean => downloads().some((one) => one.address === address && !one.trouble);
  const rest = (): readonly StoredModel[] =>
    (stored() ?? []).filter(({ address }) => downloads().every((one) => one.address !== address));
  const local = (): ModelUse["models"] => use()?.models.filter((model) => model.addresses.length === 0) ?? [];
  return (
    <section
      ref={(element) => (section = element)}
      class="models"
      tabindex="-1"
      aria-label="Models that this browser keeps"
    >
      <Show when={trouble()}>
        <p class="models-trouble" role="alert">
          {trouble()}
        </p>
      </Show>
      <GetModel onGet={(source) => props.models.download(source, notebook())} />
      <Show when={downloads().length > 0}>
        <ul class="models-list" aria-label="On their way">
          <For each={downloads().map(({ address }) => address)}>
            {(address) => (
              <Coming
                download={downloads().find((one) => one.address === address)}
                onPause={() => props.models.pause(address)}
                onToken={(hub, token) => {
                  props.models.setToken(hub, token);
                  props.models.download(address, notebook());
                }}
                onResume={() => props.models.download(address, notebook())}
              />
            )}
          </For>
        </ul>
      </Show>
      <h3>Kept in this browser</h3>
      <Show when={stored()} fallback={<p class="quiet">Looking at what is kept …</p>}>
        <ul class="models-list">
          <For
            each={rest()}
            fallback={
              <li class="quiet">
                Nothing yet. What cells load from the web, from a hub or by CID is kept here, and what you get above.
              </li>
            }
          >
            {(model) => (
              <li class="models-row">
                <div class="models-text">
                  <span class="models-name" dir="auto">
                    {model.title ?? model.name}
                  </span>
                  <span class="quiet">
                    {sizeWords(model)}
                    {model.parts.length === 0 ? "" : `, with ${model.parts.join(", ")}`} · {sourceWords(model)} ·{" "}
                    {termsWords(model)}
                    {model.isPinned ? " · pinned" : ""}
                  </span>
                  <span class="quiet">{useWords([model.address], use()) ?? usedWords(model)}</span>
                  <code class="quiet" title={model.address}>
                    {model.address.startsWith("ipfs://") ? shortened(model.address.slice(7)) : model.address}
                  </code>
                </div>
                <Show when={!model.isWhole && !isComing(model.address)}>
                  <button
                    type="button"
                    class="button outlined"
                    aria-label={`Resume ${model.name}`}
                    onClick={() => props.models.download(model.address, notebook())}
                  >
                    Resume
                  </button>
                </Show>
                <Menu
                  label={`Actions for ${model.title ?? model.name}`}
                  class="button icon-only"
                  items={() => [
                    { label: "Copy address", run: () => void copy(model.address) },
                    ...(model.cid === undefined
                      ? []
                      : [{ label: "Copy CID of the file", run: () => void copy(model.cid ?? "") }]),
                    model.isPinned
                      ? { label: "Unpin", run: () => void setPinned(model, false) }
                      : { label: "Pin", run: () => void setPinned(model, true) },
                    ...(model.isWhole
                      ? [{ label: "Publish …", run: () => setPublishing(storedToPublish(model)) }]
                      : []),
                    { label: "Delete", run: () => void remove(model), danger: true },
                  ]}
                >
                  <Icon name="more" />
                </Menu>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <ShareModels models={props.models} sharing={sharing()} />
      <Show when={own().length > 0}>
        <h3>In this notebook’s files</h3>
        <ul class="models-list">
          <For each={own()}>
            {(file) => (
              <li class="models-row">
                <div class="models-text">
                  <span class="models-name" dir="auto">
                    {file.path}
                  </span>
                  <span class="quiet">{fileSize(file.size)}</span>
                </div>
                <button
                  type="button"
                  class="button outlined"
                  aria-label={`Publish ${file.path}`}
                  onClick={() => setPublishing(ownToPublish(file))}
                >
                  Publish …
                </button>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <Show when={publishing()} keyed>
        {(what) => (
          <section class="models-notice" aria-label={`Publish ${what.title ?? what.name}`}>
            <h3>Publish {what.title ?? what.name}</h3>
            <PublishModel
              {...what}
              models={props.models}
              page={page()}
              notebook={notebook()}
              onClose={() => {
                setPublishing(undefined);
                section?.focus();
              }}
            />
          </section>
        )}
      </Show>
      <Show when={local().length > 0}>
        <h3>Loaded from files</h3>
        <ul class="models-list">
          <For each={local()}>
            {(model) => (
              <li class="models-text">
                <span class="models-name">{model.names.join(", ") || "let go of"}</span>
                <span class="quiet">{holdersWords(model)}</span>
              </li>
            )}
          </For>
        </ul>
      </Show>
      <h3>This device</h3>
      <Device storage={storage()} use={use()} />
      <p class="quiet" role="status">
        {told()}
      </p>
    </section>
  );
}
