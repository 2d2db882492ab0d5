/** Left of a cell: its language as a word (a menu), run, the execution count, and the edge that carries its state. */
import { Show, type JSX } from "solid-js";
import type { Cell } from "#core/notebook/model.ts";
import type { CellState } from "#core/session/state.ts";
import { Icon } from "#kit/icon.tsx";
import { Menu, type MenuItem } from "#kit/menu.tsx";
import { cellMenu } from "./cell-menu.ts";
import { CommentsInCell } from "./cell-comments.tsx";
import { PeopleInCell } from "./cell-people.tsx";
import { newCellOf, type PageView } from "./view.ts";

const WORDS = ["python", "typescript", "shell", "sql", "chat", "markdown", "raw"] as const;

export interface GutterProps {
  readonly view: PageView;
  readonly cell: () => Cell;
  readonly state: () => CellState | undefined;
}

export function Gutter(props: GutterProps): JSX.Element {
  const languages = (): readonly MenuItem[] => {
    const { id, language } = props.cell();
    const words = WORDS.includes(language as (typeof WORDS)[number]) ? WORDS : [...WORDS, language];
    return words.map((word) => ({
      label: word,
      checked: word === language,
      run: () => {
        if (word === language) return;
        void props.view.change([{ type: "set_language", cell: id, ...newCellOf(word) }], "change language");
      },
    }));
  };
  const isCode = (): boolean => props.cell().kind === "code";
  const canRun = (): boolean => isCode() && hasKernel();
  const hasKernel = (): boolean => props.view.session$().kernels.has(props.cell().language);
  const isRunning = (): boolean => props.state()?.progress === "running";
  return (
    <div class="gutter">
      <Show when={props.view.refusal() === undefined} fallback={<span class="language">{props.cell().language}</span>}>
        <Menu
          label={`Language: ${props.cell().language}`}
          class="language"
          items={languages}
          tabIndex={props.view.active() === props.cell().id ? 0 : -1}
        >
          {props.cell().language}
        </Menu>
      </Show>
      <span class="gutter-row">
        <Show when={isCode()}>
          <span class="count" aria-hidden="true">
            {props.state()?.progress === "queued" ? "…" : isRunning() ? "∗" : (props.state()?.count ?? "")}
          </span>
          <button
            type="button"
            class="run"
            aria-label="Run cell"
            title={
              !hasKernel()
                ? `There is no kernel for ${props.cell().language} here`
                : (props.view.runRefusal() ?? "Run cell (Shift+Enter)")
            }
            disabled={!canRun() || props.view.runRefusal() !== undefined}
            tabIndex={props.view.active() === props.cell().id ? 0 : -1}
            onClick={() => {
              props.view.choose(props.cell().id);
              props.view.run([props.cell().id]);
            }}
          >
            <Icon name="play" />
          </button>
        </Show>
        <Show when={props.view.active() === props.cell().id}>
          <Menu label="Cell actions" class="cell-actions" items={() => cellMenu(props.view, props.cell())}>
            <Icon name="more" />
          </Menu>
        </Show>
      </span>
      <CommentsInCell view={props.view} id={props.cell().id} />
      <PeopleInCell view={props.view} id={props.cell().id} />
    </div>
  );
}
