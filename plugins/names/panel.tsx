/** Names: one's own, to lead others to the newest version; and those of others, whose new versions are shown and never swapped. */
import { For, Show, createSignal, type JSX } from "solid-js";
import { NOTEBOOK_PATH } from "#core/artefact/manifest.ts";
import { KromaError } from "#core/base/errors.ts";
import { readFile } from "#core/notebook/formats.ts";
import type { Notebook } from "#core/notebook/model.ts";
import { Field } from "#kit/field.tsx";
import type { FollowedName, NameAccess } from "#kit/names.ts";
import type { PanelProps } from "#kit/panels.ts";
import { versionChanges, type VersionChange } from "./changes.ts";
import { OwnNameSection } from "./own-name.tsx";
import "./names.css";

/** What a row says of the newer version, once it was looked at. */
interface Compared {
  readonly name: string;
  readonly changes: readonly VersionChange[];
}

export function NamesPanel(props: PanelProps): JSX.Element {
  const { page } = props.context;
  const [names, setNames] = createSignal<NameAccess>();
  const [followed, setFollowed] = createSignal<readonly FollowedName[]>([]);
  const [compared, setCompared] = createSignal<Compared>();
  const [trouble, setTrouble] = createSignal("");
  const [told, setTold] = createSignal("");
  const [isBusy, setBusy] = createSignal(false);
  const [typed, setTyped] = createSignal("");
  const act = async (work: (access: NameAccess) => Promise<string>): Promise<void> => {
    if (isBusy()) return;
    setBusy(true);
    setTrouble("");
    setTold("");
    try {
      const access = await page.names();
      setNames(access);
      setTold(await work(access));
      setFollowed(await access.followed());
    } catch (error) {
      setTrouble(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  const look = (isAsked: boolean): Promise<void> =>
    act(async (access) => {
      setFollowed(await access.followed());
      const { failures } = await access.refresh(await page.artefacts.sources());
      if (failures.length > 0) setTrouble(failures.join(" "));
      return isAsked && failures.length === 0 ? "All names were asked for." : "";
    });
  void look(false);

  const follow = (): Promise<void> =>
    act(async (access) => {
      const { name, failures } = await access.follow(typed(), await page.artefacts.sources());
      setTyped("");
      if (failures.length > 0) setTrouble(failures.join(" "));
      return `You follow ${shortened(name)}.`;
    });
  const compare = (one: FollowedName): Promise<void> =>
    act(async () => {
      const from = await page.artefacts.sources();
      const [before, after] = [await notebookAt(one.accepted, from), await notebookAt(one.newest, from)];
      setCompared({ name: one.name, changes: versionChanges(before, after) });
      return "";
    });
  const notebookAt = async (value: string | undefined, from: readonly string[]): Promise<Notebook> => {
    const client = page.artefacts.client();
    const { root, cid } = { ...(await client.open(cidOf(value), { from })), cid: cidOf(value) };
    await client.fetch(cid, { from });
    return readFile(NOTEBOOK_PATH, await client.read(root, NOTEBOOK_PATH)).notebook;
  };
  const take = (one: FollowedName): Promise<void> =>
    act(async (access) => {
      if (one.newest === undefined) return "";
      await access.accept(one.name, one.newest);
      setCompared(undefined);
      return "You have the newest version now. The one before stays where it is kept.";
    });
  const unfollow = (one: FollowedName): Promise<void> =>
    act(async (access) => {
      await access.unfollow(one.name);
      return `You no longer follow ${shortened(one.name)}.`;
    });
  const open = async (value: string | undefined): Promise<void> =>
    page.artefacts.show({ cid: cidOf(value), from: (await page.artefacts.sources()).slice(0, 2) });

  return (
    <section class="names form-column" aria-label="Names of published notebooks">
      <Show when={trouble()}>
        <p class="form-problem" role="alert">
          {trouble()}
        </p>
      </Show>
      <p class="quiet" role="status">
        {isBusy() ? "Asking …" : told()}
      </p>
      <Show when={names()} fallback={<p class="quiet">Looking for names …</p>}>
        {(access) => <OwnNameSection names={access()} page={page} />}
      </Show>
      <h3>Names that you follow</h3>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void follow();
        }}
      >
        <Field label="A name, or a link with one">
          {(control) => (
            <div class="copy-row">
              <input
                {...control}
                required
                spellcheck={false}
                autocomplete="off"
                placeholder="k51qzi5uqu5…"
                value={typed()}
                onInput={(event) => setTyped(event.currentTarget.value)}
              />
              <button type="submit" class="button outlined" aria-disabled={isBusy()}>
                Follow
              </button>
            </div>
          )}
        </Field>
      </form>
      <ul class="names-list">
        <For each={followed()} fallback={<li class="quiet">You follow nobody's name yet.</li>}>
          {(one) => (
            <li class="names-item">
              <code title={one.name}>{shortened(one.name)}</code>
              <span>{stateOf(one)}</span>
              <div class="form-row">
                <button type="button" class="button outlined" onClick={() => void open(one.accepted)}>
                  Open your version
                </button>
                <Show when={one.hasNews}>
                  <button type="button" class="button outlined" onClick={() => void compare(one)}>
                    What changed
                  </button>
                  <button type="button" class="button outlined" onClick={() => void open(one.newest)}>
                    Look at the newer one
                  </button>
                  <button type="button" class="button primary" onClick={() => void take(one)}>
                    Take it
                  </button>
                </Show>
                <button type="button" class="button" onClick={() => void unfollow(one)}>
                  Stop following
                </button>
              </div>
              <Show when={compared()?.name === one.name ? compared() : undefined}>
                {(found) => <Changes changes={found().changes} />}
              </Show>
            </li>
          )}
        </For>
      </ul>
      <button type="button" class="button outlined" aria-disabled={isBusy()} onClick={() => void look(true)}>
        Ask for newer versions
      </button>
    </section>
  );
}

function Changes(props: { readonly changes: readonly VersionChange[] }): JSX.Element {
  return (
    <ul class="names-changes" aria-label="What the newer version changes">
      <For
        each={props.changes}
        fallback={<li class="quiet">Cells and outputs are the same; something else differs.</li>}
      >
        {(change) => (
          <li>
            <Show
              when={change.before !== undefined || change.after !== undefined}
              fallback={<span>{change.words}</span>}
            >
              <details>
                <summary>{change.words}</summary>
                <Show when={change.before !== undefined}>
                  <p class="quiet">Before</p>
                  <pre tabindex="0">{change.before}</pre>
                </Show>
                <Show when={change.after !== undefined}>
                  <p class="quiet">Now</p>
                  <pre tabindex="0">{change.after}</pre>
                </Show>
              </details>
            </Show>
          </li>
        )}
      </For>
    </ul>
  );
}

function stateOf({ hasNews, newest }: FollowedName): string {
  if (hasNews) return "There is a newer version. Yours stays until you take it.";
  if (newest === undefined) return "Nobody vouches for it any more: the time of what is known of it is over.";
  return "You have the newest version.";
}

function cidOf(value: string | undefined): string {
  const cid = value?.split("/")[2];
  if (cid === undefined) throw new KromaError("missing", "There is no version to be opened.");
  return cid;
}

/** The start and the end of a long name. */
const shortened = (name: string): string => (name.length > 24 ? `${name.slice(0, 12)}…${name.slice(-8)}` : name);

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
