/** The list of notebooks: one's own, latest first, then those that ship with Kroma. Search has the focus. */
import { For, Show, createMemo, createSignal, onCleanup, onMount, type JSX } from "solid-js";
import type { DocumentId } from "#core/base/ids.ts";
import type { LibraryClient, StorageState } from "#core/notebook/client.ts";
import type { LibraryEntry } from "#core/notebook/messages.ts";
import type { PageActions } from "#kit/commands.ts";
import { Icon } from "#kit/icon.tsx";
import { Banner } from "../shell/banner.tsx";
import { LibraryRow } from "./library-row.tsx";
import { readShipped, type Shipped } from "./shipped.ts";

export interface LibraryPageProps {
  readonly library: LibraryClient;
  readonly page: PageActions;
  readonly storage: StorageState;
  readonly onOpenPath: (path: string) => void;
}

function fits(text: string, query: string): boolean {
  const lower = text.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

export function LibraryPage(props: LibraryPageProps): JSX.Element {
  const { library, page } = props;
  const [entries, setEntries] = createSignal<readonly LibraryEntry[]>(library.entries);
  const [shipped, setShipped] = createSignal<readonly Shipped[]>([]);
  const [query, setQuery] = createSignal("");
  let search: HTMLInputElement | undefined;
  let main: HTMLElement | undefined;
  /** Its row is drawn anew and should have the focus that it had. */
  let awaited: DocumentId | undefined;
  onCleanup(
    library.onEntries((list) => {
      setEntries(list);
      const row = main?.querySelector<HTMLElement>(`[data-document="${awaited}"] .library-open`);
      if (!row || document.activeElement !== document.body) return;
      row.focus();
      awaited = undefined;
    }),
  );
  void readShipped().then(setShipped);
  document.title = "Kroma";
  onMount(() => search?.focus({ preventScroll: true }));
  const own = createMemo(() =>
    entries().filter((entry) => fits(`${entry.title} ${entry.excerpt} ${entry.languages.join(" ")}`, query())),
  );
  /** By id, so that a row stays, and keeps the focus, when what is said of its notebook changes. */
  const ownIds = createMemo(() => own().map(({ document }) => document), [], {
    equals: (before, after) => before.length === after.length && before.every((id, index) => id === after[index]),
  });
  const others = createMemo(() => shipped().filter((item) => fits(`${item.title} ${item.excerpt}`, query())));
  const remove = async (entry: LibraryEntry): Promise<void> => {
    await library.remove(entry.document);
    page.toast(`“${entry.title || "Untitled"}” is deleted.`, {
      label: "Undo",
      run: () => {
        awaited = entry.document;
        void library.undelete(entry.document);
      },
    });
    search?.focus();
  };
  /** Up and down through the rows, and from the first one back to the search. */
  const step = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const row = (event.target as Element).closest<HTMLElement>(".library-open");
    if (by === 0 || !row) return;
    const rows = [...(main?.querySelectorAll<HTMLElement>(".library-open") ?? [])];
    const next = rows[rows.indexOf(row) + by] ?? (by < 0 ? search : undefined);
    next?.focus();
    event.preventDefault();
  };
  const openFirst = (): void => {
    const [first] = own();
    const [other] = others();
    if (first) page.openDocument(first.document);
    else if (other) props.onOpenPath(other.path);
  };
  return (
    <main ref={(element) => (main = element)} class="library" onKeyDown={step}>
      <header class="library-header">
        <h1>
          <span class="wordmark">Kroma</span>
        </h1>
        <p class="library-claim">Notebooks of Python, TypeScript and Linux that compute in this tab.</p>
      </header>
      <div class="library-bar">
        <label class="library-search">
          <Icon name="search" />
          <input
            ref={(element) => (search = element)}
            class="input"
            type="search"
            aria-label="Search notebooks"
            placeholder="Search notebooks"
            spellcheck={false}
            onInput={(event) => setQuery(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter" && query() !== "") openFirst();
              if (event.key === "Escape") event.currentTarget.blur();
              if (event.key !== "ArrowDown") return;
              event.preventDefault();
              main?.querySelector<HTMLElement>(".library-open")?.focus();
            }}
          />
        </label>
        <button type="button" class="button" onClick={() => page.importFiles()}>
          <Icon name="upload" />
          <span>Import</span>
        </button>
        <button
          type="button"
          class="button"
          title="Open a published notebook, by its address or from a .car file"
          onClick={() => page.openArtefact()}
        >
          <Icon name="publish" />
          <span>Open</span>
        </button>
        <button type="button" class="button primary" title="New notebook (N)" onClick={() => void page.newNotebook()}>
          <Icon name="plus" />
          <span>New notebook</span>
        </button>
      </div>
      <Show when={props.storage.state !== "ok"}>
        <Banner level="warning" text={props.storage.message} />
      </Show>
      <section aria-labelledby="own-heading">
        <h2 id="own-heading">Your notebooks</h2>
        <Show
          when={own().length > 0}
          fallback={
            <p class="library-empty">
              {query() === ""
                ? "Nothing here yet. Make a new notebook, drop an .ipynb file on this page, or open one of those below."
                : `No notebook of yours fits “${query()}”.`}
            </p>
          }
        >
          <ul class="library-list">
            <For each={ownIds()}>
              {(document) => (
                <Show when={own().find((entry) => entry.document === document)}>
                  {(entry) => (
                    <LibraryRow
                      entry={entry()}
                      onOpen={() => page.openDocument(document)}
                      onRename={(title) => {
                        awaited = document;
                        void library.rename(document, title);
                      }}
                      onDuplicate={() => void duplicate(library, document, page)}
                      onRemove={() => void remove(entry())}
                    />
                  )}
                </Show>
              )}
            </For>
          </ul>
        </Show>
      </section>
      <Show when={others().length > 0}>
        <section aria-labelledby="shipped-heading">
          <h2 id="shipped-heading">Comes with Kroma</h2>
          <ul class="library-list">
            <For each={others()}>
              {(item) => (
                <li class="library-row">
                  <a
                    class="library-open"
                    href={`?path=${item.path}`}
                    onClick={(event) => {
                      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                      event.preventDefault();
                      props.onOpenPath(item.path);
                    }}
                  >
                    <span class="library-title">{item.title}</span>
                    <span class="library-excerpt">{item.excerpt}</span>
                  </a>
                </li>
              )}
            </For>
          </ul>
        </section>
      </Show>
    </main>
  );
}

async function duplicate(library: LibraryClient, document: DocumentId, page: PageActions): Promise<void> {
  const copy = await library.duplicate(document);
  page.toast("Duplicated.", { label: "Open the copy", run: () => page.openDocument(copy) });
}
