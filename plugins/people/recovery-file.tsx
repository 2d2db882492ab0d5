/**
 * One's keys as a file that only a passphrase opens, and back: for another browser, or for the day on which this one
 * loses them. Where the file can't be made any more it is said so, and what that means.
 */
import { Show, createSignal, createUniqueId, type JSX } from "solid-js";
import { KromaError } from "#core/base/errors.ts";
import type { PageActions } from "#kit/commands.ts";
import { createTask } from "./task.ts";

/** A recovery file has well below this; what is longer is none. */
const MOST_BYTES = 64 << 10;

export function RecoveryFile(props: { readonly page: PageActions }): JSX.Element {
  const keys = () => props.page.network.keys();
  return (
    <details class="people-fold">
      <summary>Your keys</summary>
      <p>
        Others know you by keys that this browser made and keeps. A recovery file has them, enciphered with a
        passphrase: it makes you the same person in another browser, or in this one after its data were deleted.
      </p>
      <Show
        when={keys()}
        fallback={
          <p class="quiet">There are no keys yet. They are made when you first share a notebook or join one.</p>
        }
      >
        {(known) => (
          <Show
            when={known().isRecoverable}
            fallback={
              <p class="people-notice">
                A file of the keys in this browser can't be made any more: it keeps them so that nothing can read them
                out, not even Kroma. That was possible only until Kroma was closed for the first time after they were
                made. If this browser loses them, a new link brings you back, as a new person.
              </p>
            }
          >
            <MakeFile page={props.page} />
          </Show>
        )}
      </Show>
      <TakeFile page={props.page} hasKeys={keys() !== undefined} />
    </details>
  );
}

function MakeFile(props: { readonly page: PageActions }): JSX.Element {
  const [passphrase, setPassphrase] = createSignal("");
  const [again, setAgain] = createSignal("");
  const [made, setMade] = createSignal(false);
  const task = createTask();
  const make = async (): Promise<void> => {
    setMade(false);
    if (passphrase() !== again()) throw new KromaError("invalid", "The two passphrases are not the same.");
    const file = await props.page.network.recoveryFile(passphrase());
    props.page.download("kroma-recovery.json", file, "application/json");
    setPassphrase("");
    setAgain("");
    setMade(true);
  };
  return (
    <form
      class="people-field"
      onSubmit={(event) => {
        event.preventDefault();
        void task.run(make);
      }}
    >
      <p class="quiet">
        It can be made only now: once Kroma was closed in all tabs, nothing can read the keys any more.
      </p>
      <Secret label="Passphrase, at least 10 characters" value={passphrase()} onValue={setPassphrase} isNew />
      <Secret label="The passphrase again" value={again()} onValue={setAgain} isNew />
      <button type="submit" class="button people-outlined" aria-disabled={task.busy()}>
        {task.busy() ? "Making the file …" : "Make the recovery file"}
      </button>
      <p class="quiet" role="status">
        {made() ? "Made. Keep it where you find it again; without the passphrase it is worth nothing, to you too." : ""}
      </p>
      <p class="people-trouble" role="alert">
        {task.trouble()}
      </p>
    </form>
  );
}

function TakeFile(props: { readonly page: PageActions; readonly hasKeys: boolean }): JSX.Element {
  const id = createUniqueId();
  const [file, setFile] = createSignal<File>();
  const [passphrase, setPassphrase] = createSignal("");
  const [taken, setTaken] = createSignal(false);
  const task = createTask();
  let field: HTMLInputElement | undefined;
  const take = async (): Promise<void> => {
    setTaken(false);
    const chosen = file();
    if (!chosen) throw new KromaError("invalid", "Choose the recovery file first.");
    if (chosen.size > MOST_BYTES) throw new KromaError("invalid", "This is not a recovery file of Kroma.");
    const bytes = new Uint8Array(await chosen.arrayBuffer());
    const agreed =
      !props.hasKeys ||
      (await props.page.ask({
        title: "Become the person of this file?",
        text: "The keys that this browser has now are replaced and gone. Notebooks that only they have access to stay here as they are, and a new link brings you back into them.",
        yes: "Take the keys of the file",
        final: true,
      }));
    if (!agreed) return;
    await props.page.network.recover(bytes, passphrase());
    setPassphrase("");
    setFile(undefined);
    if (field) field.value = "";
    setTaken(true);
  };
  return (
    <form
      class="people-field"
      onSubmit={(event) => {
        event.preventDefault();
        void task.run(take);
      }}
    >
      <label for={id}>Recovery file</label>
      <input
        ref={(element) => (field = element)}
        id={id}
        class="input"
        type="file"
        accept=".json,application/json"
        onChange={(event) => setFile(event.currentTarget.files?.[0])}
      />
      <Secret label="Its passphrase" value={passphrase()} onValue={setPassphrase} />
      <button type="submit" class="button people-outlined" aria-disabled={task.busy()}>
        {task.busy() ? "Opening the file …" : "Take the keys of the file"}
      </button>
      <p class="quiet" role="status">
        {taken()
          ? "You are the person of the file now. Any link to a notebook of yours brings it here, also one that was used."
          : ""}
      </p>
      <p class="people-trouble" role="alert">
        {task.trouble()}
      </p>
    </form>
  );
}

function Secret(props: {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly isNew?: boolean;
}): JSX.Element {
  const id = createUniqueId();
  return (
    <>
      <label for={id}>{props.label}</label>
      <input
        id={id}
        class="input"
        type="password"
        autocomplete={props.isNew ? "new-password" : "current-password"}
        value={props.value}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
    </>
  );
}
