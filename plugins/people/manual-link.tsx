/**
 * Connecting two without any server: one makes an offer and hands it over by whatever way there is (a chat, a mail, a
 * stick), the other makes an answer of it and hands that back. Both sides are here.
 */
import { Match, Show, Switch, createSignal, createUniqueId, onCleanup, type JSX } from "solid-js";
import type { ManualOffer, Network } from "#kit/network.ts";
import { CopyField } from "#kit/copy-field.tsx";
import { createTask } from "./task.ts";

type Step =
  | { readonly type: "choose" }
  | { readonly type: "offer"; readonly offer: ManualOffer }
  | { readonly type: "their offer" }
  | { readonly type: "answer"; readonly text: string }
  | { readonly type: "connected" };

export function ManualLink(props: { readonly network: Network }): JSX.Element {
  const [step, setStep] = createSignal<Step>({ type: "choose" });
  const task = createTask();
  /** Counts what was begun, so that what comes after a cancel is dropped. */
  let turn = 0;
  let closed = false;
  const end = (): void => {
    const at = step();
    if (at.type === "offer") at.offer.cancel();
  };
  const go = (next: Step): void => {
    turn++;
    task.clear();
    setStep(next);
  };
  const cancel = (): void => {
    end();
    go({ type: "choose" });
  };
  onCleanup(() => {
    closed = true;
    end();
  });
  const start = async (): Promise<void> => {
    const mine = turn;
    const offer = await props.network.offer();
    if (closed || mine !== turn) offer.cancel();
    else go({ type: "offer", offer });
  };
  const accept = async (offer: ManualOffer, text: string): Promise<void> => {
    const mine = turn;
    await offer.accept(text);
    if (mine === turn) go({ type: "connected" });
  };
  const answer = async (text: string): Promise<void> => {
    const mine = turn;
    const made = await props.network.answer(text);
    if (mine === turn) go({ type: "answer", text: made });
  };
  const at = <Type extends Step["type"]>(type: Type): Extract<Step, { type: Type }> | undefined => {
    const now = step();
    return now.type === type ? (now as Extract<Step, { type: Type }>) : undefined;
  };
  return (
    <details class="people-fold">
      <summary>Connect without a server</summary>
      <p>
        Two texts, passed on by any way you have: a first one from one to the other, a second one back. Both of you must
        be members of the notebook, or hold a link to it.
      </p>
      <Switch>
        <Match when={at("choose")}>
          <div class="people-row">
            <button
              type="button"
              class="button people-outlined"
              aria-disabled={task.busy()}
              onClick={() => void task.run(start)}
            >
              {task.busy() ? "Making the first text …" : "Make the first text"}
            </button>
            <button type="button" class="button people-outlined" onClick={() => go({ type: "their offer" })}>
              I was given one
            </button>
          </div>
        </Match>
        <Match when={at("offer")} keyed>
          {({ offer }) => (
            <>
              <CopyField label="1. Send them this text" text={offer.text} tall copied="Copied." />
              <PasteForm
                label="2. Paste the text that comes back"
                action="Connect"
                doing="Connecting …"
                busy={task.busy()}
                onPaste={(text) => void task.run(() => accept(offer, text))}
                onCancel={cancel}
              />
            </>
          )}
        </Match>
        <Match when={at("their offer")}>
          <PasteForm
            label="1. Paste the text that you were given"
            action="Make the answer"
            doing="Making the answer …"
            busy={task.busy()}
            onPaste={(text) => void task.run(() => answer(text))}
            onCancel={cancel}
          />
        </Match>
        <Match when={at("answer")} keyed>
          {({ text }) => (
            <>
              <CopyField label="2. Send this text back" text={text} tall copied="Copied." />
              <p class="quiet">You are connected as soon as they have pasted it. Keep this page open.</p>
              <button type="button" class="button people-outlined" onClick={() => go({ type: "choose" })}>
                Done
              </button>
            </>
          )}
        </Match>
        <Match when={at("connected")}>
          <p role="status">Connected. No server stands between you.</p>
          <button type="button" class="button people-outlined" onClick={() => go({ type: "choose" })}>
            Connect another
          </button>
        </Match>
      </Switch>
      <p class="people-trouble" role="alert">
        {task.trouble()}
      </p>
    </details>
  );
}

function PasteForm(props: {
  readonly label: string;
  readonly action: string;
  readonly doing: string;
  readonly busy: boolean;
  readonly onPaste: (text: string) => void;
  readonly onCancel: () => void;
}): JSX.Element {
  const id = createUniqueId();
  const [text, setText] = createSignal("");
  const [empty, setEmpty] = createSignal(false);
  return (
    <form
      class="people-field"
      onSubmit={(event) => {
        event.preventDefault();
        setEmpty(text().trim() === "");
        if (!empty()) props.onPaste(text().trim());
      }}
    >
      <label for={id}>{props.label}</label>
      <textarea
        id={id}
        class="input"
        rows={3}
        spellcheck={false}
        autocomplete="off"
        aria-invalid={empty()}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setEmpty(false);
        }}
      />
      <Show when={empty()}>
        <p class="quiet people-trouble" role="alert">
          Paste the text first.
        </p>
      </Show>
      <div class="people-row">
        <button type="submit" class="button primary" aria-disabled={props.busy}>
          {props.busy ? props.doing : props.action}
        </button>
        <button type="button" class="button" onClick={() => props.onCancel()}>
          Cancel
        </button>
      </div>
    </form>
  );
}
