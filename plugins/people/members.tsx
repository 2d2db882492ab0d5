/** Who is in the notebook: name, role, whether they are here and how they are linked; and those who were. */
import { For, Show, createMemo, type JSX } from "solid-js";
import type { FormerMember } from "#core/mesh/membership.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import type { Sharing, ShownMember } from "#core/mesh/messages.ts";
import { ROLES, roleMay, type Role } from "#core/mesh/roles.ts";
import type { NotebookView, PageActions } from "#kit/commands.ts";
import { personColour, shownName } from "#kit/people.ts";
import { PersonMark } from "#kit/person-mark.tsx";
import { createTask, type Task } from "./task.ts";
import { dayWords, linkWords, roleWords, trafficWords } from "./words.ts";

export interface MembersProps {
  readonly sharing: Sharing;
  readonly page: PageActions;
  readonly view: NotebookView;
}

export function Members(props: MembersProps): JSX.Element {
  const task = createTask();
  /** By id, so that a row keeps its place and the focus in it when anything else of the notebook changes. */
  const ids = createMemo<readonly MemberId[]>(
    () => {
      const { me, members } = props.sharing;
      return [...members.filter(({ id }) => id === me), ...members.filter(({ id }) => id !== me)].map(({ id }) => id);
    },
    [],
    { equals: (a, b) => a.length === b.length && a.every((id, index) => id === b[index]) },
  );
  return (
    <section aria-labelledby="people-members">
      <h3 id="people-members">{ids().length === 1 ? "Only you so far" : `${ids().length} members`}</h3>
      <ul class="people-list">
        <For each={ids()}>
          {(id) => {
            const member = createMemo(() => props.sharing.members.find((one) => one.id === id));
            return (
              <Show when={member()}>
                {(known) => <MemberRow {...props} sharing={props.sharing} member={known()} task={task} />}
              </Show>
            );
          }}
        </For>
      </ul>
      <p class="people-trouble" role="alert">
        {task.trouble()}
      </p>
      <Show when={props.sharing.former.length > 0}>
        <details class="people-former">
          <summary>
            {props.sharing.former.length === 1 ? "1 former member" : `${props.sharing.former.length} former members`}
          </summary>
          <ul class="people-list">
            <For each={props.sharing.former}>
              {(former) => (
                <li class="people-former-row">
                  <span dir="auto">{shownName(former.name)}</span>
                  <span class="quiet">{endWords(former, props.sharing)}</span>
                </li>
              )}
            </For>
          </ul>
        </details>
      </Show>
    </section>
  );
}

function MemberRow(props: MembersProps & { readonly member: ShownMember; readonly task: Task }): JSX.Element {
  const name = (): string => shownName(props.member.name);
  const isMe = (): boolean => props.member.id === props.sharing.me;
  const manages = (): boolean => roleMay(props.sharing.role, "manage");
  const presence = () => props.sharing.present.find(({ id }) => id === props.member.id)?.state;
  const cellNumber = (): number => {
    const cell = presence()?.cell;
    return cell === undefined ? 0 : props.view.indexOf(cell) + 1;
  };
  const facts = (): string => {
    if (isMe()) return "on this device";
    const path = props.sharing.linked.find(({ id }) => id === props.member.id)?.path;
    // An always-on machine is never in a cell: that it is not says nothing.
    if (props.member.role === "mirror") return linkWords(path);
    const here = presence() ? (cellNumber() > 0 ? `here now, in cell ${cellNumber()}` : "here now") : "not here now";
    return `${here} · ${linkWords(path)}`;
  };
  const traffic = createMemo(() =>
    trafficWords(props.page.network.links().peers.filter(({ id }) => id === props.member.id)),
  );
  const visit = (): void => {
    const cell = presence()?.cell;
    if (cell !== undefined && cellNumber() > 0) props.view.choose(cell);
  };
  const setRole = (role: Role): void => {
    void props.task.run(() => props.page.network.setRole(props.sharing.document, props.member.id, role));
  };
  const remove = async (): Promise<void> => {
    const agreed = await props.page.ask({
      title: `Remove ${name()}?`,
      text: `From then on they get nothing new, and nothing that they write is taken. What they have already stays with them. ${
        props.sharing.invitations.some(({ state, uses }) => state === "open" && uses === "many")
          ? "A link for anyone is still open, and lets them in again under another name: close it below."
          : "A new link lets them in again."
      }`,
      yes: "Remove",
      final: true,
    });
    if (agreed) await props.task.run(() => props.page.network.remove(props.sharing.document, props.member.id));
  };
  return (
    <li class="people-member" data-here={presence() !== undefined || isMe()}>
      <PersonMark name={name()} colour={personColour(props.member.id)} />
      <div class="people-member-text">
        <Show when={!isMe() && cellNumber() > 0} fallback={<Name name={name()} isMe={isMe()} />}>
          <button type="button" class="people-visit" title={`Go to where ${name()} is`} onClick={visit}>
            <Name name={name()} isMe={false} />
            <span class="visually-hidden">, go to cell {cellNumber()}</span>
          </button>
        </Show>
        <span class="quiet">{facts()}</span>
        <Show when={traffic()}>{(words) => <span class="quiet people-traffic">{words()}</span>}</Show>
        <Show when={!manages() || isMe()}>
          <span class="quiet">{roleWords[props.member.role]}</span>
        </Show>
      </div>
      <Show when={manages() && !isMe()}>
        <div class="people-row people-member-actions">
          <RoleChoice name={name()} role={props.member.role} task={props.task} onChoose={setRole} />
          <button type="button" class="button" aria-label={`Remove ${name()}`} onClick={() => void remove()}>
            Remove
          </button>
        </div>
      </Show>
    </li>
  );
}

function Name(props: { readonly name: string; readonly isMe: boolean }): JSX.Element {
  return (
    <span class="people-name">
      <bdi>{props.name}</bdi>
      <Show when={props.isMe}>
        <span class="quiet"> you</span>
      </Show>
    </span>
  );
}

function RoleChoice(props: {
  readonly name: string;
  readonly role: Role;
  readonly task: Task;
  readonly onChoose: (role: Role) => void;
}): JSX.Element {
  return (
    <select
      class="input people-role"
      aria-label={`What ${props.name} may do`}
      aria-disabled={props.task.busy()}
      onChange={(event) => {
        const role = ROLES.find((one) => one === event.currentTarget.value);
        // It shows what is so: the choice appears when it has been made known.
        event.currentTarget.value = props.role;
        if (role) props.onChoose(role);
      }}
    >
      <For each={ROLES}>
        {(role) => (
          <option value={role} selected={role === props.role}>
            {roleWords[role]}
          </option>
        )}
      </For>
    </select>
  );
}

function endWords(former: FormerMember, sharing: Sharing): string {
  const day = dayWords(former.time);
  if (former.by === former.id) return `left on ${day}`;
  const known = [...sharing.members, ...sharing.former].find(({ id }) => id === former.by);
  const by = former.by === sharing.me ? "you" : known ? shownName(known.name) : "somebody";
  return `removed by ${by} on ${day}`;
}
