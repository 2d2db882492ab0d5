/** The command palette: type a few letters of what should happen, choose, Enter. Fed from the one command table. */
import { For, Show, createMemo, createSignal, type JSX } from "solid-js";
import { commands, isPossible, type Command } from "#kit/commands.ts";
import { Dialog } from "#kit/dialog.tsx";
import { shownKeys } from "#kit/keymap.ts";
import { commandContext, runCommand } from "../command-context.ts";
import { host, isMac } from "../plugins.ts";

/** How well `query` fits `title`: 0 not at all; more is better. Words may come in any order, letters may be left out. */
export function score(title: string, query: string): number {
  const text = title.toLowerCase();
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  if (words.length === 0) return 1;
  let sum = 0;
  for (const word of words) {
    const at = text.indexOf(word);
    if (at >= 0) sum += at === 0 ? 10 : /\s|-/.test(text[at - 1] ?? "") ? 8 : 4;
    else if (isSubsequence(text, word)) sum += 1;
    else return 0;
  }
  return sum - text.length / 1000;
}

function isSubsequence(text: string, letters: string): boolean {
  let at = -1;
  for (const letter of letters) {
    at = text.indexOf(letter, at + 1);
    if (at < 0) return false;
  }
  return letters.length > 2;
}

export function Palette(props: { readonly onClose: () => void }): JSX.Element {
  const [query, setQuery] = createSignal("");
  const [at, setAt] = createSignal(0);
  const context = commandContext();
  const seen = new Set<string>();
  const possible = host.get(commands).filter((command) => {
    if (!isPossible(command, context) || seen.has(command.title)) return false;
    seen.add(command.title);
    return true;
  });
  const found = createMemo(() =>
    possible
      .map((command) => ({ command, score: score(command.title, query()) }))
      .filter((item) => item.score > 0)
      .sort((a, b) => (query() === "" ? 0 : b.score - a.score))
      .map((item) => item.command),
  );
  const run = (command: Command | undefined): void => {
    if (!command) return;
    props.onClose();
    // After the focus is back where it was, for commands that look at the caret.
    queueMicrotask(() => void runCommand(command));
  };
  const optionId = (index: number): string => `palette-option-${index}`;
  const onKeyDown = (event: KeyboardEvent): void => {
    const count = found().length;
    if (event.key === "ArrowDown") setAt((value) => (value + 1) % Math.max(1, count));
    else if (event.key === "ArrowUp") setAt((value) => (value - 1 + count) % Math.max(1, count));
    else if (event.key === "Enter") run(found()[at()]);
    else return;
    event.preventDefault();
    document.getElementById(optionId(at()))?.scrollIntoView({ block: "nearest" });
  };
  return (
    <Dialog label="Command palette" class="palette" onClose={props.onClose}>
      <input
        class="palette-input"
        type="text"
        role="combobox"
        aria-label="Command"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={found().length > 0 ? optionId(at()) : undefined}
        placeholder="What should happen?"
        autocomplete="off"
        spellcheck={false}
        autofocus
        onInput={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id="palette-list" class="palette-list" role="listbox" aria-label="Commands">
        <For each={found()}>
          {(command, index) => (
            <div
              id={optionId(index())}
              class="palette-option"
              role="option"
              aria-selected={index() === at()}
              onPointerMove={() => setAt(index())}
              onClick={() => run(command)}
            >
              <span>{command.title}</span>
              <span class="palette-keys">
                <For each={shownKeys(command.keys, isMac).slice(0, 2)}>{(key) => <kbd>{key}</kbd>}</For>
              </span>
            </div>
          )}
        </For>
      </div>
      <Show when={found().length === 0}>
        <p class="quiet palette-none">No command is called that.</p>
      </Show>
    </Dialog>
  );
}
