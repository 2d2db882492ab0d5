/**
 * A button that opens a short list of choices. Arrow keys walk it, letters jump, Escape closes it and gives the focus
 * back. The list floats in the top layer (popover), so nothing clips it.
 */
import { For, Show, createSignal, type JSX } from "solid-js";

export interface MenuItem {
  readonly label: string;
  /** Shown at the end of the line: a key. */
  readonly hint?: string;
  readonly checked?: boolean;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly run: () => void;
}

export interface MenuProps {
  /** Accessible name of the button and the list. */
  readonly label: string;
  readonly class?: string;
  readonly items: () => readonly MenuItem[];
  readonly children: JSX.Element;
  readonly tabIndex?: number;
}

/** The button and, while it is open, its list. */
export function Menu(props: MenuProps): JSX.Element {
  const [open, setOpen] = createSignal(false);
  let button: HTMLButtonElement | undefined;
  let list: HTMLDivElement | undefined;
  const place = (): void => {
    if (!button || !list) return;
    const at = button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = list;
    const below = at.bottom + 4 + height <= innerHeight || at.top < height + 8;
    list.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
    list.style.top = `${below ? at.bottom + 4 : at.top - height - 4}px`;
  };
  const choices = (): HTMLButtonElement[] => [...(list?.querySelectorAll<HTMLButtonElement>("[role^=menuitem]") ?? [])];
  const show = (element: HTMLDivElement): void => {
    list = element;
    queueMicrotask(() => {
      element.showPopover();
      place();
      choices()
        .find((choice) => !choice.disabled)
        ?.focus();
    });
  };
  const close = (refocus: boolean): void => {
    setOpen(false);
    if (refocus) button?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const all = choices();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const letter = event.key.length === 1 ? event.key.toLowerCase() : "";
    if (event.key === "Escape") close(true);
    else if (event.key === "Tab") close(false);
    else if (event.key === "ArrowDown") all[(at + 1) % all.length]?.focus();
    else if (event.key === "ArrowUp") all[(at - 1 + all.length) % all.length]?.focus();
    else if (event.key === "Home") all[0]?.focus();
    else if (event.key === "End") all.at(-1)?.focus();
    else if (letter >= "a" && letter <= "z") {
      [...all.slice(at + 1), ...all.slice(0, at + 1)]
        .find((choice) => choice.textContent.toLowerCase().startsWith(letter))
        ?.focus();
    } else if (event.key !== "Enter" && event.key !== " ") return;
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== " " && event.key !== "Tab") event.preventDefault();
  };
  return (
    <>
      <button
        ref={(element) => (button = element)}
        type="button"
        class={props.class}
        aria-label={props.label}
        aria-haspopup="menu"
        aria-expanded={open()}
        tabIndex={props.tabIndex}
        onClick={(event) => {
          event.stopPropagation();
          setOpen(!open());
        }}
      >
        {props.children}
      </button>
      <Show when={open()}>
        <div
          ref={show}
          class="menu"
          role="menu"
          aria-label={props.label}
          popover="auto"
          onKeyDown={onKeyDown}
          onToggle={(event) => {
            if ((event as ToggleEvent).newState === "closed") setOpen(false);
          }}
        >
          <For each={props.items()}>
            {(item) => (
              <button
                type="button"
                class={item.danger ? "menu-item danger" : "menu-item"}
                role={item.checked === undefined ? "menuitem" : "menuitemradio"}
                aria-checked={item.checked}
                disabled={item.disabled}
                onClick={(event) => {
                  event.stopPropagation();
                  close(true);
                  item.run();
                }}
              >
                <span>{item.label}</span>
                <Show when={item.hint}>
                  <kbd>{item.hint}</kbd>
                </Show>
              </button>
            )}
          </For>
        </div>
      </Show>
    </>
  );
}
