/** One notebook of one's own in the library: title, first words, languages, when; and what can be done with it. */
import { For, Show, createSignal, type JSX } from "solid-js";
import type { LibraryEntry } from "#core/notebook/messages.ts";
import { Icon } from "#kit/icon.tsx";
import { Menu } from "#kit/menu.tsx";
import { when } from "../notebook/when.ts";

export function LibraryRow(props: {
  readonly entry: LibraryEntry;
  readonly onOpen: () => void;
  readonly onRename: (title: string) => void;
  readonly onDuplicate: () => void;
  readonly onRemove: () => void;
}): JSX.Element {
  const [renaming, setRenaming] = createSignal(false);
  const title = (): string => props.entry.title || "Untitled";
  return (
    <li class="library-row" data-document={props.entry.document}>
      <Show
        when={!renaming()}
        fallback={
          <input
            class="input library-rename"
            aria-label={`New title of ${title()}`}
            value={props.entry.title}
            ref={(element) =>
              queueMicrotask(() => {
                element.focus();
                element.select();
              })
            }
            onBlur={(event) => {
              const next = event.currentTarget.value.trim();
              setRenaming(false);
              if (next !== "" && next !== props.entry.title) props.onRename(next);
            }}
            onKeyDown={(event) => {
              event.stopPropagation();
              if (event.key === "Escape") event.currentTarget.value = props.entry.title;
              if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
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
          { label: "Rename", run: () => setRenaming(true) },
          { label: "Duplicate", run: props.onDuplicate },
          { label: "Delete", danger: true, run: props.onRemove },
        ]}
      >
        <Icon name="more" />
      </Menu>
    </li>
  );
}
