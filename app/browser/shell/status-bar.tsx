/**
 * The line at the bottom: mode, kernels with their state, where things are saved, problems. `data-kernel` and its
 * `data-status` are public interface and there for all kernels, whether they run or not.
 */
import { For, Show, createMemo, type JSX } from "solid-js";
import type { KernelState } from "#core/session/state.ts";
import { Menu, type MenuItem } from "#kit/menu.tsx";
import type { PageView } from "../notebook/view.ts";

const WORDS = { off: "off", starting: "starting", idle: "ready", busy: "running", dead: "stopped" } as const;

function kernelText(kernel: KernelState): string {
  if (kernel.silent) return "does not answer";
  if (kernel.status !== "starting") return WORDS[kernel.status];
  const percent = kernel.progress === undefined ? "" : ` ${Math.round(kernel.progress * 100)} %`;
  return `${kernel.stage ?? "starting"}${percent}`;
}

function kernelMenu(view: PageView, kernel: KernelState): readonly MenuItem[] {
  const { language, displayName, status } = kernel;
  if (status === "off" || status === "dead") {
    return [{ label: `Start ${displayName}`, run: () => view.session.send({ type: "start_kernel", language }) }];
  }
  return [
    {
      label: `Interrupt ${displayName}`,
      disabled: status !== "busy" && !kernel.silent,
      run: () => view.session.send({ type: "interrupt", language }),
    },
    { label: `Restart ${displayName}`, run: () => view.session.send({ type: "restart", language }) },
  ];
}

export function StatusBar(props: {
  readonly view: PageView;
  readonly saved: string;
  readonly storageTrouble: boolean;
  readonly onProblem: () => void;
  /** Shows what runs on the machine, or what one port serves. */
  readonly onPorts: (port: number | undefined) => void;
}): JSX.Element {
  const kernels = createMemo(() => [...props.view.session$().kernels.values()].map((kernel) => kernel.language));
  const problems = createMemo(() => {
    let count = 0;
    for (const cell of props.view.session$().cells.values()) if (cell.progress === "failed") count++;
    return count;
  });
  const machines = createMemo(() => [...props.view.session$().kernels.values()]);
  const ports = createMemo(() => machines().flatMap((kernel) => kernel.ports ?? []));
  const jobs = createMemo(() => machines().reduce((sum, kernel) => sum + (kernel.jobs?.length ?? 0), 0));
  const elsewhere = (): boolean => props.view.session$().runner === "elsewhere";
  return (
    <footer class="status-bar" aria-label="Status">
      <span class="mode" data-mode={props.view.mode()} title="Esc leaves the text, Enter goes into it">
        {props.view.mode() === "edit" ? "Edit" : "Command"}
      </span>
      <Show when={elsewhere()}>
        <span class="status-item">runs in another tab</span>
      </Show>
      <div class="kernels">
        <For each={kernels()}>
          {(language) => {
            const kernel = (): KernelState => props.view.session$().kernels.get(language) as KernelState;
            return (
              <span
                class="kernel"
                data-kernel={language}
                data-status={kernel().status}
                title={kernel().reason ?? kernel().stage ?? ""}
              >
                <Menu
                  label={`${kernel().displayName} ${kernelText(kernel())}`}
                  class="kernel-button"
                  items={() => kernelMenu(props.view, kernel())}
                >
                  <span class="kernel-mark" />
                  <span class="kernel-name">{kernel().displayName}</span>{" "}
                  <span class="kernel-text">{kernelText(kernel())}</span>
                </Menu>
              </span>
            );
          }}
        </For>
      </div>
      <span class="status-space" />
      <span class="status-ports" aria-live="polite">
        <Show when={ports().length > 0}>
          <button
            type="button"
            class="status-button"
            onClick={() => props.onPorts(ports().length === 1 ? ports()[0] : undefined)}
          >
            {ports().length === 1 ? `Port ${ports()[0]} is open · Preview` : `${ports().length} ports are open`}
          </button>
        </Show>
        <Show when={jobs() > 0}>
          <button type="button" class="status-button" onClick={() => props.onPorts(undefined)}>
            {jobs() === 1 ? "1 background job" : `${jobs()} background jobs`}
          </button>
        </Show>
      </span>
      <Show when={problems() > 0}>
        <button type="button" class="status-button problem" onClick={() => props.onProblem()}>
          <span>
            {problems()}
            <span class="if-room">{problems() === 1 ? " cell" : " cells"}</span>
            {" failed"}
          </span>
        </button>
      </Show>
      <span class={`status-item saved${props.storageTrouble ? " trouble" : ""}`} data-saved={props.saved === "Saved"}>
        {props.saved}
      </span>
    </footer>
  );
}
