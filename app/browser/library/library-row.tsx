/** One notebook of one's own in the library: title, first words, languages, when; and what can be done with it. */
import { For, Show, createSignal, type JSX } from "solid-js";
import type { LibraryEntry } from "#core/notebook/messages.ts";
import { Icon } from "#kit/icon.tsx";
import { Menu } from "#kit/menu.tsx";
import { RenameField } from "#kit/rename-field.tsx";
import { when } from "../notebook/when.ts";

export function LibraryRow(props: {
  readonly entry: LibraryEntry;
  readonly onOpen: () => void;
  readonly onRename: (title: string) => void;
  readonly onDuplicate: () => void;
  readonly onRemove: () => void;
}): JSX.Element {
  const [renaming, setRenaming] = createSignal(false);
  let row: HTMLLIElement | undefined;
  const title = (): string => props.entry.title || "Untitled";
  return (
    <li ref={(element) => (row = element)} class="library-row" data-document={props.entry.document}>
      <Show
        when={!renaming()}
        fallback={
          <RenameField
            class="library-rename"
            label={`New title of ${title()}`}
            value={props.entry.title}
            onDone={(name, byKey) => {
              setRenaming(false);
              if (name !== undefined) props.onRename(name);
              if (byKey) queueMicrotask(() => row?.querySelector<HTMLElement>(".library-open")?.focus());
            }}
          />
        }
      >
        <a
          class="library-open"
          href={`?document=${props.entry.document}`}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            props.onOpen();
          }}
          onKeyDown={(event) => {
            if (event.key === "F2") setRenaming(true);
            else if (event.key === "Delete") props.onRemove();
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        >
          <span class="library-title" dir="auto">
            {title()}
          </span>
          <span class="library-excerpt" dir="auto">
            {props.entry.excerpt || "Empty"}
          </span>
          <span class="library-facts quiet">
            <For each={props.entry.languages.filter((language) => language !== "markdown" && language !== "raw")}>
              {(language) => (
                <span class="library-language" data-language={language}>
                  {language}
                </span>
              )}
            </For>
            <Show when={props.entry.artefact}>
              {(artefact) => <span>{artefact().isFork ? "fork" : "published"}</span>}
            </Show>
            <Show when={props.entry.foreign}>
              <span>from elsewhere</span>
            </Show>
            <time>{when(props.entry.changed)}</time>
          </span>
        </a>
      </Show>
      <Menu
        label={`Actions for ${title()}`}
        class="button icon-only"
        items={() => [
          { label: "Open", run: props.onOpen },
          { label: "Rename", hint: "F2", run: () => setRenaming(true) },
          { label: "Duplicate", run: props.onDuplicate },
          { label: "Delete", hint: "Delete", danger: true, run: props.onRemove },
        ]}
      >
        <Icon name="more" />
      </Menu>
    </li>
  );
}
