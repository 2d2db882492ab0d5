/** Short words at the bottom that go away by themselves, with at most one thing to do about them; and the live region. */
import { For, Show, createRoot, createSignal, type JSX } from "solid-js";
import { Icon } from "#kit/icon.tsx";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly action: { readonly label: string; readonly run: () => void } | undefined;
}

/** How long a toast stays, in milliseconds; one that offers an action, or has much to read, stays longer. */
const STAY = { plain: 5000, action: 12_000, letter: 60 } as const;

const [toasts, setToasts] = createRoot(() => createSignal<readonly Toast[]>([]));
const [spoken, setSpoken] = createRoot(() => createSignal(""));
let count = 0;

function close(id: number): void {
  setToasts((list) => list.filter((toast) => toast.id !== id));
}

/** Says something for a few seconds. */
export function toast(text: string, action?: { readonly label: string; readonly run: () => void }): void {
  const id = ++count;
  setToasts((list) => [...list.filter((other) => other.text !== text), { id, text, action }].slice(-3));
  setTimeout(() => close(id), Math.max(action ? STAY.action : STAY.plain, text.length * STAY.letter));
}

/** Says something to screen readers, politely. */
export function announce(text: string): void {
  // The same words twice are said twice only when the region changes.
  setSpoken((before) => (before === text ? `${text}\u00a0` : text));
}

export function Toasts(): JSX.Element {
  /** Had the focus before a toast took it. */
  let before: HTMLElement | undefined;
  const leave = (id: number): void => {
    close(id);
    if (before?.isConnected && document.activeElement === document.body) before.focus({ preventScroll: true });
    before = undefined;
  };
  return (
    <>
      <div class="toasts" role="status" aria-label="Messages">
        <For each={toasts()}>
          {(item) => (
            <div
              class="toast"
              onFocusIn={(event) => {
                if (event.relatedTarget instanceof HTMLElement && !event.relatedTarget.closest(".toast"))
                  before = event.relatedTarget;
              }}
            >
              <span>{item.text}</span>
              <Show when={item.action}>
                {(action) => (
                  <button
                    type="button"
                    class="button toast-action"
                    onClick={() => {
                      leave(item.id);
                      action().run();
                    }}
                  >
                    {action().label}
                  </button>
                )}
              </Show>
              <button type="button" class="button icon-only" aria-label="Dismiss" onClick={() => leave(item.id)}>
                <Icon name="close" />
              </button>
            </div>
          )}
        </For>
      </div>
      <div class="visually-hidden" aria-live="polite">
        {spoken()}
      </div>
    </>
  );
}
