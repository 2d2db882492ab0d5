/** One state of the notebook: what changed to get there, how it was, and what can be done with it. */
import { Match, Show, Switch, createEffect, createMemo, createSignal, on, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { ChangedBy, PastState } from "#core/notebook/document-history.ts";
import { differencesBetween } from "#core/notebook/differences.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import { CellChanges } from "./cell-changes.tsx";
import { PastNotebook } from "./past-notebook.tsx";
import { putBackAll, putBackCell } from "./restoring.ts";
import { NameForm, nameVersion } from "./versions.tsx";
import { byWords, countWords, sentenceOf } from "./words.ts";

/** A state to be looked at. */
export interface ShownState {
  readonly heads: readonly string[];
  /** What it is compared with; a named version is compared with the present instead. */
  readonly before: readonly string[] | undefined;
  /** The changes between them; 0 when that is not known. */
  readonly changes: number;
  readonly words: string;
}

export function StateView(props: {
  readonly state: ShownState;
  /** It is the present: nothing of it has to be put back. */
  readonly isNow: boolean;
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly naming: boolean;
  readonly onNaming: (on: boolean) => void;
}): JSX.Element {
  const [past, setPast] = createSignal<PastState>();
  const [changedBy, setChangedBy] = createSignal<ChangedBy>();
  const [trouble, setTrouble] = createSignal("");
  const [whole, setWhole] = createSignal(false);
  let nameButton: HTMLButtonElement | undefined;
  const sharing = () => props.page.network.sharing(props.view.client.document);
  createEffect(
    on(
      () => props.state,
      (state) => {
        setPast(undefined);
        setChangedBy(undefined);
        setTrouble("");
        const isMeant = (): boolean => props.state === state;
        const { client } = props.view;
        client.past(state.heads, state.before).then(
          ({ notebook, differences }) => {
            if (!isMeant()) return;
            const now = (): PastState["differences"] => differencesBetween(notebook, client.notebook);
            setPast({ notebook, differences: state.before ? differences : now() });
          },
          (error: unknown) => isMeant() && setTrouble(sentenceOf(error)),
        );
        if (state.changes === 0 || !sharing()) return;
        client.changedBy({ heads: state.heads, changes: state.changes }).then(
          (found) => isMeant() && setChangedBy(found),
          // Then it is not said who it was.
          () => undefined,
        );
      },
    ),
  );
  const people = createMemo(() => new Map(changedBy()?.cells.map(({ cell, people: those }) => [cell, those])));
  const who = (cell: CellId): string => byWords(people().get(cell) ?? [], sharing());
  const attempt = (work: Promise<void>): void => {
    setTrouble("");
    work.catch((error: unknown) => setTrouble(sentenceOf(error)));
  };
  const branch = async (): Promise<void> => {
    const title = props.view.client.notebook.title || "Untitled";
    const document = await props.view.client.branch(props.state.heads, `${title} (${props.state.words})`);
    props.page.toast("A notebook of this version is in the library.", {
      label: "Open it",
      run: () => props.page.openDocument(document),
    });
  };
  const allowed = (): boolean => props.view.refusal() === undefined;
  return (
    <section class="history-state" aria-label={`The version of ${props.state.words}`}>
      <Show
        when={props.naming}
        fallback={
          <div class="history-row">
            <Show when={allowed()}>
              <button
                ref={(element) => (nameButton = element)}
                type="button"
                class="button outlined"
                onClick={() => props.onNaming(true)}
              >
                Name this version
              </button>
              <Show when={!props.isNow}>
                <button
                  type="button"
                  class="button outlined"
                  aria-disabled={past() === undefined}
                  onClick={() => {
                    const then = past()?.notebook;
                    if (then) attempt(putBackAll(props.view, props.page, then));
                  }}
                >
                  Restore all
                </button>
              </Show>
            </Show>
            <button type="button" class="button outlined" onClick={() => attempt(branch())}>
              Branch off
            </button>
          </div>
        }
      >
        <NameForm
          label={`Name for the version of ${props.state.words}`}
          name=""
          onName={(name) => nameVersion(props.view, props.state.heads, name)}
          onClose={() => {
            props.onNaming(false);
            nameButton?.focus();
          }}
        />
      </Show>
      <p class="history-trouble" role="alert">
        {trouble()}
      </p>
      <Switch>
        <Match when={past()}>
          {(found) => (
            <>
              <div class="history-choice" role="group" aria-label="What is shown">
                <button type="button" aria-pressed={!whole()} onClick={() => setWhole(false)}>
                  {props.state.before ? "What changed" : "Changed since"}
                </button>
                <button type="button" aria-pressed={whole()} onClick={() => setWhole(true)}>
                  The notebook then
                </button>
              </div>
              <Show
                when={whole()}
                fallback={
                  <Show
                    when={found().differences.length > 0}
                    fallback={
                      <p class="quiet">
                        {props.state.before
                          ? "No cell differs: what changed is the title, a name or a setting."
                          : "The cells now are as they were then."}
                      </p>
                    }
                  >
                    <p class="quiet">
                      {countWords(found().differences.length, "cell")}{" "}
                      {props.state.before ? "changed here:" : "changed from then to now:"}
                    </p>
                    <CellChanges
                      differences={found().differences}
                      view={props.view}
                      who={who}
                      restoreWords={`as it was ${props.state.words}`}
                      onRestore={
                        allowed()
                          ? (cell) => attempt(putBackCell(props.view, props.page, found().notebook, cell))
                          : undefined
                      }
                    />
                    <Show when={(changedBy()?.unread ?? 0) > 0}>
                      <p class="quiet">Who it was is told for the last 1,000 changes.</p>
                    </Show>
                  </Show>
                }
              >
                <PastNotebook past={found()} />
              </Show>
            </>
          )}
        </Match>
        <Match when={trouble() === ""}>
          <p class="quiet" role="status">
            Reading how it was …
          </p>
        </Match>
      </Switch>
    </section>
  );
}
