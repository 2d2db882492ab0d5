/** The panel: what sharing is, the links that let others in, who is in the notebook, and how they are connected. */
import { For, Match, Show, Switch, createMemo, untrack, type JSX } from "solid-js";
import type { DocumentId } from "#core/base/ids.ts";
import type { ContradictionNote } from "#core/mesh/contradiction-note.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import type { Equivocation } from "#core/mesh/membership.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import { roleMay } from "#core/mesh/roles.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import type { Network } from "#kit/network.ts";
import type { PanelProps } from "#kit/panels.ts";
import { shownName } from "#kit/people.ts";
import { Invitations } from "./invitations.tsx";
import { Invite } from "./invite.tsx";
import { ManualLink } from "./manual-link.tsx";
import { Members } from "./members.tsx";
import { NameField } from "./name-field.tsx";
import { NetworkState } from "./network-state.tsx";
import { RecoveryFile } from "./recovery-file.tsx";
import { createTask } from "./task.ts";
import { dayWords, limitWords } from "./words.ts";
import "./people.css";

export function PeoplePanel(props: PanelProps): JSX.Element {
  return (
    <Show
      when={props.context.view}
      keyed
      fallback={<p class="quiet panel-empty">People belong to a notebook: open one first.</p>}
    >
      {(view) => <People view={view} page={props.context.page} document={view.client.document} />}
    </Show>
  );
}

const now = (): number => Date.now();

function People(props: {
  readonly view: NotebookView;
  readonly page: PageActions;
  readonly document: DocumentId;
}): JSX.Element {
  const network = (): Network => props.page.network;
  const sharing = createMemo(() => network().sharing(props.document));
  const isShared = createMemo(() => sharing() !== undefined);
  const invites = createMemo(() => !isShared() || roleMay(sharing()?.role, "manage"));
  return (
    <div class="people">
      {/* One place before and after the first link, so that the link stays where it was made. */}
      <Show when={invites()}>
        <details class="people-fold" open={untrack(() => (sharing()?.members.length ?? 0) < 2)}>
          <summary>{isShared() ? "Let somebody in" : "Write together"}</summary>
          <Show when={!isShared()}>
            <p>
              Others open this notebook in their own browser, and all of you write in it at once. It goes from browser
              to browser, encrypted: no server keeps it, and only those who were given a link get in. Files that its
              cells name go along.
            </p>
          </Show>
          <Invite network={network()} document={props.document} now={now} />
        </details>
      </Show>
      <Show when={sharing()}>{(known) => <Shared sharing={known()} view={props.view} page={props.page} />}</Show>
      <NetworkState network={network()} />
      <ManualLink network={network()} />
      <RecoveryFile page={props.page} />
    </div>
  );
}

function Shared(props: {
  readonly sharing: Sharing;
  readonly view: NotebookView;
  readonly page: PageActions;
}): JSX.Element {
  const network = (): Network => props.page.network;
  const end = createMemo(() => props.sharing.former.find(({ id }) => id === props.sharing.me));
  return (
    <>
      <Show when={props.sharing.trouble}>
        <p class="people-notice">{props.sharing.trouble}</p>
      </Show>
      <Switch
        fallback={
          <section>
            <p role="status">
              Waiting for somebody who has the notebook to let you in. It happens by itself as soon as one of them is
              connected.
            </p>
          </section>
        }
      >
        <Match when={props.sharing.role !== undefined}>
          <Show when={limitWords(props.sharing)}>{(words) => <p class="people-notice">{words()}</p>}</Show>
          <Members sharing={props.sharing} page={props.page} view={props.view} />
          <For each={props.sharing.equivocations}>
            {(twice) => <p class="people-notice">{equivocationWords(twice, props.sharing)}</p>}
          </For>
          <For each={props.sharing.contradictions}>
            {(note) => <p class="people-notice">{contradictionWords(note, props.sharing)}</p>}
          </For>
          <Show when={roleMay(props.sharing.role, "manage")}>
            <Invitations sharing={props.sharing} network={network()} now={now} />
          </Show>
          <section aria-labelledby="people-me">
            <h3 id="people-me">You</h3>
            <NameField network={network()} wanted={false} />
            <Leave sharing={props.sharing} page={props.page} />
          </section>
        </Match>
        <Match when={end()}>
          {(former) => (
            <p class="people-notice">
              {former().by === former().id
                ? `You left on ${dayWords(former().time)}.`
                : `You were removed on ${dayWords(former().time)}.`}{" "}
              This notebook is your own copy now: nothing of the others comes any more, and nothing of yours goes to
              them. A new link from them brings you back.
            </p>
          )}
        </Match>
      </Switch>
    </>
  );
}

function Leave(props: { readonly sharing: Sharing; readonly page: PageActions }): JSX.Element {
  const task = createTask();
  const isLastOwner = (): boolean => {
    const owners = props.sharing.members.filter(({ role }) => role === "owner");
    return owners.length === 1 && owners[0]?.id === props.sharing.me && props.sharing.members.length > 1;
  };
  const leave = async (): Promise<void> => {
    const agreed = await props.page.ask({
      title: "Leave the others?",
      text: `The notebook as it is now stays here as your own copy, and theirs stay with them; from then on you don't see each other's changes.${isLastOwner() ? " You are the only owner: after that nobody can invite, remove or give roles. Make another one owner first, if somebody should." : ""}`,
      yes: "Leave",
      final: true,
    });
    if (agreed) await task.run(() => props.page.network.leave(props.sharing.document));
  };
  return (
    <>
      <button type="button" class="button danger people-leave" onClick={() => void leave()}>
        {props.sharing.members.length === 1 ? "Stop sharing" : "Leave"}
      </button>
      <p class="people-trouble" role="alert">
        {task.trouble()}
      </p>
    </>
  );
}

function equivocationWords({ author }: Equivocation, sharing: Sharing): string {
  const known = [...sharing.members, ...sharing.former].find(({ id }) => id === author);
  const name = known ? shownName(known.name) : "A member";
  return `${name} has said two different things in one place of the list of members. A device that was restored from a backup does that, or a copied key. If ${name === "A member" ? "nobody knows" : "they don't know"} of one, be careful.`;
}

function contradictionWords({ inPlaceOf, through }: ContradictionNote, sharing: Sharing): string {
  const nameOf = (id: MemberId): string => {
    const known = [...sharing.members, ...sharing.former].find((one) => one.id === id);
    return id === sharing.me ? "you" : known ? shownName(known.name) : "somebody";
  };
  const place = inPlaceOf ? `where only ${nameOf(inPlaceOf)} could have written` : "in the place of another one";
  const [one, other] = through.map(nameOf);
  const by =
    one === undefined
      ? "It was here before anybody can say who brought it."
      : other === undefined
        ? `It came from ${one}, who wrote it or had it from somebody.`
        : `It came from ${one} or from ${other}, who wrote it or had it from somebody.`;
  return `A change came that stands ${place}. ${by} Both texts are kept, and nothing of it is signed as ${inPlaceOf === sharing.me ? "yours" : "theirs"}.`;
}
