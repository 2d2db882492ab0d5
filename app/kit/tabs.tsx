/** Several views in one place, one of them seen; after the tabs pattern of https://www.w3.org/WAI/ARIA/apg/patterns/tabs/. */
import { For, createUniqueId, type JSX } from "solid-js";

export interface Tab {
  readonly id: string;
  readonly title: string;
}

export function Tabs(props: {
  /** What they are about, for screen readers. */
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly chosen: string;
  readonly onChoose: (id: string) => void;
  /** Of the element that has what is seen. */
  readonly class: string;
  readonly children: JSX.Element;
}): JSX.Element {
  const id = createUniqueId();
  const step = (event: KeyboardEvent): void => {
    const { tabs } = props;
    const at = tabs.findIndex((tab) => tab.id === props.chosen);
    const isBackwards = getComputedStyle(event.currentTarget as Element).direction === "rtl";
    const by = { ArrowRight: isBackwards ? -1 : 1, ArrowLeft: isBackwards ? 1 : -1 }[event.key];
    const next =
      by !== undefined ? tabs[(at + by + tabs.length) % tabs.length] : { Home: tabs[0], End: tabs.at(-1) }[event.key];
    if (!next) return;
    event.preventDefault();
    props.onChoose(next.id);
    document.getElementById(`${id}-${next.id}`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={props.label} onKeyDown={step}>
        <For each={props.tabs}>
          {(tab) => (
            <button
              type="button"
              class="tab"
              role="tab"
              id={`${id}-${tab.id}`}
              aria-selected={tab.id === props.chosen}
              aria-controls={`${id}-content`}
              tabIndex={tab.id === props.chosen ? 0 : -1}
              onClick={() => props.onChoose(tab.id)}
            >
              {tab.title}
            </button>
          )}
        </For>
      </div>
      <div class={props.class} role="tabpanel" id={`${id}-content`} aria-labelledby={`${id}-${props.chosen}`}>
        {props.children}
      </div>
    </>
  );
}
