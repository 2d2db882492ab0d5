/** The panel: which ports are open and what runs in the background, or a page that a port serves. */
import { For, Match, Show, Switch, createEffect, createMemo, createSignal, onCleanup, type JSX } from "solid-js";
import type { Job } from "#core/kernel/machine.ts";
import type { Session } from "#core/session/session.ts";
import type { KernelState, SessionState } from "#core/session/state.ts";
import type { PageActions } from "#kit/commands.ts";
import { Icon } from "#kit/icon.tsx";
import type { PanelProps } from "#kit/panels.ts";
import { shownAddress, typedAddress } from "./address.ts";
import { type Answer, textOf } from "./client.ts";
import { type Preview, previewOf, type Shown } from "./preview.ts";
import "./ports.css";

export function PortsPanel(props: PanelProps): JSX.Element {
  const session = props.context.view?.session;
  return (
    <Show when={session} fallback={<p class="quiet">Ports belong to a notebook: open one first.</p>}>
      {(open) => <Ports session={open()} page={props.context.page} />}
    </Show>
  );
}

function Ports(props: { readonly session: Session; readonly page: PageActions }): JSX.Element {
  const preview = previewOf(props.session);
  const [state, setState] = createSignal<SessionState>(props.session.state);
  onCleanup(props.session.onChange((next) => setState(next)));
  const machine = createMemo<KernelState | undefined>(() =>
    [...state().kernels.values()].find(({ ports, jobs }) => ports.length > 0 || jobs.length > 0),
  );
  return (
    <div class="ports">
      <Show
        when={preview.address()}
        fallback={<Lists machine={machine()} session={props.session} preview={preview} page={props.page} />}
      >
        <Browser preview={preview} page={props.page} />
      </Show>
    </div>
  );
}

function Lists(props: {
  readonly machine: KernelState | undefined;
  readonly session: Session;
  readonly preview: Preview;
  readonly page: PageActions;
}): JSX.Element {
  const ports = (): readonly number[] => props.machine?.ports ?? [];
  const jobs = (): readonly Job[] => props.machine?.jobs ?? [];
  return (
    <div class="ports-lists">
      <div class="ports-bar">
        <span class="ports-space" />
        <HideButton page={props.page} />
      </div>
      <section aria-labelledby="ports-open">
        <h3 id="ports-open">Open ports</h3>
        <Show
          when={ports().length > 0}
          fallback={
            <p class="quiet">
              No port is open. A server that a shell cell or a terminal starts, such as{" "}
              <code>busybox httpd -f -p 8000 &amp;</code>, is listed here and can be previewed.
            </p>
          }
        >
          <ul class="ports-list">
            <For each={ports()}>
              {(port) => (
                <li>
                  <span class="ports-name">{port}</span>
                  <button
                    type="button"
                    class="button"
                    aria-label={`Preview port ${port}`}
                    onClick={() => props.preview.go({ port, path: "/", fragment: "" })}
                  >
                    Preview
                  </button>
                </li>
              )}
            </For>
          </ul>
        </Show>
      </section>
      <section aria-labelledby="ports-jobs">
        <h3 id="ports-jobs">Background jobs</h3>
        <Show
          when={jobs().length > 0}
          fallback={<p class="quiet">Nothing that a cell has left running in the background.</p>}
        >
          <ul class="ports-list">
            <For each={jobs()}>
              {(job) => (
                <li>
                  <span class="ports-name" title={job.name}>
                    {job.name}
                  </span>
                  <span class="quiet">
                    process {job.pid}, since {clock(job.since)}
                  </span>
                  <button
                    type="button"
                    class="button"
                    aria-label={`End ${job.name}, process ${job.pid}`}
                    onClick={() => props.session.machine.send({ type: "job_end", pid: job.pid })}
                  >
                    End
                  </button>
                </li>
              )}
            </For>
          </ul>
        </Show>
      </section>
    </div>
  );
}

function Browser(props: { readonly preview: Preview; readonly page: PageActions }): JSX.Element {
  const { preview } = props;
  const [wrong, setWrong] = createSignal(false);
  const shownText = (): string => {
    const address = preview.address();
    return address ? shownAddress(address) : "";
  };
  let field: HTMLInputElement | undefined;
  const go = (event: Event): void => {
    event.preventDefault();
    const address = typedAddress(field?.value ?? "", preview.address());
    setWrong(!address);
    if (address) preview.go(address);
  };
  return (
    <>
      <form class="ports-bar" onSubmit={go}>
        <button type="button" class="button" title="Ports and background jobs" onClick={() => preview.leave()}>
          Ports
        </button>
        <IconButton name="left" label="Back" disabled={!preview.canStep(-1)} onClick={() => preview.step(-1)} />
        <IconButton name="right" label="Forward" disabled={!preview.canStep(1)} onClick={() => preview.step(1)} />
        <IconButton name="restart" label="Reload" onClick={() => preview.reload()} />
        <input
          ref={(element) => (field = element)}
          class="input ports-address"
          type="text"
          inputmode="url"
          spellcheck={false}
          autocomplete="off"
          aria-label="Address on the machine"
          aria-invalid={wrong()}
          value={shownText()}
          onInput={() => setWrong(false)}
        />
        <HideButton page={props.page} />
      </form>
      <Show when={wrong()}>
        <p class="ports-note" role="alert">
          A preview shows servers of the Linux machine: an address such as localhost:8000/page.
        </p>
      </Show>
      <Show when={preview.note()}>
        <p class="ports-note" role="status">
          {preview.note()}
        </p>
      </Show>
      <p class="ports-loading quiet" role="status">
        {preview.loading() ? `Loading ${shownText()} …` : ""}
      </p>
      <div class="ports-place">
        <Content preview={preview} page={props.page} />
      </div>
    </>
  );
}

type Of<Type extends Shown["type"]> = Extract<Shown, { type: Type }>;

function Content(props: { readonly preview: Preview; readonly page: PageActions }): JSX.Element {
  const of = <Type extends Shown["type"]>(type: Type): Of<Type> | undefined => {
    const shown = props.preview.shown();
    return shown.type === type ? (shown as Of<Type>) : undefined;
  };
  return (
    <Switch>
      <Match when={of("page")} keyed>
        {(shown) => <Frame preview={props.preview} source={shown.source} />}
      </Match>
      <Match when={of("file")} keyed>
        {(shown) => <ServedFile {...shown} page={props.page} />}
      </Match>
      <Match when={of("error")}>
        {(shown) => (
          <div class="ports-error" role="alert">
            <h3>{shown().title}</h3>
            <p>{shown().text}</p>
            <button type="button" class="button" onClick={() => props.preview.reload()}>
              Try again
            </button>
          </div>
        )}
      </Match>
    </Switch>
  );
}

/** The sandbox: an origin of its own, no way to the page around it, no power over the tab. */
function Frame(props: { readonly preview: Preview; readonly source: string }): JSX.Element {
  let frame: HTMLIFrameElement | undefined;
  const hear = (event: MessageEvent): void => props.preview.hear(event, frame?.contentWindow ?? null);
  addEventListener("message", hear);
  onCleanup(() => removeEventListener("message", hear));
  createEffect(() => {
    if (frame) frame.title = props.preview.title() || "Preview";
  });
  return (
    <iframe
      ref={(element) => {
        frame = element;
        element.setAttribute(
          "sandbox",
          "allow-scripts allow-forms allow-popups allow-popups-to-escape-sandbox allow-downloads",
        );
        element.srcdoc = props.source;
      }}
      class="ports-frame"
      title="Preview"
      referrerpolicy="no-referrer"
    />
  );
}

function ServedFile(props: {
  readonly name: string;
  readonly mime: string;
  readonly answer: Answer;
  readonly page: PageActions;
}): JSX.Element {
  const isText = /^text\/|json|xml|javascript/.test(props.mime);
  const isPicture = /^image\/(?:png|jpeg|gif|webp|avif|bmp|svg\+xml|x-icon)$/.test(props.mime);
  let url = "";
  if (isPicture) {
    url = URL.createObjectURL(new Blob([props.answer.body], { type: props.mime }));
    onCleanup(() => URL.revokeObjectURL(url));
  }
  return (
    <Switch
      fallback={
        <div class="ports-error">
          <h3>{props.name}</h3>
          <p>
            {props.answer.body.length.toLocaleString("en")} bytes of {props.mime}.
          </p>
          <button
            type="button"
            class="button"
            onClick={() => props.page.download(props.name, props.answer.body, props.mime)}
          >
            Download
          </button>
        </div>
      }
    >
      <Match when={isPicture}>
        <img class="ports-picture" src={url} alt={props.name} />
      </Match>
      <Match when={isText}>
        <pre class="ports-text" tabindex={0}>
          {textOf(props.answer)}
        </pre>
      </Match>
    </Switch>
  );
}

function IconButton(props: {
  readonly name: "left" | "right" | "restart";
  readonly label: string;
  readonly disabled?: boolean;
  readonly onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      class="button icon-only"
      aria-label={props.label}
      title={props.label}
      disabled={props.disabled ?? false}
      onClick={() => props.onClick()}
    >
      <Icon name={props.name} />
    </button>
  );
}

function HideButton(props: { readonly page: PageActions }): JSX.Element {
  return (
    <button
      type="button"
      class="button icon-only"
      aria-label="Hide ports"
      title="Hide ports"
      onClick={() => props.page.togglePanel("ports")}
    >
      <Icon name="down" />
    </button>
  );
}

const clock = (time: number): string =>
  new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
