/** What goes into a publication, as the form shows it: the files, a copy of Kroma, what is asked for, and what may be a secret. */
import { For, Show, createMemo, createUniqueId, type JSX } from "solid-js";
import { notebookParts, type PlacedSuspicion } from "#core/artefact/notebook-parts.ts";
import { fileSize } from "#kit/file-size.ts";
import type { Candidate, Content } from "./collect.ts";
import { CAPABILITIES, capabilityWords, countWords } from "./words.ts";

/** The files, to be chosen from, and what else there is. */
export function GoesIn(props: {
  readonly content: Content;
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
  readonly size: number;
}): JSX.Element {
  const { notebook } = props.content;
  const outputs = notebook.cells.reduce((sum, { run }) => sum + (run?.outputs.length ?? 0), 0);
  const missing = notebook.cells.filter(({ run }) => run?.missing !== undefined).length;
  const packages = createMemo(() => {
    const { packages: wheels, npm } = notebookParts(props.content.notebook, [], {
      authors: [],
      licence: "",
    }).environment;
    return wheels.length + npm.length;
  });
  const used = (): readonly Candidate[] => props.content.files.filter(({ isUsed }) => isUsed);
  const others = (): readonly Candidate[] => props.content.files.filter(({ isUsed }) => !isUsed);
  const toggle = (path: string, isIn: boolean): void => {
    const next = new Set(props.chosen);
    if (isIn) next.add(path);
    else next.delete(path);
    props.onChoose(next);
  };
  const row = (file: Candidate): JSX.Element => (
    <li>
      <label class="choice">
        <input
          type="checkbox"
          checked={props.chosen.has(file.path)}
          onChange={(event) => toggle(file.path, event.currentTarget.checked)}
        />
        <span class="publish-path">{file.path}</span>
        <span class="quiet">{fileSize(file.size)}</span>
      </label>
    </li>
  );
  return (
    <fieldset class="publish-content">
      <legend>What goes in: {fileSize(props.size)}</legend>
      <p>
        The notebook, {countWords(notebook.cells.length, "cell")} with {countWords(outputs, "output")}, and a page that
        shows it without Kroma.
      </p>
      <Show when={packages() > 0}>
        <p>{countWords(packages(), "package")} by name and hash; they are not copied.</p>
      </Show>
      <Show when={missing > 0}>
        <p class="form-problem">
          The outputs of {countWords(missing, "cell")} are not in this browser, and are left out. Run{" "}
          {missing === 1 ? "it" : "them"} again to have them in.
        </p>
      </Show>
      <Show when={used().length > 0}>
        <p>Files that its cells use:</p>
        <ul class="publish-files">
          <For each={used()}>{row}</For>
        </ul>
      </Show>
      <Show when={others().length > 0}>
        <details class="publish-fold">
          <summary>Other files of the workspace: {props.content.hasMore ? "many" : others().length}</summary>
          <ul class="publish-files">
            <For each={others()}>{row}</For>
          </ul>
          <Show when={props.content.hasMore}>
            <p class="quiet">Only the first are listed.</p>
          </Show>
        </details>
      </Show>
    </fieldset>
  );
}

/** Whether a copy of Kroma goes along. */
export function WithKroma(props: {
  /** What it takes, once it is chosen and known. */
  readonly size: number | undefined;
  readonly trouble: string;
  readonly onChoose: (isWanted: boolean) => void;
}): JSX.Element {
  const id = createUniqueId();
  return (
    <div class="form-field">
      <label class="choice">
        <input
          type="checkbox"
          aria-describedby={id}
          onChange={(event) => props.onChoose(event.currentTarget.checked)}
        />
        <span>With Kroma{props.size === undefined ? "" : `, ${fileSize(props.size)}`}</span>
      </label>
      <p id={id} class="quiet">
        A copy of Kroma goes along, so that it runs at any gateway or host of files, also when no other Kroma is left.
        All that you publish with the same copy shares it.
      </p>
      <p class="form-problem" role="alert">
        {props.trouble}
      </p>
    </div>
  );
}

/** Whether the image for its Linux cells goes along with the copy. */
export function WithLinux(props: {
  /** The image's CID is known, and goes in. */
  readonly isNamed: boolean;
  /** What the image takes; undefined where it can't be taken along. */
  readonly size: number | undefined;
  readonly isTaken: boolean;
  readonly onChoose: (isTaken: boolean) => void;
}): JSX.Element {
  const id = createUniqueId();
  const words = (): string => {
    if (!props.isNamed)
      return "Its Linux cells don't run in the copy: this host does not say which Linux image it has.";
    if (props.size === undefined)
      return "Its Linux image is named by its CID: its Linux cells run in the copy where a gateway has the image.";
    return props.isTaken
      ? "Who keeps this keeps the image too, so its Linux cells run wherever the rest does."
      : "Without it the image is named by its CID alone: its Linux cells run in the copy where a gateway has the image.";
  };
  return (
    <div class="form-field">
      <Show when={props.size}>
        {(size) => (
          <label class="choice">
            <input
              type="checkbox"
              aria-describedby={id}
              checked={props.isTaken}
              onChange={(event) => props.onChoose(event.currentTarget.checked)}
            />
            <span>With Linux, {fileSize(size())}</span>
          </label>
        )}
      </Show>
      <p id={id} class="quiet">
        {words()}
      </p>
    </div>
  );
}

/** The powers that it asks whoever opens it for. */
export function Asks(props: {
  readonly asked: ReadonlySet<string>;
  readonly onChoose: (asked: ReadonlySet<string>) => void;
}): JSX.Element {
  const toggle = (name: string, isAsked: boolean): void => {
    const next = new Set(props.asked);
    if (isAsked) next.add(name);
    else next.delete(name);
    props.onChoose(next);
  };
  return (
    <details class="publish-fold">
      <summary>What it asks for: {props.asked.size === 0 ? "nothing" : countWords(props.asked.size, "power")}</summary>
      <p class="quiet">
        Asking gives nothing. Whoever opens it reads the list before they trust it, and knows what your code means to
        do.
      </p>
      <ul class="publish-files">
        <For each={Object.keys(CAPABILITIES)}>
          {(name) => (
            <li>
              <label class="choice">
                <input
                  type="checkbox"
                  checked={props.asked.has(name)}
                  onChange={(event) => toggle(name, event.currentTarget.checked)}
                />
                <span>To {capabilityWords(name)}</span>
              </label>
            </li>
          )}
        </For>
      </ul>
    </details>
  );
}

/** What looks like a secret, and the word that somebody has looked. */
export function Secrets(props: {
  readonly found: readonly PlacedSuspicion[];
  readonly agreed: boolean;
  readonly onAgree: (agreed: boolean) => void;
  readonly problem: string | undefined;
}): JSX.Element {
  return (
    <section class="publish-notice alarm" aria-label="What may be a secret">
      <p>
        <strong>This looks like a secret.</strong> Whoever has the published notebook can read it.
      </p>
      <ul class="publish-list">
        <For each={props.found}>
          {({ place, what, line, shown }) => (
            <li>
              {place}, line {line}: {what}{" "}
              <Show when={shown !== ""}>
                <code>{shown}</code>
              </Show>
            </li>
          )}
        </For>
      </ul>
      <label class="choice">
        <input
          type="checkbox"
          name="agreed"
          checked={props.agreed}
          aria-invalid={props.problem !== undefined}
          onChange={(event) => props.onAgree(event.currentTarget.checked)}
        />
        <span>I have looked: publish it all the same</span>
      </label>
      <Show when={props.problem}>
        {(text) => (
          <p class="form-problem" role="alert">
            {text()}
          </p>
        )}
      </Show>
    </section>
  );
}
