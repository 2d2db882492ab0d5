/** The panel: a slider over the sessions of work, their list, and the state that was chosen. */
import { For, Match, Show, Switch, createEffect, createMemo, createSignal, on, onCleanup, type JSX } from "solid-js";
import { isSameJson } from "#core/base/canonical-json.ts";
import type { HistorySession } from "#core/notebook/history.ts";
import type { NamedVersion } from "#core/notebook/model.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import type { PanelProps } from "#kit/panels.ts";
import { onAsked, takeAsked, type Asked } from "./asked.ts";
import { AwayView } from "./away-view.tsx";
import { MergeBack } from "./merge-back.tsx";
import { Shorten } from "./shorten.tsx";
import { StateView, type ShownState } from "./state-view.tsx";
import { Versions } from "./versions.tsx";
import { countWords, momentWords, peopleWords, sentenceOf, timeWords } from "./words.ts";
import "./history.css";

/** Sessions that are read at a time. */
const PAGE = 40;

export function HistoryPanel(props: PanelProps): JSX.Element {
  return (
    <Show
      when={props.context.view}
      keyed
      fallback={<p class="quiet panel-empty">A history belongs to a notebook: open one first.</p>}
    >
      {(view) => <History view={view} page={props.context.page} />}
    </Show>
  );
}

function History(props: { readonly view: NotebookView; readonly page: PageActions }): JSX.Element {
  const { client } = props.view;
  const [asked, setAsked] = createSignal<Asked>(takeAsked());
  onCleanup(onAsked(setAsked));
  const [sessions, setSessions] = createSignal<readonly HistorySession[]>();
  const [next, setNext] = createSignal<readonly string[]>();
  const [shortened, setShortened] = createSignal(false);
  const [chosen, setChosen] = createSignal<HistorySession | NamedVersion>();
  const [versions, setVersions] = createSignal(client.notebook.versions ?? []);
  const [naming, setNaming] = createSignal(asked() === "name");
  const [newer, setNewer] = createSignal(false);
  const [busy, setBusy] = createSignal(false);
  const [trouble, setTrouble] = createSignal("");
  const sharing = () => props.page.network.sharing(client.document);

  const read = async (from: readonly string[] | undefined): Promise<void> => {
    if (busy()) return;
    setBusy(true);
    setTrouble("");
    if (from === undefined) setNewer(false);
    try {
      const page = await client.history(PAGE, from);
      setSessions((former = []) => (from ? [...former, ...page.sessions] : page.sessions));
      setNext(page.next);
      setShortened(page.isShortened ?? false);
      if (from === undefined) setChosen(page.sessions[0]);
    } catch (error) {
      setTrouble(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  void read(undefined);
  onCleanup(
    client.onChange(({ meta }) => {
      if (meta) setVersions(client.notebook.versions ?? []);
      setNewer(true);
    }),
  );
  const isUnsigned = (): boolean => (sessions() ?? []).some(({ people }) => people.some(({ unsigned }) => unsigned));
  onCleanup(client.onSigned(() => isUnsigned() && setNewer(true)));
  onCleanup(client.onShortened(() => setNewer(true)));
  createEffect(
    on(
      asked,
      (what) => {
        if (what !== "name") return;
        setNaming(true);
        void read(undefined);
      },
      { defer: true },
    ),
  );

  const words = (session: HistorySession): string => {
    const people = peopleWords(session.people, sharing());
    return `${timeWords(session)}${people && `, ${people}`}, ${countWords(session.changes, "change")}`;
  };
  const shown = createMemo(
    (): ShownState | undefined => {
      const what = chosen();
      if (what === undefined) return undefined;
      if ("name" in what) return { heads: what.heads, before: undefined, changes: 0, words: `“${what.name}”` };
      return { ...what, words: timeWords(what) };
    },
    undefined,
    // What is open in it stays open while the notebook changes.
    { equals: (one, other) => isSameJson(one, other) },
  );
  const isNow = (): boolean => chosen() === sessions()?.[0] && !newer();
  /** Of the slider: 0 is the oldest that was read. */
  const place = (): number => {
    const all = sessions() ?? [];
    const what = chosen();
    const index = what && !("name" in what) ? all.indexOf(what) : 0;
    return all.length - 1 - Math.max(0, index);
  };
  const choosePlace = (value: number): void => {
    const all = sessions() ?? [];
    choose(all[all.length - 1 - value]);
  };
  const choose = (what: HistorySession | NamedVersion | undefined): void => {
    setNaming(false);
    setChosen(what);
  };

  return (
    <div class="history">
      <Switch>
        <Match when={asked() === "away"}>
          <AwayView view={props.view} page={props.page} onBack={() => setAsked("list")} />
        </Match>
        <Match when={asked() === "shorten"}>
          <Shorten
            view={props.view}
            page={props.page}
            onBack={() => {
              setAsked("list");
              void read(undefined);
            }}
          />
        </Match>
        <Match when={sessions()?.length === 0}>
          <p class="quiet">Nothing was done in this notebook yet. What is done will be listed here.</p>
        </Match>
        <Match when={sessions()}>
          {(all) => (
            <>
              <div class="history-slider">
                <label for="history-slider">Go through the history</label>
                <input
                  id="history-slider"
                  type="range"
                  min={0}
                  max={Math.max(0, all().length - 1)}
                  step={1}
                  value={place()}
                  aria-valuetext={chosenWords(chosen(), words)}
                  onInput={(event) => choosePlace(event.currentTarget.valueAsNumber)}
                />
                <p class="history-chosen" aria-hidden="true">
                  {chosenWords(chosen(), words)}
                </p>
              </div>
              <Show when={shown()}>
                {(state) => (
                  <StateView
                    state={state()}
                    isNow={isNow()}
                    view={props.view}
                    page={props.page}
                    naming={naming()}
                    onNaming={(on) => setNaming(on)}
                  />
                )}
              </Show>
              <Show when={newer()}>
                <div class="history-row" role="status">
                  <button type="button" class="button outlined" onClick={() => void read(undefined)}>
                    Show newer changes
                  </button>
                </div>
              </Show>
              <MergeBack view={props.view} page={props.page} />
              <Versions
                versions={versions()}
                view={props.view}
                page={props.page}
                isShown={(version) => chosen() === version}
                onShow={choose}
              />
              <section aria-labelledby="history-sessions">
                <h3 id="history-sessions">Sessions of work</h3>
                <ol class="history-sessions">
                  <For each={all()}>
                    {(session) => (
                      <li>
                        <button
                          type="button"
                          class="history-entry"
                          aria-current={chosen() === session ? "true" : undefined}
                          onClick={() => choose(session)}
                        >
                          <span class="history-entry-name">{timeWords(session)}</span>
                          <span class="quiet">
                            {peopleWords(session.people, sharing())}
                            {peopleWords(session.people, sharing()) && " · "}
                            {countWords(session.changes, "change")}
                          </span>
                        </button>
                      </li>
                    )}
                  </For>
                </ol>
                <Show when={isUnsigned()}>
                  <p class="quiet">
                    Changes that are not signed name somebody who has not confirmed them yet, so it is not said whose
                    they are.
                  </p>
                </Show>
                <Show when={shortened()}>
                  <p class="quiet">
                    The history was shortened here. What was done before is kept apart, so that the notebook opens
                    quickly.
                  </p>
                </Show>
                <Show when={next()}>
                  {(from) => (
                    <button
                      type="button"
                      class="button outlined"
                      aria-disabled={busy()}
                      onClick={() => void read(from())}
                    >
                      {busy() ? "Reading …" : "Show earlier"}
                    </button>
                  )}
                </Show>
              </section>
            </>
          )}
        </Match>
        <Match when={trouble() === ""}>
          <p class="quiet" role="status">
            Reading the history …
          </p>
        </Match>
      </Switch>
      <p class="history-trouble" role="alert">
        {trouble()}
      </p>
    </div>
  );
}

function chosenWords(
  chosen: HistorySession | NamedVersion | undefined,
  words: (session: HistorySession) => string,
): string {
  if (chosen === undefined) return "";
  return "name" in chosen ? `“${chosen.name}”, named ${momentWords(chosen.time)}` : words(chosen);
}
