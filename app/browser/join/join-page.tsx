/** What a link to a shared notebook opens: what it is and allows, one's name, and the wait until the notebook is here. */
import { Match, Show, Switch, createEffect, createSignal, onMount, type JSX } from "solid-js";
import type { DocumentId } from "#core/base/ids.ts";
import { parseInvitationLink, type InvitationLink } from "#core/mesh/invitation.ts";
import { compareRoles } from "#core/mesh/roles.ts";
import type { Network } from "#kit/network.ts";
import { ManualLink } from "#plugins/people/manual-link.tsx";
import { NameField } from "#plugins/people/name-field.tsx";
import { networkWords } from "#plugins/people/network-state.tsx";
import { createTask } from "#plugins/people/task.ts";
import { allowWords, sentenceOf, untilWords } from "#plugins/people/words.ts";
import "#plugins/people/people.css";
import "./join.css";

export interface JoinPageProps {
  /** The fragment of the address, as it came. */
  readonly fragment: string;
  readonly network: Network;
  /** The notebook is here. */
  readonly onOpen: (document: DocumentId) => void;
  /** The person does not want to, or no longer. */
  readonly onCancel: () => void;
}

function read(fragment: string): InvitationLink | string {
  try {
    return parseInvitationLink(fragment, Date.now());
  } catch (error) {
    return sentenceOf(error);
  }
}

export function JoinPage(props: JoinPageProps): JSX.Element {
  const link = read(props.fragment);
  return (
    <main class="join people">
      {typeof link === "string" ? (
        <>
          <h1>This link opens nothing</h1>
          <p role="alert">{link}</p>
          <p class="quiet">Your own notebooks are as they were.</p>
          <div class="people-row">
            <button type="button" class="button primary" onClick={() => props.onCancel()}>
              Go on without it
            </button>
          </div>
        </>
      ) : (
        <Invitation {...props} link={link} />
      )}
    </main>
  );
}

function Invitation(props: JoinPageProps & { readonly link: InvitationLink }): JSX.Element {
  const { notebook, role, expires } = props.link;
  const title = props.link.title?.trim() ?? "";
  const sharing = () => props.network.sharing(notebook);
  const [isJoining, setJoining] = createSignal(false);
  /** Nothing to be had by the link that one does not have. */
  const isMember = (): boolean => {
    const own = sharing();
    return own?.isHere === true && own.role !== undefined && compareRoles(own.role, role) <= 0;
  };
  createEffect(() => {
    if (isJoining() && (sharing()?.isHere === true || sharing()?.isComing === true)) props.onOpen(notebook);
  });
  document.title = "Join · Kroma";
  return (
    <>
      <h1 dir="auto">{title === "" ? "Join a shared notebook" : `Join “${title}”`}</h1>
      <Switch>
        <Match when={isJoining()}>
          <Waiting {...props} />
        </Match>
        <Match when={isMember()}>
          <p>You are in this notebook already.</p>
          <div class="people-row">
            <button type="button" class="button primary" onClick={() => props.onOpen(notebook)}>
              Open it
            </button>
            <button type="button" class="button" onClick={() => props.onCancel()}>
              Not now
            </button>
          </div>
        </Match>
        <Match when={true}>
          <p>
            With this link you may {allowWords[role]}.
            {expires === undefined ? "" : ` It can be used until ${untilWords(expires)}.`} The notebook comes straight
            from somebody who has it, to this browser.
          </p>
          <JoinForm {...props} onJoined={() => setJoining(true)} />
        </Match>
      </Switch>
    </>
  );
}

function JoinForm(
  props: JoinPageProps & { readonly link: InvitationLink; readonly onJoined: () => void },
): JSX.Element {
  const task = createTask();
  const [wanted, setWanted] = createSignal(false);
  let form: HTMLFormElement | undefined;
  const nameInput = () => form?.querySelector<HTMLInputElement>("input");
  onMount(() => {
    if (props.network.name() === "") nameInput()?.focus();
    else form?.querySelector<HTMLButtonElement>("button[type=submit]")?.focus();
  });
  const join = (event: Event): void => {
    event.preventDefault();
    // Enter in the field comes before the field has told that it changed.
    nameInput()?.dispatchEvent(new Event("change"));
    const unnamed = props.network.name() === "";
    setWanted(unnamed);
    if (unnamed) nameInput()?.focus();
    else
      void task.run(async () => {
        await props.network.join(props.link);
        props.onJoined();
      });
  };
  return (
    <form ref={(element) => (form = element)} class="people-invite" onSubmit={join}>
      <NameField network={props.network} wanted={wanted() && props.network.name() === ""} />
      <p class="people-trouble" role="alert">
        {task.trouble()}
      </p>
      <div class="people-row">
        <button type="submit" class="button primary" aria-disabled={task.busy()}>
          {task.busy() ? "Joining …" : "Join"}
        </button>
        <button type="button" class="button" onClick={() => props.onCancel()}>
          Not now
        </button>
      </div>
      <p class="quiet">
        The link is no longer in the address bar, so that it is not passed on by accident. Whoever has it can use it.
      </p>
    </form>
  );
}

function Waiting(props: JoinPageProps & { readonly link: InvitationLink }): JSX.Element {
  const task = createTask();
  const trouble = (): string | undefined => props.network.sharing(props.link.notebook)?.trouble;
  const latest = (): string | undefined => props.network.links().troubles.at(-1);
  let stop: HTMLButtonElement | undefined;
  onMount(() => stop?.focus());
  const end = (): void => {
    void task.run(async () => {
      await props.network.leave(props.link.notebook);
      props.onCancel();
    });
  };
  return (
    <>
      <div role="status">
        <p>
          <strong>Waiting for someone who has the notebook …</strong> One of them must have Kroma open. It comes by
          itself as soon as one is reached.
        </p>
        <Show when={trouble()}>
          <p class="people-trouble">{trouble()}</p>
        </Show>
      </div>
      <p class="quiet">{networkWords(props.network)}</p>
      <Show when={latest()}>
        <p class="quiet people-trouble">Last trouble: {latest()}</p>
      </Show>
      <p class="people-trouble" role="alert">
        {task.trouble()}
      </p>
      <div class="people-row">
        <button ref={(element) => (stop = element)} type="button" class="button people-outlined" onClick={end}>
          Stop waiting
        </button>
      </div>
      <ManualLink network={props.network} />
    </>
  );
}
