/** Merging a branch back: first what it would change, then the merge. */
import { Match, Show, Switch, createSignal, type JSX } from "solid-js";
import type { MergePreview } from "#core/notebook/branches.ts";
import { roleMay } from "#core/mesh/roles.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import { CellChanges } from "./cell-changes.tsx";
import { countWords, sentenceOf } from "./words.ts";

export function MergeBack(props: { readonly view: NotebookView; readonly page: PageActions }): JSX.Element {
  const [preview, setPreview] = createSignal<MergePreview>();
  const [busy, setBusy] = createSignal(false);
  const [trouble, setTrouble] = createSignal("");
  const branchOf = () => props.view.client.entry.branchOf;
  /** A notebook of others, which one may read only, is not changed here either. */
  const refused = (): boolean => {
    const original = branchOf();
    const sharing = original && props.page.network.sharing(original.document);
    if (!sharing || sharing.former.some(({ id }) => id === sharing.me)) return false;
    return !roleMay(sharing.role, "edit");
  };
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    if (busy()) return;
    setBusy(true);
    setTrouble("");
    try {
      await work();
    } catch (error) {
      setTrouble(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  const look = async (): Promise<void> => void setPreview(await props.view.client.previewMerge());
  const merge = async (): Promise<void> => {
    const document = await props.view.client.mergeBack();
    props.page.toast(`Merged into “${preview()?.title}”. How it was before has a name in its history.`, {
      label: "Open it",
      run: () => props.page.openDocument(document),
    });
    setPreview(undefined);
  };
  return (
    <Show when={branchOf()}>
      <section class="history-merge" aria-labelledby="history-merge">
        <h3 id="history-merge">A branch</h3>
        <Switch
          fallback={
            <>
              <p>This notebook was branched off from another one.</p>
              <button type="button" class="button outlined" aria-disabled={busy()} onClick={() => void attempt(look)}>
                {busy() ? "Looking what it would change …" : "Merge back"}
              </button>
            </>
          }
        >
          <Match when={refused()}>
            <p>The notebook that it was branched off from is one that you may not edit: it can't be merged back.</p>
          </Match>
          <Match when={preview()}>
            {(known) => (
              <>
                <p>{previewWords(known())}</p>
                <CellChanges differences={known().differences} view={props.view} who={() => ""} restoreWords="" />
                <div class="history-row">
                  <Show when={known().changes > 0}>
                    <button
                      type="button"
                      class="button primary"
                      aria-disabled={busy()}
                      onClick={() => void attempt(merge)}
                    >
                      Merge
                    </button>
                  </Show>
                  <button type="button" class="button" onClick={() => setPreview(undefined)}>
                    Not now
                  </button>
                </div>
              </>
            )}
          </Match>
        </Switch>
        <p class="history-trouble" role="alert">
          {trouble()}
        </p>
      </section>
    </Show>
  );
}

function previewWords({ title, changes, differences }: MergePreview): string {
  if (changes === 0) return `“${title}” has everything that was done here.`;
  if (differences.length === 0) return `No cell of “${title}” would change.`;
  return `Merging into “${title}” would change ${countWords(differences.length, "cell")}:`;
}
