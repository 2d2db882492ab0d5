/** What others changed between the last visit and this one: for each person, the cells. */
import { For, Match, Show, Switch, createMemo, createSignal, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Away, ChangedBy, PastState } from "#core/notebook/document-history.ts";
import type { CellDifference } from "#core/notebook/differences.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import { CellChanges } from "./cell-changes.tsx";
import { putBackCell } from "./restoring.ts";
import { countWords, personWords, sentenceOf } from "./words.ts";

interface Found {
  readonly away: Away;
  readonly now: PastState;
  readonly left: PastState;
  readonly changedBy: ChangedBy;
}

async function read(view: NotebookView): Promise<Found | undefined> {
  const { client } = view;
  const away = await client.away();
  const latest = (await client.history(1)).sessions[0];
  if (!away || !latest) return undefined;
  const now = await client.past(latest.heads, away.heads);
  const left = await client.past(away.heads);
  const changedBy = await client.changedBy({ since: away.heads, until: away.opened });
  return { away, now, left, changedBy };
}

export function AwayView(props: {
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly onBack: () => void;
}): JSX.Element {
  const [found, setFound] = createSignal<Found>();
  const [done, setDone] = createSignal(false);
  const [trouble, setTrouble] = createSignal("");
  read(props.view).then(
    (result) => {
      setFound(result);
      setDone(true);
    },
    (error: unknown) => setTrouble(sentenceOf(error)),
  );
  const sharing = () => props.page.network.sharing(props.view.client.document);
  const groups = createMemo(() => {
    const known = found();
    if (!known) return [];
    const groups = new Map<string, { readonly name: string; readonly differences: CellDifference[] }>();
    const cells = new Map(known.changedBy.cells.map(({ cell, people }) => [cell, people]));
    for (const difference of known.now.differences) {
      const others = (cells.get(difference.cell) ?? []).filter(({ member }) => member !== sharing()?.me);
      for (const { member, unsigned } of others) {
        const name = unsigned ? "Not signed" : (personWords(member, sharing()) ?? "Not known by whom");
        // Two members may have one name.
        const group = groups.get(member ?? name) ?? { name, differences: [] };
        groups.set(member ?? name, group);
        group.differences.push(difference);
      }
    }
    return [...groups.values()];
  });
  const restore = (cell: CellId): void => {
    const then = found()?.left.notebook;
    setTrouble("");
    if (then) putBackCell(props.view, props.page, then, cell).catch((error: unknown) => setTrouble(sentenceOf(error)));
  };
  return (
    <section class="history-away" aria-labelledby="history-away">
      <h3 id="history-away">While you were away</h3>
      <p class="history-trouble" role="alert">
        {trouble()}
      </p>
      <Switch>
        <Match when={groups().length > 0}>
          <For each={groups()}>
            {(group) => (
              <>
                <h4 dir="auto">
                  {group.name} <span class="quiet">{countWords(group.differences.length, "cell")}</span>
                </h4>
                <CellChanges
                  differences={group.differences}
                  view={props.view}
                  who={() => ""}
                  restoreWords="as it was when you left"
                  onRestore={props.view.refusal() === undefined ? restore : undefined}
                />
              </>
            )}
          </For>
          <Show when={(found()?.changedBy.unread ?? 0) > 0}>
            <p class="quiet">Only the last 1,000 changes were looked at; there were more.</p>
          </Show>
        </Match>
        <Match when={done()}>
          <p class="quiet">Nobody else changed this notebook between your last visit and this one.</p>
        </Match>
        <Match when={trouble() === ""}>
          <p class="quiet" role="status">
            Looking what changed …
          </p>
        </Match>
      </Switch>
      <button type="button" class="button outlined" onClick={() => props.onBack()}>
        Show the whole history
      </button>
    </section>
  );
}
