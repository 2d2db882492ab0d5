/** Making a link: what it allows, to whom, for how long; and the link once it is made. */
import { For, Show, createSignal, createUniqueId, lazy, untrack, type JSX } from "solid-js";
import type { DocumentId } from "#core/base/ids.ts";
import type { Network, NewInvitation } from "#kit/network.ts";
import { CopyField } from "#kit/copy-field.tsx";
import { NameField } from "./name-field.tsx";
import { createTask } from "./task.ts";
import { allowWords, untilWords } from "./words.ts";

const QrCode = lazy(async () => ({ default: (await import("#kit/qr-code.tsx")).QrCode }));

const DAY = 24 * 3_600_000;

const ROLES = [
  { value: "editor", label: "Edit", help: "write, run cells, comment" },
  { value: "commenter", label: "Comment", help: "read and comment" },
  { value: "reader", label: "Read", help: "nothing else" },
  { value: "mirror", label: "Keep", help: "a machine that is always on: kroma mirror --join LINK" },
] as const;
const USES = [
  { value: "one", label: "One person", help: "the first who opens it" },
  { value: "many", label: "Anyone with the link", help: "" },
] as const;
const TIMES = [
  { value: 1, label: "A day", help: "" },
  { value: 7, label: "A week", help: "" },
  { value: 30, label: "A month", help: "" },
] as const;

interface Made extends NewInvitation {
  readonly link: string;
}

export function Invite(props: {
  readonly network: Network;
  readonly document: DocumentId;
  /** The clock. */
  readonly now: () => number;
}): JSX.Element {
  const [role, setRole] = createSignal<(typeof ROLES)[number]["value"]>("editor");
  const [uses, setUses] = createSignal<NewInvitation["uses"]>("one");
  const [days, setDays] = createSignal<(typeof TIMES)[number]["value"]>(7);
  const [made, setMade] = createSignal<Made>();
  const [wanted, setWanted] = createSignal(false);
  const task = createTask();
  let form: HTMLFormElement | undefined;
  // It stays once it was filled in: leaving it by a press on the button must not move the button away under the pointer.
  const asksName = untrack(() => props.network.name() === "");
  const make = (event: Event): void => {
    event.preventDefault();
    const unnamed = props.network.name() === "";
    setWanted(unnamed);
    if (unnamed) {
      form?.querySelector<HTMLInputElement>("input[autocomplete=name]")?.focus();
      return;
    }
    void task.run(async () => {
      const invitation = { role: role(), uses: uses(), expires: props.now() + days() * DAY };
      setMade({ ...invitation, link: await props.network.invite(props.document, invitation) });
    });
  };
  return (
    <Show
      when={made()}
      keyed
      fallback={
        <form ref={(element) => (form = element)} class="people-invite" onSubmit={make}>
          <Show when={asksName}>
            <NameField network={props.network} wanted={wanted() && props.network.name() === ""} />
          </Show>
          <Choices legend="What the link allows" options={ROLES} chosen={role()} onChoose={setRole} />
          <Choices legend="Who can use it" options={USES} chosen={uses()} onChoose={setUses} />
          <Choices legend="For how long" options={TIMES} chosen={days()} onChoose={setDays} inline />
          <button type="submit" class="button primary" aria-disabled={task.busy()}>
            {task.busy() ? "Making the link …" : "Make a link"}
          </button>
          <p class="people-trouble" role="alert">
            {task.trouble()}
          </p>
        </form>
      }
    >
      {(invitation) => <MadeLink made={invitation} onAgain={() => setMade(undefined)} />}
    </Show>
  );
}

function MadeLink(props: { readonly made: Made; readonly onAgain: () => void }): JSX.Element {
  const [shown, setShown] = createSignal(false);
  const sentence = (): string => {
    const { uses, role, expires } = props.made;
    const who = uses === "one" ? "The first who opens it" : "Whoever has it";
    return `${who} may ${allowWords[role]}. It can be used until ${untilWords(expires)}.`;
  };
  return (
    <div class="people-made">
      <CopyField label="Link" text={props.made.link} copied="Copied. Send it to whom you want here." />
      <p>{sentence()}</p>
      <div class="people-row">
        <button type="button" class="button" aria-expanded={shown()} onClick={() => setShown(!shown())}>
          {shown() ? "Hide QR code" : "Show QR code"}
        </button>
        <button type="button" class="button" onClick={() => props.onAgain()}>
          Make another
        </button>
      </div>
      <Show when={shown()}>
        <QrCode text={props.made.link} label="The link as a QR code" />
      </Show>
    </div>
  );
}

function Choices<Value extends string | number>(props: {
  readonly legend: string;
  readonly options: readonly { readonly value: Value; readonly label: string; readonly help: string }[];
  readonly chosen: Value;
  readonly onChoose: (value: Value) => void;
  /** Beside each other. */
  readonly inline?: boolean;
}): JSX.Element {
  const name = createUniqueId();
  return (
    <fieldset>
      <legend>{props.legend}</legend>
      <div class={props.inline ? "people-choices inline" : "people-choices"}>
        <For each={props.options}>
          {(option) => (
            <label class="choice">
              <input
                type="radio"
                name={name}
                checked={props.chosen === option.value}
                onChange={() => props.onChoose(option.value)}
              />
              <span>
                {option.label}
                <Show when={option.help}>
                  <span class="quiet"> {option.help}</span>
                </Show>
              </span>
            </label>
          )}
        </For>
      </div>
    </fieldset>
  );
}
