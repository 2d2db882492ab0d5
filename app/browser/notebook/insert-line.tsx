/** The thin line between cells that becomes "+ python · typescript · shell · sql · chat · text" on hover, focus or tap. */
import { For, Show, createSignal, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import { newCellOf, type PageView } from "./view.ts";

const WORDS = ["python", "typescript", "shell", "sql", "chat", "text"] as const;

export function InsertLine(props: {
  readonly view: PageView;
  readonly after: () => CellId | undefined;
  readonly open?: boolean;
}): JSX.Element {
  const [open, setOpen] = createSignal(false);
  let line: HTMLDivElement | undefined;
  const insert = async (word: string): Promise<void> => {
    setOpen(false);
    const { kind, language } = newCellOf(word);
    props.view.choose(await props.view.insert(props.after(), kind, language), { mode: "edit" });
  };
  const isOpen = (): boolean => props.view.refusal() === undefined && (open() || props.open === true);
  return (
    <div
      ref={(element) => (line = element)}
      class={props.open ? "insert stays" : "insert"}
      onPointerEnter={(event) => event.pointerType === "mouse" && setOpen(true)}
      onPointerLeave={(event) => {
        if (event.pointerType === "mouse" && !line?.contains(document.activeElement)) setOpen(false);
      }}
      onFocusOut={(event) => {
        if (!line?.contains(event.relatedTarget as Node | null)) setOpen(false);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") setOpen(false);
      }}
    >
      <Show
        when={isOpen()}
        fallback={
          <button
            type="button"
            class="insert-closed"
            aria-label="Add a cell here"
            tabIndex={-1}
            disabled={props.view.refusal() !== undefined}
            onClick={() => setOpen(true)}
            onFocus={() => setOpen(true)}
          />
        }
      >
        <span class="insert-choices" role="group" aria-label="Add a cell here">
          <For each={WORDS}>
            {(word) => (
              <button
                type="button"
                class="insert-word"
                aria-label={`Add ${word} cell`}
                data-language={word === "text" ? "markdown" : word}
                onClick={() => void insert(word)}
              >
                {word}
              </button>
            )}
          </For>
        </span>
      </Show>
    </div>
  );
}
