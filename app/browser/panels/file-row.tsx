/** One file or directory in the panel. */
import { Show, createSignal, type JSX } from "solid-js";
import { Icon } from "#kit/icon.tsx";
import { Menu } from "#kit/menu.tsx";
import { RenameField } from "#kit/rename-field.tsx";
import { fileSize } from "#kit/file-size.ts";
import type { Row } from "./file-tree.ts";

export function FileRow(props: {
  readonly row: Row;
  readonly open: boolean;
  readonly renaming: boolean;
  /** The others have it too. */
  readonly shared: boolean;
  /** What sharing can be changed to, and how; undefined where there is nothing to change. */
  readonly sharing: { readonly label: string; readonly run: () => void } | undefined;
  readonly onOpen: () => void;
  /** The name is undefined when it stays as it was. */
  readonly onRename: (name: string | undefined, byKey: boolean) => void;
  readonly onStartRename: () => void;
  readonly onDownload: () => void;
  readonly onRemove: () => void;
  readonly onDropFiles: (files: readonly File[]) => void;
}): JSX.Element {
  const [target, setTarget] = createSignal(false);
  const isDirectory = (): boolean => props.row.stat.kind === "directory";
  return (
    <li
      class={target() ? "file target" : "file"}
      data-path={props.row.stat.path}
      style={{ "padding-inline-start": `${props.row.depth * 14}px` }}
      onDragOver={(event) => {
        if (!isDirectory() || !event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        event.stopPropagation();
        setTarget(true);
      }}
      onDragLeave={() => setTarget(false)}
      onDrop={(event) => {
        if (!isDirectory()) return;
        event.preventDefault();
        event.stopPropagation();
        setTarget(false);
        props.onDropFiles([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <Show
        when={!props.renaming}
        fallback={
          <RenameField
            class="file-rename"
            label={`New name of ${props.row.name}`}
            value={props.row.name}
            isFile={!isDirectory()}
            onDone={props.onRename}
          />
        }
      >
        <button
          type="button"
          class="file-name"
          aria-expanded={isDirectory() ? props.open : undefined}
          title={props.row.stat.path}
          onClick={() => props.onOpen()}
          onKeyDown={(event) => {
            if (event.key === "F2") props.onStartRename();
            else if (event.key === "Delete") props.onRemove();
            else return;
            event.preventDefault();
            event.stopPropagation();
          }}
        >
          <Icon name={isDirectory() ? (props.open ? "down" : "right") : "file"} />
          <span>{props.row.name}</span>
        </button>
        <Show when={props.shared}>
          <span
            class="file-shared"
            role="img"
            aria-label="shared"
            title="The people of this notebook have this file too"
          >
            <Icon name="people" />
          </span>
        </Show>
        <Show when={!isDirectory()}>
          <span class="quiet file-size">{fileSize(props.row.stat.size)}</span>
        </Show>
        <Menu
          label={`Actions for ${props.row.name}`}
          class="button icon-only"
          items={() => [
            { label: isDirectory() ? "Open or close" : "Open", run: props.onOpen },
            { label: isDirectory() ? "Download as zip" : "Download", run: props.onDownload },
            ...(props.sharing ? [props.sharing] : []),
            { label: "Rename", hint: "F2", run: props.onStartRename },
            { label: "Delete", hint: "Delete", danger: true, run: props.onRemove },
          ]}
        >
          <Icon name="more" />
        </Menu>
      </Show>
    </li>
  );
}
