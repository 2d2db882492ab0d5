/** Shortening the history: what there is of it, what it would do, and what it has done. */
import { Match, Show, Switch, createSignal, type JSX } from "solid-js";
import type { HistorySize } from "#core/notebook/document-history.ts";
import { roleMay } from "#core/mesh/roles.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import { fileSize } from "#kit/file-size.ts";
import { countWords, sentenceOf } from "./words.ts";

export function Shorten(props: {
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly onBack: () => void;
}): JSX.Element {
  const { client } = props.view;
  const [before, setBefore] = createSignal<HistorySize>();
  const [after, setAfter] = createSignal<HistorySize>();
  const [busy, setBusy] = createSignal(false);
  const [trouble, setTrouble] = createSignal("");
  client.historySize().then(setBefore, (error: unknown) => setTrouble(sentenceOf(error)));
  const refusal = (): string | undefined => {
    if (client.entry.branchOf) return "This notebook is a branch: merge it back first, or copy it.";
    const sharing = props.page.network.sharing(client.document);
    if (!sharing) return props.view.refusal();
    return roleMay(sharing.role, "manage") ? props.view.refusal() : OWNERS_ONLY;
  };
  let back: HTMLButtonElement | undefined;
  const shorten = async (): Promise<void> => {
    if (busy()) return;
    setBusy(true);
    setTrouble("");
    try {
      await client.reseed();
      setAfter(await client.historySize());
      back?.focus();
    } catch (error) {
      setTrouble(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="history-shorten" aria-labelledby="history-shorten">
      <h3 id="history-shorten">Shorten the history</h3>
      <Switch>
        <Match when={after()}>
          {(now) => (
            <p role="status">
              Done: {sizeWords(before())} became {sizeWords(now())}. The earlier history is kept, and can be read in the
              list.
            </p>
          )}
        </Match>
        <Match when={before()}>
          {(known) => (
            <>
              <p>
                This notebook has {countWords(known().changes, "change")} in it, {fileSize(known().bytes)}
                {known().isShortened ? " since its history was last shortened" : ""}. They are read whenever it is
                opened, and everybody who joins gets them first.
              </p>
              <p>
                Shortening puts them away in a file of their own. Cells, outputs, comments and named versions stay as
                they are, and the whole history can still be read here. Work of people who are away is taken in when
                they come back. Shortening can't be undone.
              </p>
              <Show when={refusal()}>{(words) => <p class="quiet">{words()}</p>}</Show>
            </>
          )}
        </Match>
        <Match when={trouble() === ""}>
          <p class="quiet" role="status">
            Looking how long it is …
          </p>
        </Match>
      </Switch>
      <p class="history-trouble" role="alert">
        {trouble()}
      </p>
      <div class="history-row">
        <Show when={before() !== undefined && after() === undefined && refusal() === undefined}>
          <button type="button" class="button primary" aria-disabled={busy()} onClick={() => void shorten()}>
            {busy() ? "Shortening it …" : "Shorten it"}
          </button>
        </Show>
        <button
          ref={(element) => (back = element)}
          type="button"
          class="button outlined"
          onClick={() => props.onBack()}
        >
          {after() ? "Show the history" : "Not now"}
        </button>
      </div>
    </section>
  );
}

const OWNERS_ONLY = "Only an owner of this notebook can shorten its history, because it is shortened for everybody.";

const sizeWords = (size: HistorySize | undefined): string =>
  size === undefined ? "" : `${countWords(size.changes, "change")} (${fileSize(size.bytes)})`;
