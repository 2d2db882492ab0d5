/**
 * A file in a dialog: small text can be read and changed, pictures are shown, tables scroll and sort (and are text again
 * when asked), anything else is offered for download.
 */
import { Match, Show, Switch, createEffect, createSignal, onCleanup, type JSX } from "solid-js";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { PageActions } from "#kit/commands.ts";
import { Dialog } from "#kit/dialog.tsx";
import { Icon } from "#kit/icon.tsx";
import { fileSize } from "#kit/file-size.ts";
import { chooseRenderer, renderers } from "#kit/renderers.ts";
import { TABLE_MIME } from "#plugins/data/mime.ts";
import { host } from "../plugins.ts";

/** Larger text is cut when shown, and then cannot be changed here. */
const EDITABLE = 1_000_000;

/** Files that open as a table, by their ending; true: they are text too. */
const TABLES: Readonly<Record<string, boolean>> = {
  csv: true,
  tsv: true,
  parquet: false,
  pq: false,
  arrow: false,
  arrows: false,
  feather: false,
  db: false,
  db3: false,
  sqlite: false,
  sqlite3: false,
};

type Content =
  | { readonly type: "text"; readonly text: string; readonly whole: boolean }
  | { readonly type: "picture"; readonly url: string }
  | { readonly type: "other"; readonly size: number };

const PICTURES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
};

const endingOf = (path: string): string => path.split(".").at(-1)?.toLowerCase() ?? "";

/** The file as the plugin draws it that shows tables. */
function TableView(props: {
  readonly path: string;
  readonly workspace: Workspace;
  readonly onFail: (error: unknown) => void;
}): JSX.Element {
  const place = document.createElement("div");
  place.className = "file-table";
  createEffect(() => {
    const { path, workspace } = props;
    const bundle = { [TABLE_MIME]: { path } };
    const renderer = chooseRenderer(host.get(renderers), bundle)?.renderer;
    let end: (() => void) | undefined;
    let isOver = false;
    const draw = async (): Promise<void> => {
      const drawing = await renderer?.load();
      const stop = await drawing?.render(place, {
        mimeType: TABLE_MIME,
        data: bundle[TABLE_MIME],
        bundle,
        metadata: {},
        foreign: false,
        dark: () => false,
        onTheme: () => () => undefined,
        comms: undefined,
        file: async (name) => {
          if (!(await workspace.stat(name))) return undefined;
          return new Blob([(await workspace.read(name)) as Uint8Array<ArrayBuffer>]);
        },
      });
      if (isOver) stop?.();
      else end = stop ?? undefined;
    };
    draw().catch(props.onFail);
    onCleanup(() => {
      isOver = true;
      end?.();
    });
  });
  return place;
}

async function readContent(workspace: Workspace, path: string): Promise<Content> {
  const bytes = await workspace.read(path);
  const type = PICTURES[endingOf(path)];
  // As an <img> an SVG runs no script.
  if (type)
    return { type: "picture", url: URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type })) };
  const part = bytes.subarray(0, EDITABLE);
  if (part.includes(0)) return { type: "other", size: bytes.length };
  try {
    const text = new TextDecoder("utf-8", { fatal: bytes.length <= EDITABLE, ignoreBOM: true }).decode(part);
    return { type: "text", text, whole: bytes.length <= EDITABLE };
  } catch {
    return { type: "other", size: bytes.length };
  }
}

export function FileView(props: {
  readonly path: string;
  readonly workspace: Workspace;
  readonly page: PageActions;
  readonly onClose: () => void;
}): JSX.Element {
  const [content, setContent] = createSignal<Content>();
  const [draft, setDraft] = createSignal<string>();
  const [failure, setFailure] = createSignal("");
  const isText = TABLES[endingOf(props.path)];
  const [asTable, setAsTable] = createSignal(isText !== undefined);
  const fail = (error: unknown): void => void setFailure(error instanceof Error ? error.message : String(error));
  readContent(props.workspace, props.path).then(setContent, fail);
  onCleanup(() => {
    const shown = content();
    if (shown?.type === "picture") URL.revokeObjectURL(shown.url);
  });
  const save = async (): Promise<void> => {
    const text = draft();
    if (text === undefined) return;
    try {
      await props.workspace.write(props.path, new TextEncoder().encode(text));
      setDraft(undefined);
      setContent({ type: "text", text, whole: true });
      props.page.announce(`${props.path} saved`);
    } catch (error) {
      fail(error);
    }
  };
  const download = async (): Promise<void> => {
    await save();
    try {
      const bytes = await props.workspace.read(props.path);
      props.page.download(props.path.split("/").at(-1) ?? props.path, bytes, "application/octet-stream");
    } catch (error) {
      fail(error);
    }
  };
  return (
    <Dialog label={props.path} class="file-view" onClose={() => void save().then(props.onClose)}>
      <header class="dialog-header">
        <h2>{props.path}</h2>
        <span>
          <button
            type="button"
            class="button icon-only"
            aria-label="Download"
            title="Download"
            onClick={() => void download()}
          >
            <Icon name="download" />
          </button>
          <Show when={isText}>
            <button type="button" class="button" onClick={() => void save().then(() => setAsTable(!asTable()))}>
              {asTable() ? "As text" : "As table"}
            </button>
          </Show>
          <Show when={draft() !== undefined}>
            <button type="button" class="button primary" onClick={() => void save()}>
              Save
            </button>
          </Show>
          <button
            type="button"
            class="button icon-only"
            aria-label="Close"
            onClick={() => void save().then(props.onClose)}
          >
            <Icon name="close" />
          </button>
        </span>
      </header>
      <Show when={failure()}>
        <p class="quiet panel-empty">{failure()}</p>
      </Show>
      <Switch>
        <Match when={asTable()}>
          <TableView path={props.path} workspace={props.workspace} onFail={fail} />
        </Match>
        <Match when={asText(content())} keyed>
          {(text) => (
            <Show when={text.whole} fallback={<pre tabIndex={0}>{text.text}</pre>}>
              <textarea
                aria-label={props.path}
                spellcheck={false}
                value={text.text}
                onInput={(event) => setDraft(event.currentTarget.value)}
              />
            </Show>
          )}
        </Match>
        <Match when={asPicture(content())}>
          {(url) => (
            <img
              src={url()}
              alt={props.path}
              style={{ "max-inline-size": "100%", "object-fit": "contain", "min-block-size": "0" }}
            />
          )}
        </Match>
        <Match when={asOther(content())}>
          {(size) => (
            <p class="quiet panel-empty">{fileSize(size())} that are not text. Download the file to look at it.</p>
          )}
        </Match>
      </Switch>
    </Dialog>
  );
}

const asText = (content: Content | undefined) => (content?.type === "text" ? content : undefined);
const asPicture = (content: Content | undefined) => (content?.type === "picture" ? content.url : undefined);
const asOther = (content: Content | undefined) => (content?.type === "other" ? content.size : undefined);
